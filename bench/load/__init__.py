"""Load on a served shop, told truthfully: what is sent and when, what came back, on which arm.

Data goes one way. `arrivals` says when requests are due, `tape` which ones they are, a player
sends them and leaves one flat record for each (`records`), HdrHistogram logs are made of those
(`hdrlog`), and bench.judge turns them into figures. Nothing here knows a statistic.
"""
