"""Access to the shop's database without the server, for commands.

The same named queries and transactions; SQLite's own lock separates them from a running server.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from reference_app import database
from reference_app.port import Row, Transaction
from reference_app.queries import Parameters
from reference_app.queryset import QuerySet
from reference_app.writer import WriterTransaction

T = TypeVar("T")


class OfflineShop:
    """One connection to a shop's database; a context manager that closes it.

    Raises:
        DatabaseError: the file is missing, is no database, or is not of this shop.
    """

    def __init__(self, path: Path, *, busy_timeout_ms: int = 30_000) -> None:
        self._connection = database.connect(path, busy_timeout_ms=busy_timeout_ms)
        try:
            self._connection.pragma("synchronous", "full")
            parts = database.parts(self._connection)
            self._queries = QuerySet(self._connection, parts, path)
        except BaseException:
            self._connection.close()
            raise
        self._transaction = WriterTransaction(self._connection, self._queries.find)

    def can(self, name: str) -> bool:
        """Whether this database has what a query needs."""
        return self._queries.can(name)

    def read(self, name: str, params: Parameters) -> list[Row]:
        """The rows of a read query, by column name."""
        return self._transaction.read(name, params)

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a write transaction: all of it is committed when this returns.

        Raises:
            DatabaseBusy: another process kept the write lock for too long.
        """
        with database.transaction(self._connection):
            return work(self._transaction)

    def __enter__(self) -> OfflineShop:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
