"""The one writer: a thread with a connection, and a queue of work before it.

What waits is committed together, each piece of work in a savepoint of its own, so that many
buyers share one wait for the disk and none undoes another's order. Work is told of its success
only after the commit.
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
from reference_app.statements import Asked, StatementCounts, asked_now

Work = Callable[[Transaction], Any]
Find = Callable[[str, Parameters], Query]

MOST_TOGETHER = 64


class WriterClosed(DatabaseBusy):
    """The shop is shutting down and takes no more writes."""


@dataclass(slots=True)
class _Job:
    work: Work
    deadline_ns: int
    asked: Asked | None = None
    done: Future[Any] = field(default_factory=Future)
    staged: list[int] = field(default_factory=list)
    result: Any = None
    error: BaseException | None = None


class WriterTransaction:
    """Named queries in the writer's open transaction, and letters where there is a `post`."""

    def __init__(
        self, connection: apsw.Connection, find: Find, post: OutboxPort | None = None
    ) -> None:
        self._connection = connection
        self._find = find
        self._post = post
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
            RuntimeError: nothing takes letters here.
        """
        if self._post is None:
            raise RuntimeError("Letters are sent by the server only: this has no post.")
        self._changes.append(change)

    def run(self, work: Work) -> tuple[Any, list[int]]:
        """Do work and stage its letters; its result, and what to deliver after the commit."""
        self._changes = []
        result = work(self)
        if self._post is None or not self._changes:
            return result, []
        return result, self._post.stage(self, self._changes)


class Writer:
    """Runs work on one connection, in the order in which it came.

    `deadline_s` is how long work may wait, for other work and for other processes
    together; what waited longer is refused without having been begun. `counts` is where what
    SQLite does for each piece of work is counted, if anywhere; what a group shares, its BEGIN
    and its COMMIT, is nobody's. `begun` is called in each transaction before the work. `post`
    takes the letters of what is committed.
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
        post: OutboxPort | None = None,
    ) -> None:
        self._connection = connection
        self._transaction = WriterTransaction(connection, find, post)
        self._post = post
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
        asked = None if self._meter is None else asked_now.get()
        job = _Job(work, time.monotonic_ns() + self._deadline_ns, asked)
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
        """Commit a group and tell each of its jobs how it ended."""
        # Whoever asked may have gone away while the work was waiting: it is not begun then.
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
                        self._attempt(job, alone=len(timely) == 1)
        except Exception as error:
            # Not committed, whatever each of them returned.
            for job in timely:
                job.error = job.error or error
        if self._post is not None and any(job.staged for job in timely):
            self._post.deliver(
                number for job in timely if job.error is None for number in job.staged
            )
        for job in wanted:
            if job.error is not None:
                job.done.set_exception(job.error)
            else:
                job.done.set_result(job.result)

    def _attempt(self, job: _Job, *, alone: bool) -> None:
        if alone:
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
            self._meter.settle(job.asked)
