"""Run cheap reads on the event loop and the others in a few threads.

A hand-over to a thread and back costs more than most queries of a shop. So each query starts on
the loop, with a budget of work that SQLite's progress handler enforces. A query that exceeds it is
interrupted and answered by a thread, where its kind goes directly for a while. A scan of seconds
then occupies one thread and delays no other request.
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
from reference_app.statements import CurrentRequest, Meter, StatementCounts, current_request

T = TypeVar("T")
Work = Callable[[apsw.Connection], T]

# How much a query may do on the event loop, where other requests wait meanwhile: steps of
# SQLite's virtual machine, some 0.5 ms of work. Counted in steps and not in time, because a
# process that has to wait for its processor would take cheap queries for slow ones.
INLINE_STEPS = 20_000
# How long it may take all the same: pages that come from the disk take no steps.
INLINE_NS = 10_000_000
# How often SQLite calls the progress handler, in steps.
INLINE_CHECK_STEPS, THREAD_CHECK_STEPS = 1_000, 100_000
# The page cache of each connection.
CACHE_KIB = 32_768
# Other pages are read through a memory map, up to SQLite's limit of 2 GB. Every commit of the
# writer empties the readers' caches; without a map the next scan copies its pages again, which
# doubled the time of a scan of 17 ms.
MAPPED_BYTES = 2**40
# A query that took too long goes to a thread this often before the loop tries it again.
THREADED_RUNS = 200
_NO_LIMIT = 2**62


class TooSlow(DatabaseBusy):
    """A query was not answered within the deadline."""


class Readers:
    """`threads` query-only connections with a thread each, and one for the event loop.

    Args:
        path: the database.
        threads: how many slow reads may run at once.
        busy_timeout_ms: how long opening waits for another process.
        deadline_s: how long a read may wait and run together before it is interrupted. One that
            has waited for half of it fails: in an overload every read would otherwise start too
            late to finish.
        inline_ns: how long one may hold the event loop; 0 sends all of them to threads.
        inline_steps: how much one may do there.
        checkpoints: as `reference_app.database.connect` has it.
        counts: counts the work of SQLite; a read that was interrupted on the event loop and
            repeated in a thread counts with both.
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
        def connect(steps: int) -> _LimitedConnection:
            connection = database.connect(
                path, query_only=True, busy_timeout_ms=busy_timeout_ms, checkpoints=checkpoints
            )
            connection.pragma("cache_size", -CACHE_KIB)
            connection.pragma("mmap_size", MAPPED_BYTES)
            meter = None if counts is None else counts.meter(connection)
            return _LimitedConnection(connection, steps, meter)

        self.gate = Gate()
        self._counting = counts is not None
        self._deadline_ns = round(deadline_s * 1e9)
        self._inline_ns = inline_ns
        self._inline_checks = max(1, inline_steps // INLINE_CHECK_STEPS)
        self._idle: queue.SimpleQueue[_LimitedConnection] = queue.SimpleQueue()
        self._threaded: list[_LimitedConnection] = []
        self._threaded_runs_left: dict[Hashable, int] = {}
        self._inline = connect(INLINE_CHECK_STEPS)
        try:
            for _ in range(threads):
                self._threaded.append(connect(THREAD_CHECK_STEPS))
        except BaseException:
            self.close_connections()
            raise
        for limited in self._threaded:
            self._idle.put(limited)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader")

    async def run(self, kind: Hashable, work: Work[T]) -> T:
        """Run work that reads; works of one `kind` cost about the same.

        Raises:
            TooSlow: it was not done within the deadline.
        """
        # Threads have a context of their own, so the request goes with the work.
        request = current_request.get() if self._counting else None
        if self._inline_ns and self._try_inline(kind):
            try:
                deadline_ns = time.monotonic_ns() + self._inline_ns
                return self._inline.run(work, deadline_ns, request, checks=self._inline_checks)
            except apsw.InterruptError:
                # A query that only waited for the disk finds its pages cached the next time.
                if self._inline.out_of_steps:
                    self._threaded_runs_left[kind] = THREADED_RUNS
        deadline_ns = time.monotonic_ns() + self._deadline_ns
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: self._in_thread(work, deadline_ns, request)
        )

    def _try_inline(self, kind: Hashable) -> bool:
        left = self._threaded_runs_left.get(kind, 0)
        if left:
            self._threaded_runs_left[kind] = left - 1
        return not left

    def _in_thread(self, work: Work[T], deadline_ns: int, request: CurrentRequest | None) -> T:
        # As many connections as threads: one is always idle here.
        limited = self._idle.get()
        try:
            try:
                return self._run_admitted(limited, work, deadline_ns, request, gate=self.gate)
            except apsw.InterruptError:
                if not limited.interrupted:
                    raise
            # Only once: a long read would be interrupted again and again.
            return self._run_admitted(limited, work, deadline_ns, request)
        except apsw.InterruptError as error:
            raise TooSlow(
                "The database took too long to answer; ask for less, or try again in a moment."
            ) from error
        finally:
            self._idle.put(limited)

    def _run_admitted(
        self,
        limited: _LimitedConnection,
        work: Work[T],
        deadline_ns: int,
        request: CurrentRequest | None,
        gate: Gate | None = None,
    ) -> T:
        """Run work once the gate admits it; with `gate` it is interrupted when that is held."""
        last_ns = deadline_ns - self._deadline_ns // 2
        with self.gate.passing(max(0, last_ns - time.monotonic_ns()) / 1e9):
            if time.monotonic_ns() > last_ns:
                raise TooSlow("Too many slow reads are waiting; try again in a moment.")
            return limited.run(work, deadline_ns, request, gate=gate)

    def close(self) -> None:
        """Interrupt running reads and close the connections."""
        for limited in self._threaded:
            limited.connection.interrupt()
        self._pool.shutdown(cancel_futures=True)
        self.close_connections()

    def close_connections(self) -> None:
        """Close the connections, with nothing running on them."""
        for limited in (self._inline, *self._threaded):
            limited.connection.close()


class _LimitedConnection:
    """A connection whose queries are interrupted when their budget is spent."""

    def __init__(self, connection: apsw.Connection, steps: int, meter: Meter | None) -> None:
        self.connection = connection
        self._meter = meter
        self._deadline_ns = 0
        self._checks_left = 0
        self._gate: Gate | None = None
        self.interrupted = False
        """Whether the last work was interrupted by the gate, to be repeated."""
        connection.set_progress_handler(self._must_stop, steps)

    def run(
        self,
        work: Work[T],
        deadline_ns: int,
        request: CurrentRequest | None,
        *,
        checks: int = _NO_LIMIT,
        gate: Gate | None = None,
    ) -> T:
        """Run work.

        Raises:
            apsw.InterruptError: its steps or its time are spent, or `gate` interrupts it.
        """
        self._gate, self.interrupted = gate, False
        self._deadline_ns = deadline_ns
        self._checks_left = checks
        try:
            return work(self.connection)
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            if self._meter is not None:
                self._meter.settle(request)

    @property
    def out_of_steps(self) -> bool:
        """Whether the last work was interrupted for its steps, not for its time."""
        return self._checks_left < 0

    def _must_stop(self) -> bool:
        self._checks_left -= 1
        if self._gate is not None and self._gate.interrupting:
            self.interrupted = True
            return True
        return self._checks_left < 0 or time.monotonic_ns() > self._deadline_ns
