"""The gate for continuous integration: two versions side by side, each with its own code.

A measuring room: it starts processes, builds databases and times. What is concluded stands in
`bench.judge.gate`, and what is printed in `bench.report`.
"""
