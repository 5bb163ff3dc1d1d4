"""Raw latencies and open arrivals under Locust, for any locustfile.

A locustfile imports `recording`, and has the options of `options`. `hooks` ties one Locust process
to Locust's events, `leader` and `process` are its two parts, `recorder` and `shard` keep latencies,
and `open_arrivals` sends a schedule.
"""
