"""Connections to a copy of anybody's database, with SQLite's own defaults, and what it holds.

A process beside the code of any tree imports this: apsw and the standard library only.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from bench.engines.answers import answer_hash
from bench.engines.sqlite.guard import guard

BUSY_TIMEOUT_MS = 5000


def connect_custom(
    database: Path, *, writable: bool = False, foreign_keys: bool = True
) -> apsw.Connection:
    """Open a database with SQLite's own defaults but for foreign keys.

    What runs on it is held to this database by `guard`.
    """
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.pragma("foreign_keys", foreign_keys)
    if not writable:
        connection.pragma("query_only", True)
    guard(connection, reading=not writable)
    return connection


def use_log(database: Path) -> None:
    """Let readers and the writer of a copy not wait for each other, whatever the source used."""
    with closing(connect_custom(database, writable=True)) as connection:
        connection.pragma("journal_mode", "wal")


def sqlite_version() -> str:
    """Return the version of the SQLite that this process uses."""
    return apsw.sqlite_lib_version()


def violates_foreign_keys(connection: apsw.Connection) -> bool:
    """Whether a COMMIT of the open transaction would fail by its foreign keys."""
    return bool(connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0])


def describe(connection: apsw.Connection, operations: Sequence[str]) -> dict[str, Any]:
    """Versions, the schema, whether there are statistics, and a side's operations.

    `parts` are tables, views, and columns as `table.column`.
    """
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
        "sqlite": sqlite_version(),
        "python": platform.python_version(),
        "schema_hash": answer_hash(schema),
        "indexes": {str(row[1]): str(row[2]) for row in schema if row[0] == "index"},
        "analysed": analysed,
        "parts": sorted(str(name) for (name,) in parts),
        "operations": list(operations),
    }
