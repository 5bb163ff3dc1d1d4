"""Load on a study's service: what is sent and when, what came back, on which arm.

`arrivals` says when requests are due, `schedule` which ones they are, a generator process sends
them and leaves one flat record for each (`records`), HdrHistogram logs are made of those
(`hdrlog`), and bench.judge turns them into figures.
"""
