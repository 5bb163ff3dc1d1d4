"""Reads: cheap ones on the event loop itself, the others in a few threads. No HTTP may enter.

Handing a query to a thread and back costs more than most queries of a shop take.
So each is begun on the loop, under a budget of time that SQLite itself watches; what
exceeds it is broken off and answered by a thread, and its like goes there directly
for a while. A scan of seconds then holds up one thread, and no other request.
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

T = TypeVar("T")
Work = Callable[[apsw.Connection], T]

# How long a query may run on the event loop: other requests wait meanwhile.
INLINE_NS = 1_500_000
# How often SQLite asks whether time is up: some 20 µs of work.
INLINE_STEPS, THREAD_STEPS = 1_000, 100_000
# A query that took too long goes to a thread this often before the loop tries it again.
THREADED_TURNS = 200


class TooSlow(DatabaseBusy):
    """A query was not answered within the deadline."""


class Readers:
    """`threads` query-only connections with a thread each, and one for the event loop.

    Args:
        path: the database.
        threads: how many slow reads may run at once.
        busy_timeout_ms: how long opening waits for another process.
        deadline_s: how long a read may wait and run together before it is broken off.
        inline_ns: how long one may run on the event loop; 0 sends all of them to threads.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int,
        busy_timeout_ms: int,
        deadline_s: float,
        inline_ns: int = INLINE_NS,
    ) -> None:
        def connect() -> apsw.Connection:
            return database.connect(path, query_only=True, busy_timeout_ms=busy_timeout_ms)

        self._deadline_ns = round(deadline_s * 1e9)
        self._inline_ns = inline_ns
        self._idle: queue.SimpleQueue[_Watched] = queue.SimpleQueue()
        self._threaded: list[_Watched] = []
        self._turns_left: dict[Hashable, int] = {}
        self._inline = _Watched(connect(), INLINE_STEPS)
        try:
            for _ in range(threads):
                self._threaded.append(_Watched(connect(), THREAD_STEPS))
        except BaseException:
            self.close_connections()
            raise
        for watched in self._threaded:
            self._idle.put(watched)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader")

    async def run(self, kind: Hashable, work: Work[T]) -> T:
        """Run work that reads; `kind` tells works of a like cost from others.

        Raises:
            TooSlow: it was not done within the deadline.
        """
        if self._inline_ns and self._worth_trying(kind):
            try:
                return self._inline.run(work, time.monotonic_ns() + self._inline_ns)
            except apsw.InterruptError:
                self._turns_left[kind] = THREADED_TURNS
        deadline_ns = time.monotonic_ns() + self._deadline_ns
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: self._in_thread(work, deadline_ns)
        )

    def _worth_trying(self, kind: Hashable) -> bool:
        left = self._turns_left.get(kind, 0)
        if left:
            self._turns_left[kind] = left - 1
        return not left

    def _in_thread(self, work: Work[T], deadline_ns: int) -> T:
        # As many connections as threads: one is always idle here.
        watched = self._idle.get()
        try:
            if time.monotonic_ns() > deadline_ns:
                raise TooSlow("Too many slow reads are waiting; try again in a moment.")
            return watched.run(work, deadline_ns)
        except apsw.InterruptError as error:
            raise TooSlow(
                "The database took too long to answer; ask for less, or try again in a moment."
            ) from error
        finally:
            self._idle.put(watched)

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
    """A connection whose queries end when their time is up."""

    def __init__(self, connection: apsw.Connection, steps: int) -> None:
        self.connection = connection
        self._deadline_ns = 0
        connection.set_progress_handler(self._is_late, steps)

    def run(self, work: Work[T], deadline_ns: int) -> T:
        """Run work; raises apsw.InterruptError when its time is up."""
        self._deadline_ns = deadline_ns
        try:
            return work(self.connection)
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def _is_late(self) -> bool:
        return time.monotonic_ns() > self._deadline_ns
