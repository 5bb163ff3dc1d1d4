"""Sends a schedule: each request at its time, whatever has become of those before (open loop).

A request that is due takes the kept-alive connection that was idle last, or opens one; where as
many are open as may be, it waits for one and is sent late. It is never left out: one that got no
connection within the time limit is recorded as not sent. A request that was sent on a connection
which the server had closed while it was idle, and of which nothing came back, is sent once more
on a new one, as browsers do (RFC 9112, section 9.3.1); its time counts from the first sending.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable

from bench.load.http_connection import IDLE, Connection, Host, bytes_of
from bench.load.load_result import CannotSend, LoadResult, ProgressTick
from bench.load.records import BROKEN, GOOD, NOT_CONNECTED, TIMED_OUT, UNSENT, WRONG, Answer
from bench.load.schedule import Schedule
from bench.load.timerfd import Timerfd
from bench.study.service import counted_name

_TICK_S = 0.05
# As many are sent before the sockets are looked at again.
_AT_ONCE = 32


class OpenLoop:
    """One sending of a schedule; made and run inside a running event loop."""

    lead_ns = 20_000_000
    """How long before its start the schedule is ready."""

    def __init__(
        self,
        schedule: Schedule,
        host: Host,
        *,
        connections: int,
        timeout_s: float,
        on_second: Callable[[ProgressTick], object] | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        self._scheduled = list(schedule.requests)
        self._refusals = schedule.refusals
        self._host = host
        self._requests = [
            bytes_of(scheduled.request, host.header) for scheduled in schedule.requests
        ]
        self._limit = connections
        self._timeout_ns = round(timeout_s * 1e9)
        self._on_second = on_second
        self._enough = enough
        self._loop = asyncio.get_running_loop()
        # Reached once: by the last answer, or by the fault of a callback that cut the load short.
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._loop.set_exception_handler(self._on_exception)
        self._timer = Timerfd(self._loop, self._on_time)
        self._begun_ns = self._cpu_ns = 0
        self._due_ns: list[int] = []
        self._sent_ns = [0] * len(schedule.requests)
        self._answers: list[Answer | None] = [None] * len(schedule.requests)
        self._next = 0
        self._until = self._left = len(schedule.requests)
        self._second = 0
        self._open = 0
        self._most = 0
        self._idle: dict[Connection, None] = {}
        self._carriers: dict[int, Connection | asyncio.Task[None]] = {}
        self._retried: set[int] = set()
        self._waiting: deque[int] = deque()
        self._deadlines: deque[tuple[int, int]] = deque()
        self._sending = (0.0, 0.0)

    async def run(self) -> LoadResult:
        """Send it and wait for the last answer.

        Raises:
            CannotSend: this process may open no further connection.
        """
        self._cpu_ns = time.process_time_ns()
        self._begun_ns = time.perf_counter_ns() + self.lead_ns
        begun_at_ns = time.time_ns() + self.lead_ns
        try:
            if self._scheduled:
                self._begin()
                self._tick()
                await self._done
        finally:
            self._timer.close()
            for connection in list(self._idle):
                connection.drop()
        ended_ns = time.perf_counter_ns()
        return LoadResult(
            tuple(answer for answer in self._answers if answer is not None),
            self._begun_ns,
            begun_at_ns,
            max(0, ended_ns - self._begun_ns) / 1e9,
            *self._sending,
            (time.process_time_ns() - self._cpu_ns) / 1e9,
            self._most,
        )

    def _begin(self) -> None:
        self._due_ns = [self._begun_ns + scheduled.due_ns for scheduled in self._scheduled]
        self._timer.set(self._due_ns[0])

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)

    def _on_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        self._fail(error if isinstance(error, Exception) else RuntimeError(context["message"]))

    def _reach_end(self) -> None:
        if not self._left and not self._done.done():
            self._done.set_result(None)

    def _on_time(self) -> None:
        """Send what is due, then sleep until the next is."""
        for _ in range(_AT_ONCE):
            if self._next == self._until:
                self._sent_all()
                return
            if self._due_ns[self._next] > time.perf_counter_ns():
                break
            index = self._next
            self._next += 1
            self._start(index)
            if self._next == self._until:
                self._sent_all()
                return
        self._timer.set(self._due_ns[self._next])

    def _sent_all(self) -> None:
        self._timer.stop()
        now_ns = time.perf_counter_ns()
        self._sending = (
            (now_ns - self._begun_ns + self.lead_ns) / 1e9,
            (time.process_time_ns() - self._cpu_ns) / 1e9,
        )

    def _cut(self, now_ns: int) -> None:
        """Leave out what is not due yet: the schedule ends here."""
        until = max(self._next, bisect_right(self._due_ns, now_ns, hi=self._until))
        if until == self._until:
            return
        self._left -= self._until - until
        self._until = until
        if self._next == until:
            self._sent_all()
        self._reach_end()

    def _start(self, index: int) -> None:
        if self._idle:
            connection, _ = self._idle.popitem()
            self._send(index, connection)
        elif self._open < self._limit:
            self._connect(index)
        else:
            self._waiting.append(index)

    def _send(self, index: int, connection: Connection) -> None:
        self._carriers[index] = connection
        sent_ns = connection.send(index, self._requests[index])
        if index not in self._retried:
            self._sent_ns[index] = sent_ns
            self._deadlines.append((sent_ns + self._timeout_ns, index))

    def _connect(self, index: int) -> None:
        self._open += 1
        self._most = max(self._most, self._open)
        if index not in self._retried:
            # Stands where no connection comes about; otherwise sending counts.
            self._sent_ns[index] = time.perf_counter_ns()
            self._deadlines.append((self._sent_ns[index] + self._timeout_ns, index))
        self._carriers[index] = self._loop.create_task(self._connected(index))

    async def _connected(self, index: int) -> None:
        connection = Connection(self)
        try:
            await self._loop.create_connection(
                lambda: connection, self._host.address, self._host.port
            )
        except asyncio.CancelledError:
            connection.drop()
            raise
        except OSError as error:
            connection.drop()
            self._open -= 1
            if CannotSend.because(error):
                self._fail(CannotSend.of(self._open, error))
                return
            not_connected = isinstance(error, ConnectionRefusedError)
            self._finish(
                index, 0, NOT_CONNECTED if not_connected else BROKEN, time.perf_counter_ns()
            )
            self._serve_waiting()
            return
        if connection.gone:
            self._finish(index, 0, BROKEN, time.perf_counter_ns())
        else:
            self._send(index, connection)

    def answered(self, connection: Connection, status: int, ended_ns: int) -> None:
        """Part of http_connection.Owner."""
        index, connection.index = connection.index, IDLE
        name = counted_name(self._scheduled[index].name, status, self._refusals)
        self._finish(index, status, f"{WRONG} {status}" if name is None else GOOD, ended_ns, name)
        if not connection.keeps_alive:
            connection.drop()
            self._open -= 1
            self._serve_waiting()
        elif self._waiting:
            self._send(self._waiting.popleft(), connection)
        else:
            self._idle[connection] = None

    def lost(self, connection: Connection) -> None:
        """Part of http_connection.Owner."""
        self._idle.pop(connection, None)
        self._open -= 1
        index = connection.index
        if index != IDLE:
            closed_while_idle = connection.answers > 0 and not connection.heard
            if closed_while_idle and index not in self._retried:
                self._retried.add(index)
                self._connect(index)
            else:
                self._finish(index, 0, BROKEN, time.perf_counter_ns())
        self._serve_waiting()

    def _serve_waiting(self) -> None:
        while self._waiting and self._open < self._limit:
            self._connect(self._waiting.popleft())

    def _finish(
        self, index: int, status: int, error: str, ended_ns: int, name: str | None = None
    ) -> None:
        self._carriers.pop(index, None)
        scheduled = self._scheduled[index]
        sent_ns = 0 if error == UNSENT else self._sent_ns[index] - self._begun_ns
        after_ns = 0 if error == UNSENT else ended_ns - self._begun_ns
        self._answers[index] = Answer(
            name or scheduled.name, scheduled.due_ns, sent_ns, after_ns, status, error
        )
        self._finished(error)

    def _finished(self, error: str) -> None:
        self._left -= 1
        self._reach_end()

    def _tick(self) -> None:
        """Give up what has had its time; report a new second."""
        if self._done.done():
            return
        now_ns = time.perf_counter_ns()
        while self._deadlines and self._deadlines[0][0] <= now_ns:
            self._give_up(self._deadlines.popleft()[1], now_ns)
        while self._waiting and self._due_ns[self._waiting[0]] + self._timeout_ns <= now_ns:
            self._finish(self._waiting.popleft(), 0, UNSENT, now_ns)
        self._serve_waiting()
        if self._on_second is not None and now_ns >= self._begun_ns + self._second * 10**9:
            done = self._until - self._left
            self._on_second(ProgressTick(self._second, self._begun_ns, self._next, done))
            self._second += 1
        if self._enough():
            self._cut(now_ns)
        self._loop.call_later(_TICK_S, self._tick)

    def _give_up(self, index: int, now_ns: int) -> None:
        carrier = self._carriers.get(index)
        # A new connection notes two moments, connecting and sending: the later counts.
        if carrier is None or self._sent_ns[index] + self._timeout_ns > now_ns:
            return
        if isinstance(carrier, Connection):
            carrier.drop()
        else:
            carrier.cancel()
        self._open -= 1
        self._finish(index, 0, TIMED_OUT, now_ns)
