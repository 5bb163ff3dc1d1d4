"""The one writer: a thread with a connection and a queue of work.

Waiting works are committed together, each in its own savepoint, so that many share one wait for
the disk and none rolls back another. A future gets its result only after the commit.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import apsw

from reference_app import queries
from reference_app.database import DatabaseBusy, DatabaseError, transaction
from reference_app.mail import Change, OutboxPort
from reference_app.port import Row, Transaction
from reference_app.queries import Parameters, Query
from reference_app.statements import CurrentRequest, StatementCounts, current_request

Work = Callable[[Transaction], Any]
Find = Callable[[str, Parameters], Query]

MOST_TOGETHER = 64


class WriterClosed(DatabaseBusy):
    """The shop is shutting down and takes no more writes."""


@dataclass(slots=True)
class _Job:
    work: Work
    deadline_ns: int
    request: CurrentRequest | None = None
    done: Future[Any] = field(default_factory=Future)
    staged: list[int] = field(default_factory=list)
    result: Any = None
    error: BaseException | None = None


class WriterTransaction:
    """Named queries in the writer's open transaction, and letters where there is an `outbox`."""

    def __init__(
        self, connection: apsw.Connection, find: Find, outbox: OutboxPort | None = None
    ) -> None:
        self._connection = connection
        self._find = find
        self._outbox = outbox
        self._changes: list[Change] = []

    def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows of a read query, as this transaction sees them."""
        return queries.read_named(self._connection, self._find(name, params), params)

    def write(self, name: str, params: Parameters) -> int:
        """Run a write query; the number of rows changed.

        Raises:
            RequirementFailed: a guard of the query did not hold.
        """
        return queries.write(self._connection, self._find(name, params), params)

    def insert(self, name: str, params: Parameters) -> int:
        """Run a write query that inserts; the id of the last row inserted."""
        self.write(name, params)
        return self._connection.last_insert_rowid()

    def enqueue(self, change: Change) -> None:
        """Send a letter or erase some, if and only if this transaction is committed.

        Raises:
            RuntimeError: there is no outbox.
        """
        if self._outbox is None:
            raise RuntimeError("Letters are sent by the server only: this has no outbox.")
        self._changes.append(change)

    def run(self, work: Work) -> tuple[Any, list[int]]:
        """Run work and stage its letters; its result, and the staged numbers to deliver."""
        self._changes = []
        result = work(self)
        if self._outbox is None or not self._changes:
            return result, []
        return result, self._outbox.stage(self, self._changes)


class Writer:
    """Runs work on one connection, in the order in which it came.

    `deadline_s` is how long work may wait, for other work and for other processes together; work
    that waited longer fails without a start. `counts` counts the work of SQLite, except the BEGIN
    and COMMIT that a group shares. `begun` is called in each transaction before the work. `outbox`
    takes the letters of committed work.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        find: Find,
        *,
        deadline_s: float,
        begun: Callable[[], object] = lambda: None,
        most_together: int = MOST_TOGETHER,
        counts: StatementCounts | None = None,
        outbox: OutboxPort | None = None,
    ) -> None:
        self._connection = connection
        self._transaction = WriterTransaction(connection, find, outbox)
        self._outbox = outbox
        self._deadline_ns = round(deadline_s * 1e9)
        self._most_together = most_together
        self._begun = begun
        self._meter = None if counts is None else counts.meter(connection)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> Future[Any]:
        """Queue work; the future has its result once it is committed.

        Raises:
            WriterClosed: `close` was called.
        """
        request = None if self._meter is None else current_request.get()
        job = _Job(work, time.monotonic_ns() + self._deadline_ns, request)
        with self._closing:
            if self._closed:
                raise WriterClosed("The shop is shutting down; send the request again in a moment.")
            self._jobs.put(job)
        return job.done

    def close(self) -> None:
        """Finish what is queued, then end the thread; the connection stays open."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            group, last = [job], False
            while len(group) < self._most_together and not last:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    last = True
                else:
                    group.append(following)
            self._settle(group)
            if last:
                return

    def _settle(self, group: list[_Job]) -> None:
        """Commit a group, then set the result or error of each job."""
        # A caller may have cancelled while the work was waiting: it is skipped then.
        wanted = [job for job in group if job.done.set_running_or_notify_cancel()]
        now_ns = time.monotonic_ns()
        timely = [job for job in wanted if job.deadline_ns > now_ns]
        for job in wanted:
            if job.deadline_ns <= now_ns:
                job.error = DatabaseBusy(
                    "Too many writes are waiting; send the request again in a moment."
                )
        try:
            if timely:
                left_ms = min(job.deadline_ns - now_ns for job in timely) // 1_000_000
                self._connection.set_busy_timeout(max(1, left_ms))
                with transaction(self._connection):
                    self._begun()
                    for job in timely:
                        self._attempt(job, single=len(timely) == 1)
        except Exception as error:
            # Not committed, whatever each of them returned.
            for job in timely:
                job.error = job.error or error
        if self._outbox is not None and any(job.staged for job in timely):
            self._outbox.deliver(
                number for job in timely if job.error is None for number in job.staged
            )
        for job in wanted:
            if job.error is not None:
                job.done.set_exception(job.error)
            else:
                job.done.set_result(job.result)

    def _attempt(self, job: _Job, *, single: bool) -> None:
        if single:
            self._run_counted(job)
            return
        self._connection.execute("SAVEPOINT job")
        try:
            self._run_counted(job)
        except Exception as error:
            if not self._connection.in_transaction:
                # SQLite itself has undone everything, a full disk for one.
                raise DatabaseError("The database could not be written; see its log.") from error
            job.error = error
            self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")

    def _run_counted(self, job: _Job) -> None:
        if self._meter is None:
            job.result, job.staged = self._transaction.run(job.work)
            return
        self._meter.forget()
        try:
            job.result, job.staged = self._transaction.run(job.work)
        finally:
            self._meter.settle(job.request)
