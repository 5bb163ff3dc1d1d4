"""What a side's process asks of its side: a tree with an application, or a file.

It runs beside the code of any tree: apsw and the standard library only.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn, Protocol

import apsw

from bench.engines.sqlite.counters import answer_hash

Parameters = Mapping[str, Any]
Reader = Callable[[apsw.Connection, Any, Parameters], list[Any]]
"""Fetches all rows of a loaded query."""


class Refused(Exception):
    """The side cannot execute an operation; the text is its reason."""


class Undone(Exception):
    """Leaves a transaction so that it rolls back."""


def undo(connection: apsw.Connection) -> NoReturn:
    """Leave the transaction of a write so that it rolls back.

    Raises:
        Undone: always but then.
        Refused: a COMMIT would fail.
    """
    if connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0]:
        raise Refused("its foreign keys would not hold at COMMIT")
    raise Undone


class Side(Protocol):
    """How a side opens its database, runs its queries and answers requests."""

    def about(self) -> dict[str, Any]:
        """As `told`."""

    def opened(self, *, writable: bool = False) -> apsw.Connection:
        """A connection as this side opens one."""

    def queries_of(self, name: str, connection: apsw.Connection) -> list[Any]:
        """The queries that answer an operation. Raises Refused where it knows none."""

    def reader(self) -> Reader:
        """What fetches all rows of one of `queries_of`."""

    def statements(self, query: Any) -> Sequence[str]:
        """The SQL of one of `queries_of`."""

    def write(self, connection: apsw.Connection, query: Any, values: Parameters) -> None:
        """Run a writing query in the caller's transaction."""

    def transaction(self, connection: apsw.Connection) -> AbstractContextManager[Any]:
        """A write transaction; rolled back when an error leaves it."""

    def comparable(self, loaded: Sequence[Any], rows: Sequence[Any]) -> Sequence[Any]:
        """What `loaded` answered, sorted where its queries leave the order open."""

    def app(self, **settings: Any) -> Any:
        """The ASGI application. Raises Refused where the side has none."""


def told(connection: apsw.Connection, operations: Sequence[str]) -> dict[str, Any]:
    """Versions, the schema, whether there are statistics, and a side's operations."""
    schema = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema "
        "WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY type, name"
    ).fetchall()
    parts = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') UNION "
        "SELECT s.name || '.' || c.name FROM sqlite_schema AS s, pragma_table_info(s.name) AS c "
        "WHERE s.type = 'table'"
    ).fetchall()
    has = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'")
    analysed = has.fetchone() is not None and (
        connection.execute("SELECT 1 FROM sqlite_stat1 LIMIT 1").fetchone() is not None
    )
    return {
        "sqlite": apsw.sqlite_lib_version(),
        "python": platform.python_version(),
        "schema_hash": answer_hash(schema),
        "indexes": {str(row[1]): str(row[2]) for row in schema if row[0] == "index"},
        "analysed": analysed,
        "parts": sorted(str(name) for (name,) in parts),
        "operations": list(operations),
    }
