"""The gate for continuous integration: two versions side by side, each with its own code.

It starts processes, builds databases and times; `bench.judge.gate` draws the conclusions and
`bench.report` prints them.
"""
