"""Reads: cheap ones on the event loop itself, the others in a few threads.

Handing a query to a thread and back costs more than most queries of a shop take. So each is begun
on the loop, under a budget of work that SQLite itself watches; what exceeds it is broken off and
answered by a thread, and its like goes there directly for a while. A scan of seconds then holds
up one thread, and no other request.
"""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw

from reference_app import database
from reference_app.database import DatabaseBusy
from reference_app.gate import Gate
from reference_app.statements import Asked, Meter, StatementCounts, asked_now

T = TypeVar("T")
Work = Callable[[apsw.Connection], T]

# How much a query may do on the event loop, where other requests wait meanwhile: steps of
# SQLite's virtual machine, some 0.5 ms of work. Counted in steps and not in time, because a
# process that has to wait for its processor would take cheap queries for slow ones.
INLINE_STEPS = 20_000
# How long it may take all the same: pages that come from the disk take no steps.
INLINE_NS = 10_000_000
# How often SQLite asks whether it is enough, in steps.
INLINE_ASKS, THREAD_ASKS = 1_000, 100_000
# How much of the database each connection keeps: what many ask for at a time.
CACHE_KIB = 32_768
# What lies beyond is read through a map of the file, as far as SQLite maps one (2 GB). Every
# commit of the writer empties the readers' caches; without a map each scan that follows
# copies its pages anew, which took as long again as a scan of 17 ms.
MAPPED_BYTES = 2**40
# A query that took too long goes to a thread this often before the loop tries it again.
THREADED_TURNS = 200
_NO_LIMIT = 2**62


class TooSlow(DatabaseBusy):
    """A query was not answered within the deadline."""


class Readers:
    """`threads` query-only connections with a thread each, and one for the event loop.

    Args:
        path: the database.
        threads: how many slow reads may run at once.
        busy_timeout_ms: how long opening waits for another process.
        deadline_s: how long a read may wait and run together before it is broken off. One
            that has waited for half of it is refused: among more reads than can be answered,
            each would otherwise begin so late that it is broken off, and none be answered.
        inline_ns: how long one may hold the event loop; 0 sends all of them to threads.
        inline_steps: how much one may do there.
        checkpoints: as `reference_app.database.connect` has it.
        counts: where to count what SQLite does for each read, if anywhere. A read that was
            broken off on the event loop and done again in a thread is counted with both.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int,
        busy_timeout_ms: int,
        deadline_s: float,
        inline_ns: int = INLINE_NS,
        inline_steps: int = INLINE_STEPS,
        checkpoints: bool = True,
        counts: StatementCounts | None = None,
    ) -> None:
        def watched(steps: int) -> _Watched:
            connection = database.connect(
                path, query_only=True, busy_timeout_ms=busy_timeout_ms, checkpoints=checkpoints
            )
            connection.pragma("cache_size", -CACHE_KIB)
            connection.pragma("mmap_size", MAPPED_BYTES)
            return _Watched(connection, steps, None if counts is None else counts.meter(connection))

        self.gate = Gate()
        self._counting = counts is not None
        self._deadline_ns = round(deadline_s * 1e9)
        self._inline_ns = inline_ns
        self._inline_asks = max(1, inline_steps // INLINE_ASKS)
        self._idle: queue.SimpleQueue[_Watched] = queue.SimpleQueue()
        self._threaded: list[_Watched] = []
        self._turns_left: dict[Hashable, int] = {}
        self._inline = watched(INLINE_ASKS)
        try:
            for _ in range(threads):
                self._threaded.append(watched(THREAD_ASKS))
        except BaseException:
            self.close_connections()
            raise
        for one in self._threaded:
            self._idle.put(one)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader")

    async def run(self, kind: Hashable, work: Work[T]) -> T:
        """Run work that reads; `kind` tells works of a like cost from others.

        Raises:
            TooSlow: it was not done within the deadline.
        """
        # Threads have a context of their own: who asks is told to them.
        asked = asked_now.get() if self._counting else None
        if self._inline_ns and self._worth_trying(kind):
            try:
                deadline_ns = time.monotonic_ns() + self._inline_ns
                return self._inline.run(work, deadline_ns, asked, asks=self._inline_asks)
            except apsw.InterruptError:
                # Whoever only waited for the disk will find its pages there the next time.
                if self._inline.did_too_much:
                    self._turns_left[kind] = THREADED_TURNS
        deadline_ns = time.monotonic_ns() + self._deadline_ns
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: self._in_thread(work, deadline_ns, asked)
        )

    def _worth_trying(self, kind: Hashable) -> bool:
        left = self._turns_left.get(kind, 0)
        if left:
            self._turns_left[kind] = left - 1
        return not left

    def _in_thread(self, work: Work[T], deadline_ns: int, asked: Asked | None) -> T:
        # As many connections as threads: one is always idle here.
        watched = self._idle.get()
        try:
            try:
                return self._passed(watched, work, deadline_ns, asked, gate=self.gate)
            except apsw.InterruptError:
                if not watched.broken_off:
                    raise
            # Only once: what is long would be broken off again and again.
            return self._passed(watched, work, deadline_ns, asked)
        except apsw.InterruptError as error:
            raise TooSlow(
                "The database took too long to answer; ask for less, or try again in a moment."
            ) from error
        finally:
            self._idle.put(watched)

    def _passed(
        self,
        watched: _Watched,
        work: Work[T],
        deadline_ns: int,
        asked: Asked | None,
        gate: Gate | None = None,
    ) -> T:
        """Run work once the gate lets it in; with `gate` it is broken off where that is held."""
        last_ns = deadline_ns - self._deadline_ns // 2
        with self.gate.passing(max(0, last_ns - time.monotonic_ns()) / 1e9):
            if time.monotonic_ns() > last_ns:
                raise TooSlow("Too many slow reads are waiting; try again in a moment.")
            return watched.run(work, deadline_ns, asked, gate=gate)

    def close(self) -> None:
        """Break off what is being read and close the connections."""
        for watched in self._threaded:
            watched.connection.interrupt()
        self._pool.shutdown(cancel_futures=True)
        self.close_connections()

    def close_connections(self) -> None:
        """Close the connections, with nothing running on them."""
        for watched in (self._inline, *self._threaded):
            watched.connection.close()


class _Watched:
    """A connection whose queries end when it is enough; it asks every so many steps."""

    def __init__(self, connection: apsw.Connection, steps: int, meter: Meter | None) -> None:
        self.connection = connection
        self._meter = meter
        self._deadline_ns = 0
        self._asks_left = 0
        self._gate: Gate | None = None
        self.broken_off = False
        """Whether the last work was broken off to be done again."""
        connection.set_progress_handler(self._is_enough, steps)

    def run(
        self,
        work: Work[T],
        deadline_ns: int,
        asked: Asked | None,
        *,
        asks: int = _NO_LIMIT,
        gate: Gate | None = None,
    ) -> T:
        """Run work.

        Raises:
            apsw.InterruptError: it asked too often, its time is up, or `gate` breaks it off.
        """
        self._gate, self.broken_off = gate, False
        self._deadline_ns = deadline_ns
        self._asks_left = asks
        try:
            return work(self.connection)
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            if self._meter is not None:
                self._meter.settle(asked)

    @property
    def did_too_much(self) -> bool:
        """Whether the last work was broken off for what it did, not for how long it took."""
        return self._asks_left < 0

    def _is_enough(self) -> bool:
        self._asks_left -= 1
        if self._gate is not None and self._gate.breaking:
            self.broken_off = True
            return True
        return self._asks_left < 0 or time.monotonic_ns() > self._deadline_ns
