"""The shop's own door to the database: few reader threads, one writer thread, a fake beside them.

Coroutines ask by the name of a query. SQLite releases the interpreter's lock
while it works, so a slow scan holds up one reader and not the server. No HTTP
may enter.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import apsw
import apsw.ext

from reference_app import database, migrate, queries
from reference_app.database import DatabaseError
from reference_app.queries import Parameters, Query, TableAbsent

Row = dict[str, Any]
T = TypeVar("T")


class NotOurSchema(DatabaseError):
    """The file is a SQLite database, and not one of this shop."""


class Database(Protocol):
    """What the stores need of a database: named queries, read and written."""

    async def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows of a read query, by column name."""
        ...

    async def read_together(self, names: Sequence[str], params: Parameters) -> list[list[Row]]:
        """The rows of several read queries, all of one state of the database."""
        ...

    async def write(self, name: str, params: Parameters) -> int:
        """Run a write query in a transaction of its own; the number of rows changed."""
        ...


class PooledDatabase:
    """The real door: `readers` query-only connections, and one that writes.

    Which queries this database can answer is decided here, once.

    Raises:
        DatabaseError: the file is missing, is no database, or is not of this shop.
    """

    def __init__(self, path: Path, *, readers: int = 4, busy_timeout_ms: int = 5000) -> None:
        self._writer = database.connect(path, busy_timeout_ms=busy_timeout_ms)
        try:
            self.tables = database.tables(self._writer)
            self.migrations = tuple(record.name for record in migrate.applied(self._writer))
            if not self.migrations:
                raise NotOurSchema(
                    f"The database {path} is not one of this shop: no migration is recorded in "
                    "it; give one made by `resale-bench seed`."
                )
            self._queries = _answerable(self._writer, self.tables, path)
        except BaseException:
            self._writer.close()
            raise
        self._idle: queue.SimpleQueue[apsw.Connection] = queue.SimpleQueue()
        self._readers = [
            database.connect(path, query_only=True, busy_timeout_ms=busy_timeout_ms)
            for _ in range(readers)
        ]
        for connection in self._readers:
            self._idle.put(connection)
        self._reading = ThreadPoolExecutor(readers, thread_name_prefix="reader")
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="writer")

    async def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows of a read query, by column name.

        Raises:
            TableAbsent: this database has no table for the query.
        """
        query = self._query(name)
        return await self._read(lambda reader: queries.read_named(reader, query, params))

    async def read_together(self, names: Sequence[str], params: Parameters) -> list[list[Row]]:
        """The rows of several read queries, all of one state of the database.

        Raises:
            TableAbsent: this database has no table for one of the queries.
        """
        wanted = [self._query(name) for name in names]

        def work(reader: apsw.Connection) -> list[list[Row]]:
            reader.execute("BEGIN")
            try:
                return [queries.read_named(reader, query, params) for query in wanted]
            finally:
                reader.execute("COMMIT")

        return await self._read(work)

    async def write(self, name: str, params: Parameters) -> int:
        """Run a write query in a transaction of its own; the number of rows changed.

        Raises:
            TableAbsent: this database has no table for the query.
            RequirementFailed: a guard of the query did not hold; nothing was written.
            DatabaseBusy: another process held the write lock for too long.
        """
        query = self._query(name)

        def work() -> int:
            with database.transaction(self._writer):
                return queries.write(self._writer, query, params)

        return await asyncio.get_running_loop().run_in_executor(self._writing, work)

    def newest_event(self) -> str | None:
        """The time text of the newest event, None if there is none."""
        rows = queries.read(self._writer, self._query("newest_event"), {})
        return str(rows[0][0]) if rows else None

    def close(self) -> None:
        """Interrupt what is being read, finish what is being written, close every connection."""
        for connection in self._readers:
            connection.interrupt()
        self._reading.shutdown(cancel_futures=True)
        self._writing.shutdown()
        for connection in self._readers:
            connection.close()
        # The writer goes last: the last connection to close folds the WAL into the file.
        self._writer.close()

    def _query(self, name: str) -> Query:
        query = self._queries.get(name)
        # Loading again tells why it is not there.
        return query if query is not None else queries.load(name, self.tables)

    async def _read(self, work: Callable[[apsw.Connection], T]) -> T:
        def with_a_reader() -> T:
            # As many connections as threads: one is always idle here.
            reader = self._idle.get()
            try:
                return work(reader)
            finally:
                self._idle.put(reader)

        return await asyncio.get_running_loop().run_in_executor(self._reading, with_a_reader)


def _answerable(
    connection: apsw.Connection, tables: frozenset[str], path: Path
) -> Mapping[str, Query]:
    found: dict[str, Query] = {}
    for name in queries.catalogue():
        try:
            query = queries.load(name, tables)
        except TableAbsent:
            continue
        for statement in query.statements:
            _check_prepares(connection, statement.sql, path)
        found[name] = query
    return MappingProxyType(found)


def _check_prepares(connection: apsw.Connection, sql: str, path: Path) -> None:
    try:
        apsw.ext.query_info(connection, sql)
    except apsw.SQLError as error:
        raise NotOurSchema(
            f"The database {path} is not one of this shop ({error}); "
            "give one made by `resale-bench seed`."
        ) from error


class FakeDatabase:
    """The fake: answers from a table of rows, and remembers what it was asked."""

    def __init__(self, answers: Mapping[str, list[Row]] | None = None) -> None:
        self._answers = dict(answers or {})
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows given for that name, none by default."""
        self.asked.append((name, dict(params)))
        return self._answers.get(name, [])

    async def read_together(self, names: Sequence[str], params: Parameters) -> list[list[Row]]:
        """The rows given for those names."""
        return [await self.read(name, params) for name in names]

    async def write(self, name: str, params: Parameters) -> int:
        """As many changes as rows were given for that name."""
        self.asked.append((name, dict(params)))
        return len(self._answers.get(name, []))
