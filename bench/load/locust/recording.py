"""Records raw latencies under Locust: a locustfile imports this module, and has --load-log.

    import bench.load.locust.recording

Only a locustfile may import it: importing Locust patches the standard library.
"""

from __future__ import annotations

from bench.load.locust.hooks import LoadHooks

LoadHooks().listen()
