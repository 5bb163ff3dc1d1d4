"""Plays a tape: each request at its time, whatever has become of those before it (an open load).

Knows sockets and clocks.

A slot that is due takes the kept-alive connection that was idle last, or opens one; where as many
are open as may be, it waits for one and is sent late. It is never left out: one that found no
connection within the time limit is recorded as not sent. A request that was sent on a connection
which the server had closed while it was idle, and of which nothing came back, is sent once more
on a new one, as browsers do (RFC 9112, section 9.3.1); its time counts from the first sending.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence

from bench.load.completion import Completion
from bench.load.http_connection import IDLE, Connection, Host, bytes_of
from bench.load.load_result import CannotSend, LoadResult, Second, error_of, not_connected, openable
from bench.load.records import BROKEN, TIMED_OUT, UNSENT, Answer
from bench.load.schedule import ScheduledRequest
from bench.load.timerfd import Timerfd

_LEAD_NS = 20_000_000
_TICK_S = 0.05
# As many are sent before the sockets are looked at again.
_AT_ONCE = 32


class OpenLoop:
    """One play of a tape; made and run inside a running event loop."""

    def __init__(
        self,
        slots: Sequence[ScheduledRequest],
        host: Host,
        *,
        connections: int,
        timeout_s: float,
        tell: Callable[[Second], object] | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        self._slots = slots
        self._host = host
        self._requests = [bytes_of(slot.request, host.header) for slot in slots]
        self._limit = connections
        self._timeout_ns = round(timeout_s * 1e9)
        self._tell = tell
        self._enough = enough
        self._loop = asyncio.get_running_loop()
        self._done = Completion(self._loop)
        self._alarm = Timerfd(self._loop, self._on_time)
        self._begun_ns = 0
        self._due_ns: list[int] = []
        self._sent_ns = [0] * len(slots)
        self._answers: list[Answer | None] = [None] * len(slots)
        self._next = 0
        self._until = self._left = len(slots)
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
        """Play it to the last answer.

        Raises:
            CannotSend: this process may open no further connection.
        """
        cpu_ns = time.process_time_ns()
        self._cpu_ns = cpu_ns
        self._begun_ns = time.perf_counter_ns() + _LEAD_NS
        begun_at_ns = time.time_ns() + _LEAD_NS
        self._due_ns = [self._begun_ns + slot.due_ns for slot in self._slots]
        try:
            if self._slots:
                self._alarm.set(self._due_ns[0])
                self._tick()
                await self._done.wait()
        finally:
            self._alarm.close()
            for connection in list(self._idle):
                connection.drop()
        ended_ns = time.perf_counter_ns()
        return LoadResult(
            tuple(answer for answer in self._answers if answer is not None),
            self._begun_ns,
            begun_at_ns,
            max(0, ended_ns - self._begun_ns) / 1e9,
            *self._sending,
            (time.process_time_ns() - cpu_ns) / 1e9,
            self._most,
        )

    def _on_time(self) -> None:
        """Send what is due, then sleep until the next is."""
        for _ in range(_AT_ONCE):
            if self._next == self._until:
                self._sent_all()
                return
            if self._due_ns[self._next] > time.perf_counter_ns():
                break
            slot = self._next
            self._next += 1
            self._start(slot)
            if self._next == self._until:
                self._sent_all()
                return
        self._alarm.set(self._due_ns[self._next])

    def _sent_all(self) -> None:
        self._alarm.stop()
        now_ns = time.perf_counter_ns()
        self._sending = (
            (now_ns - self._begun_ns + _LEAD_NS) / 1e9,
            (time.process_time_ns() - self._cpu_ns) / 1e9,
        )

    def _cut(self, now_ns: int) -> None:
        """Leave out what is not due yet: the tape ends here."""
        until = max(self._next, bisect_right(self._due_ns, now_ns, hi=self._until))
        if until == self._until:
            return
        self._left -= self._until - until
        self._until = until
        if self._next == until:
            self._sent_all()
        if not self._left:
            self._done.reach()

    def _start(self, slot: int) -> None:
        if self._idle:
            connection, _ = self._idle.popitem()
            self._send(slot, connection)
        elif self._open < self._limit:
            self._connect(slot)
        else:
            self._waiting.append(slot)

    def _send(self, slot: int, connection: Connection) -> None:
        self._carriers[slot] = connection
        sent_ns = connection.send(slot, self._requests[slot])
        if slot not in self._retried:
            self._sent_ns[slot] = sent_ns
            self._deadlines.append((sent_ns + self._timeout_ns, slot))

    def _connect(self, slot: int) -> None:
        self._open += 1
        self._most = max(self._most, self._open)
        if slot not in self._retried:
            # Stands where no connection comes about; otherwise sending counts.
            self._sent_ns[slot] = time.perf_counter_ns()
            self._deadlines.append((self._sent_ns[slot] + self._timeout_ns, slot))
        self._carriers[slot] = self._loop.create_task(self._connected(slot))

    async def _connected(self, slot: int) -> None:
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
            if not openable(error):
                self._done.fail(CannotSend.of(self._open, error))
                return
            self._finish(slot, 0, not_connected(error), time.perf_counter_ns())
            self._serve_waiting()
            return
        if connection.gone:
            self._finish(slot, 0, BROKEN, time.perf_counter_ns())
        else:
            self._send(slot, connection)

    def answered(self, connection: Connection, status: int, ended_ns: int) -> None:
        """Part of wire.Owner."""
        slot, connection.slot = connection.slot, IDLE
        name, error = error_of(self._slots[slot].name, status)
        self._finish(slot, status, error, ended_ns, name)
        if not connection.keeps_alive:
            connection.drop()
            self._open -= 1
            self._serve_waiting()
        elif self._waiting:
            self._send(self._waiting.popleft(), connection)
        else:
            self._idle[connection] = None

    def lost(self, connection: Connection) -> None:
        """Part of wire.Owner."""
        self._idle.pop(connection, None)
        self._open -= 1
        slot = connection.slot
        if slot != IDLE:
            closed_while_idle = connection.answers > 0 and not connection.heard
            if closed_while_idle and slot not in self._retried:
                self._retried.add(slot)
                self._connect(slot)
            else:
                self._finish(slot, 0, BROKEN, time.perf_counter_ns())
        self._serve_waiting()

    def _serve_waiting(self) -> None:
        while self._waiting and self._open < self._limit:
            self._connect(self._waiting.popleft())

    def _finish(
        self, slot: int, status: int, error: str, ended_ns: int, name: str | None = None
    ) -> None:
        self._carriers.pop(slot, None)
        played = self._slots[slot]
        sent_ns = 0 if error == UNSENT else self._sent_ns[slot] - self._begun_ns
        after_ns = 0 if error == UNSENT else ended_ns - self._begun_ns
        self._answers[slot] = Answer(
            name or played.name, played.due_ns, sent_ns, after_ns, status, error
        )
        self._left -= 1
        if not self._left:
            self._done.reach()

    def _tick(self) -> None:
        """Give up what has had its time; tell of a new second."""
        if self._done.over:
            return
        now_ns = time.perf_counter_ns()
        while self._deadlines and self._deadlines[0][0] <= now_ns:
            self._give_up(self._deadlines.popleft()[1], now_ns)
        while self._waiting and self._due_ns[self._waiting[0]] + self._timeout_ns <= now_ns:
            self._finish(self._waiting.popleft(), 0, UNSENT, now_ns)
        self._serve_waiting()
        if self._tell is not None and now_ns >= self._begun_ns + self._second * 10**9:
            done = self._until - self._left
            self._tell(Second(self._second, self._begun_ns, self._next, done))
            self._second += 1
        if self._enough():
            self._cut(now_ns)
        self._loop.call_later(_TICK_S, self._tick)

    def _give_up(self, slot: int, now_ns: int) -> None:
        carrier = self._carriers.get(slot)
        # A new connection notes two moments for its slot, connecting and sending: the later counts.
        if carrier is None or self._sent_ns[slot] + self._timeout_ns > now_ns:
            return
        if isinstance(carrier, Connection):
            carrier.drop()
        else:
            carrier.cancel()
        self._open -= 1
        self._finish(slot, 0, TIMED_OUT, now_ns)
