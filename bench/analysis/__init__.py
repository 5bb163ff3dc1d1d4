"""Evidence: which index earns its keep, what statistics do, what it costs, whether it lasts.

A measuring room: it talks to databases and clocks. What is concluded stands in `bench.judge`.
"""
