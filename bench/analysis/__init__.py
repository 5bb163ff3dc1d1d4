"""Evidence: which index earns its keep, what statistics do, what it costs, whether it lasts.

It measures on databases; `bench.judge` draws the conclusions.
"""
