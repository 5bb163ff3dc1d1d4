"""A closed loop: so many connections, each sends again when it was answered.

What wrk does, for comparing with it. Nothing is due here: a slow server gets fewer requests, and
what it makes users wait is not seen.
"""

from __future__ import annotations

import asyncio
import time

from bench.load.completion import Completion
from bench.load.http_connection import IDLE, Connection, Host, bytes_of
from bench.load.load_result import CannotSend, LoadResult, error_of, not_connected, openable
from bench.load.records import BROKEN, TIMED_OUT, Answer
from bench.load.schedule import Schedule


class ClosedLoop:
    """The requests in turn, beginning anew when they run out, for some seconds.

    A connection that breaks is counted and opened anew. `due_ns` of an answer is when it was sent.
    """

    def __init__(
        self,
        schedule: Schedule,
        host: Host,
        *,
        connections: int,
        seconds: float,
        timeout_s: float,
    ) -> None:
        self._scheduled = schedule.requests
        self._refusals = schedule.refusals
        self._host = host
        self._requests = [
            bytes_of(scheduled.request, host.header) for scheduled in schedule.requests
        ]
        self._count = connections
        self._seconds = seconds
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._done = Completion(self._loop)
        self._begun_ns = self._until_ns = 0
        self._sent = 0
        self._sent_ns: dict[Connection, int] = {}
        self._answers: list[Answer] = []
        self._left = connections
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> LoadResult:
        """Run until every connection has its last answer, or has waited too long for it.

        Raises:
            CannotSend: this process may open no further connection.
        """
        cpu_ns, begun_at_ns = time.process_time_ns(), time.time_ns()
        self._begun_ns = time.perf_counter_ns()
        self._until_ns = self._begun_ns + round(self._seconds * 1e9)
        for _ in range(self._count):
            self._open()
        try:
            await asyncio.wait_for(self._done.wait(), self._seconds + self._timeout_s)
        except TimeoutError:
            for connection in list(self._sent_ns):
                self._count_error(connection, TIMED_OUT)
        finally:
            for connection in self._sent_ns:
                connection.drop()
        seconds = (time.perf_counter_ns() - self._begun_ns) / 1e9
        cpu_s = (time.process_time_ns() - cpu_ns) / 1e9
        answers = tuple(self._answers)
        return LoadResult(
            answers, self._begun_ns, begun_at_ns, seconds, seconds, cpu_s, cpu_s, self._count
        )

    def _open(self) -> None:
        task = self._loop.create_task(self._connected())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connected(self) -> None:
        connection = Connection(self)
        tried_ns = time.perf_counter_ns()
        try:
            await self._loop.create_connection(
                lambda: connection, self._host.address, self._host.port
            )
        except OSError as error:
            if not openable(error):
                self._done.fail(CannotSend.of(len(self._sent_ns), error))
                return
            self._sent_ns[connection] = tried_ns
            connection.index = self._sent % len(self._scheduled)
            self._count_error(connection, not_connected(error))
            self._end()
            return
        self._following(connection)

    def _following(self, connection: Connection) -> None:
        if time.perf_counter_ns() >= self._until_ns or connection.gone:
            self._sent_ns.pop(connection, None)
            connection.drop()
            self._end()
            return
        index = self._sent % len(self._scheduled)
        self._sent += 1
        self._sent_ns[connection] = connection.send(index, self._requests[index])

    def _end(self) -> None:
        self._left -= 1
        if not self._left:
            self._done.reach()

    def answered(self, connection: Connection, status: int, ended_ns: int) -> None:
        """Part of http_connection.Owner."""
        index, connection.index = connection.index, IDLE
        name, error = error_of(self._scheduled[index].name, status, self._refusals)
        self._record(connection, name, ended_ns, status, error)
        if connection.keeps_alive:
            self._following(connection)
        else:
            connection.drop()
            del self._sent_ns[connection]
            self._again()

    def lost(self, connection: Connection) -> None:
        """Part of http_connection.Owner."""
        if connection in self._sent_ns:
            self._count_error(connection, BROKEN)
            self._again()

    def _again(self) -> None:
        if time.perf_counter_ns() < self._until_ns:
            self._open()
        else:
            self._end()

    def _count_error(self, connection: Connection, error: str) -> None:
        name = self._scheduled[connection.index].name
        self._record(connection, name, time.perf_counter_ns(), 0, error)
        del self._sent_ns[connection]
        connection.drop()

    def _record(
        self, connection: Connection, name: str, ended_ns: int, status: int, error: str
    ) -> None:
        sent_ns = self._sent_ns[connection] - self._begun_ns
        self._answers.append(
            Answer(name, sent_ns, sent_ns, ended_ns - self._begun_ns, status, error)
        )
