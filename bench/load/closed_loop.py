"""A closed loop: so many connections, each sends again when it was answered.

What wrk does, for comparing with it. Nothing is due here: a slow server gets fewer requests, and
what it makes users wait is not seen.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import cycle

from bench.load.http_connection import Host
from bench.load.load_result import LoadResult
from bench.load.open_loop import OpenLoop
from bench.load.records import NOT_CONNECTED
from bench.load.schedule import Schedule


class ClosedLoop(OpenLoop):
    """The requests in turn, beginning anew when they run out, for some seconds.

    A connection that breaks is counted and opened anew, but for one that was refused. `due_ns` of
    an answer is when it was sent.
    """

    lead_ns = 0

    def __init__(
        self, schedule: Schedule, host: Host, *, connections: int, seconds: float, timeout_s: float
    ) -> None:
        super().__init__(schedule, host, connections=connections, timeout_s=timeout_s)
        self._following = cycle(zip(self._scheduled, self._requests, strict=True))
        self._seconds = seconds
        self._until_ns = 0

    async def run(self) -> LoadResult:
        """Run until every connection has its last answer, or has waited too long for it.

        Raises:
            CannotSend: this process may open no further connection.
        """
        result = await super().run()
        answers = tuple(replace(answer, due_ns=answer.sent_ns) for answer in result.answers)
        return replace(
            result, answers=answers, sending_s=result.seconds, sending_cpu_s=result.cpu_s
        )

    def _begin(self) -> None:
        self._until_ns = self._begun_ns + round(self._seconds * 1e9)
        self._scheduled, self._requests, self._sent_ns, self._answers = [], [], [], []
        self._left = self._limit
        for _ in range(self._limit):
            self._follow()

    def _follow(self) -> None:
        scheduled, request = next(self._following)
        self._scheduled.append(scheduled)
        self._requests.append(request)
        self._sent_ns.append(0)
        self._answers.append(None)
        self._start(len(self._requests) - 1)

    def _finished(self, error: str) -> None:
        if error != NOT_CONNECTED and time.perf_counter_ns() < self._until_ns:
            self._follow()
        else:
            super()._finished(error)
