"""The server's database: a pool of readers and one writer.

Which queries the database can answer is decided when it is opened, and again when another process
has changed its schema.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import apsw

from reference_app import database, migrate, queries
from reference_app.checkpoints import Checkpoints
from reference_app.file_lock import FileLock
from reference_app.mail import OutboxPort
from reference_app.port import Database, FakeDatabase, Row, Transaction
from reference_app.queries import Parameters
from reference_app.queryset import NotOurSchema, QuerySet
from reference_app.reader import INLINE_NS, Readers
from reference_app.statements import StatementCounts
from reference_app.writer import Writer

__all__ = ["Database", "FakeDatabase", "NotOurSchema", "PooledDatabase", "Row", "Transaction"]

T = TypeVar("T")


class PooledDatabase:
    """The `Database` of a server.

    Args:
        path: the database; it must exist.
        readers: how many slow reads may run at once.
        busy_timeout_ms: how long a write may wait, for others and for other processes.
        read_deadline_s: how long a read may take.
        inline_ns: how long a read may run on the event loop.
        synchronous: "full" waits for the disk before a write is acknowledged, so that a
            power cut loses none; "normal" only keeps the file consistent.
        checkpoints: whether the log is written into the file; without it, not even at the end.
        counts: counts the work of SQLite by endpoint.
        outbox: takes the letters that transactions enqueue.

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
        outbox: OutboxPort | None = None,
    ) -> None:
        self.path = path
        self._connection = database.connect(
            path, busy_timeout_ms=busy_timeout_ms, checkpoints=checkpoints
        )
        try:
            self._connection.pragma("synchronous", synchronous)
            self._hold = FileLock(path)
        except BaseException:
            self._connection.close()
            raise
        try:
            self._schema = _Schema(self._connection, path)
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
            self._hold.close()
            raise
        self._checkpoints = (
            Checkpoints(path, self._connection, self._readers.gate.held) if checkpoints else None
        )
        self._writer = Writer(
            self._connection,
            lambda name, params: self._schema.queries.find(name, params),
            begun=lambda: self._refreshed(self._connection),
            deadline_s=busy_timeout_ms / 1000,
            counts=counts,
            outbox=outbox,
        )

    def can(self, name: str) -> bool:
        """Whether this database has what a query needs."""
        return self._schema.queries.can(name)

    @property
    def tables(self) -> frozenset[str]:
        """The names of the database's tables."""
        return self._schema.tables

    @property
    def migrations(self) -> tuple[str, ...]:
        """The names of the migrations that were applied to it."""
        return self._schema.migrations

    def _refreshed(self, connection: apsw.Connection) -> bool:
        """Whether another process has changed the schema; the queries are then loaded again."""
        if connection.pragma("schema_version") == self._schema.version:
            return False
        self._schema = _Schema(connection, self.path, opening=False)
        return True

    async def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows of a read query, by column name.

        Raises:
            TableAbsent: this database has no table for the query.
            TooSlow: it was not answered within the deadline.
        """

        def run() -> Awaitable[list[Row]]:
            query = self._schema.queries.find(name, params)
            return self._readers.run(
                query, lambda reader: queries.read_named(reader, query, params)
            )

        return await self._with_schema(run)

    async def read_together(self, names: Sequence[str], params: Parameters) -> list[list[Row]]:
        """The rows of several read queries, all of one state of the database.

        Raises:
            TableAbsent: this database has no table for one of the queries.
            TooSlow: they were not answered within the deadline.
        """

        def run() -> Awaitable[list[list[Row]]]:
            wanted = tuple(self._schema.queries.find(name, params) for name in names)

            def work(reader: apsw.Connection) -> list[list[Row]]:
                reader.execute("BEGIN")
                try:
                    return [queries.read_named(reader, query, params) for query in wanted]
                finally:
                    reader.execute("COMMIT")

            return self._readers.run(wanted, work)

        return await self._with_schema(run)

    async def _with_schema(self, run: Callable[[], Awaitable[T]]) -> T:
        """Read; once more with newly loaded queries if the schema has changed.

        To read the schema's version costs as much as a short query, so a read does not check it
        first. A write does, within its transaction: it would succeed and omit new tables.
        """
        try:
            return await run()
        except apsw.SQLError:
            if not await self._readers.run("schema", self._refreshed):
                raise
            return await run()

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
        # The index for this query comes with the migration of the rollup.
        name = "newest_event_of_all" if self.can("newest_event_of_all") else "newest_event"
        rows = queries.read(self._connection, self._schema.queries.find(name, {}), {})
        return str(rows[0][0]) if rows else None

    def close(self) -> None:
        """Interrupt reads, finish writes, close all connections."""
        self._readers.close()
        self._writer.close()
        if self._checkpoints is not None:
            self._checkpoints.close()
        # The writer closes last: the last connection checkpoints the log, unless that is off.
        self._connection.close()
        self._hold.close()


class _Schema:
    """Tables, migrations and queries of a database at one version of its schema.

    Raises:
        NotOurSchema: at `opening`, it is not of this shop. Later, single queries fail instead.
    """

    def __init__(self, connection: apsw.Connection, path: Path, *, opening: bool = True) -> None:
        self.version = connection.pragma("schema_version")
        self.tables = database.tables(connection)
        self.migrations = tuple(record.name for record in migrate.applied(connection))
        if opening and not self.migrations:
            raise NotOurSchema(
                f"The database {path} is not one of this shop: no migration is recorded in "
                "it; give one made by `resale-bench seed`."
            )
        self.queries = QuerySet(connection, database.parts(connection), path, prepare=opening)
