"""The micro-benchmarks: names of operations bound to queries, run by pytest-benchmark."""
