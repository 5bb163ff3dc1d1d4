"""The shop's own door to the database: readers beside one writer, behind the port of the stores.

Coroutines ask by the name of a query. Which queries the database can answer is decided
once, when it is opened. No HTTP may enter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import apsw

from reference_app import database, migrate, queries
from reference_app.checkpoints import Checkpoints
from reference_app.letters import Post
from reference_app.port import Database, FakeDatabase, Row, Transaction
from reference_app.queries import Parameters
from reference_app.queryset import NotOurSchema, QuerySet
from reference_app.reader import INLINE_NS, Readers
from reference_app.statements import StatementCounts
from reference_app.writer import Writer

__all__ = ["Database", "FakeDatabase", "NotOurSchema", "PooledDatabase", "Row", "Transaction"]

T = TypeVar("T")


class PooledDatabase:
    """The real door: readers, and one writer.

    Args:
        path: the database; it must exist.
        readers: how many slow reads may run at once.
        busy_timeout_ms: how long a write may wait, for others and for other processes.
        read_deadline_s: how long a read may take.
        inline_ns: how long a read may run on the event loop.
        synchronous: "full" waits for the disk before a write is acknowledged, so that a
            power cut loses none; "normal" only keeps the file whole.
        checkpoints: whether the log is folded into the file. Without it nobody does so, at
            the end neither: all that was written stands in the log.
        counts: where to count what SQLite does for whoever asks, if anywhere.
        post: what takes the letters of what is written.

    Raises:
        DatabaseError: the file is missing, is no database, or is not of this shop.
    """

    def __init__(
        self,
        path: Path,
        *,
        readers: int = 4,
        busy_timeout_ms: int = 5000,
        read_deadline_s: float = 30.0,
        inline_ns: int = INLINE_NS,
        synchronous: Literal["full", "normal"] = "full",
        checkpoints: bool = True,
        counts: StatementCounts | None = None,
        post: Post | None = None,
    ) -> None:
        self.path = path
        self._connection = database.connect(
            path, busy_timeout_ms=busy_timeout_ms, checkpoints=checkpoints
        )
        try:
            self._connection.pragma("synchronous", synchronous)
            self.tables = database.tables(self._connection)
            self.migrations = tuple(record.name for record in migrate.applied(self._connection))
            if not self.migrations:
                raise NotOurSchema(
                    f"The database {path} is not one of this shop: no migration is recorded in "
                    "it; give one made by `resale-bench seed`."
                )
            self._queries = QuerySet(self._connection, database.parts(self._connection), path)
            self._readers = Readers(
                path,
                threads=readers,
                busy_timeout_ms=busy_timeout_ms,
                deadline_s=read_deadline_s,
                inline_ns=inline_ns,
                checkpoints=checkpoints,
                counts=counts,
            )
        except BaseException:
            self._connection.close()
            raise
        self._checkpoints = (
            Checkpoints(path, self._connection, self._readers.gate.held) if checkpoints else None
        )
        self._writer = Writer(
            self._connection,
            self._queries.find,
            deadline_s=busy_timeout_ms / 1000,
            counts=counts,
            post=post,
        )

    def can(self, name: str) -> bool:
        """Whether this database has what a query needs; decided when it was opened."""
        return self._queries.can(name)

    async def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows of a read query, by column name.

        Raises:
            TableAbsent: this database has no table for the query.
            TooSlow: it was not answered within the deadline.
        """
        query = self._queries.find(name, params)
        return await self._readers.run(
            query, lambda reader: queries.read_named(reader, query, params)
        )

    async def read_together(self, names: Sequence[str], params: Parameters) -> list[list[Row]]:
        """The rows of several read queries, all of one state of the database.

        Raises:
            TableAbsent: this database has no table for one of the queries.
            TooSlow: they were not answered within the deadline.
        """
        wanted = tuple(self._queries.find(name, params) for name in names)

        def work(reader: apsw.Connection) -> list[list[Row]]:
            reader.execute("BEGIN")
            try:
                return [queries.read_named(reader, query, params) for query in wanted]
            finally:
                reader.execute("COMMIT")

        return await self._readers.run(wanted, work)

    async def write(self, name: str, params: Parameters) -> int:
        """Run a write query in a transaction of its own; the number of rows changed.

        Raises:
            RequirementFailed: a guard of the query did not hold; nothing was written.
            DatabaseBusy: it waited for too long, and was not begun.
        """
        return await self.transact(lambda transaction: transaction.write(name, params))

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a write transaction: all of it is committed when this returns.

        Raises:
            DatabaseBusy: it waited for too long, and was not begun.
        """
        done: T = await asyncio.wrap_future(self._writer.submit(work))
        return done

    def newest_event(self) -> str | None:
        """The time text of the newest event, None if there is none."""
        # The migration that brings the rollup brings the index that finds it among all.
        name = "newest_event_of_all" if self.can("newest_event_of_all") else "newest_event"
        rows = queries.read(self._connection, self._queries.find(name, {}), {})
        return str(rows[0][0]) if rows else None

    def close(self) -> None:
        """Interrupt what is being read, finish what is being written, close every connection."""
        self._readers.close()
        self._writer.close()
        if self._checkpoints is not None:
            self._checkpoints.close()
        # The writer goes last: the last connection to close folds the WAL into the file, unless
        # it was told not to.
        self._connection.close()
