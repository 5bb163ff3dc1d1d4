"""Connections to copies that a measurement made for itself: they may be written to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from bench.engines.sqlite.files import DatabaseBusy, DatabaseMissing


def connect(
    path: Path,
    *,
    query_only: bool = False,
    create: bool = False,
    busy_timeout_ms: int = 5000,
    checkpoints: bool = True,
) -> apsw.Connection:
    """Open a copy: foreign keys on, journal WAL, synchronous NORMAL.

    A `query_only` connection refuses every write, yet opens the file for writing, because only
    such a connection can read a WAL that was left behind and clean it up when it closes.
    Without `checkpoints` nothing of the log is folded into the file, not even at closing.

    Raises:
        DatabaseMissing: there is no such file and `create` is not set.
    """
    if not create and not path.is_file():
        raise DatabaseMissing(f"There is no database {path}; check the path.")
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    connection = apsw.Connection(str(path), flags=flags)
    try:
        connection.set_busy_timeout(busy_timeout_ms)
        if not checkpoints:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.wal_autocheckpoint(0)
        if not query_only:
            connection.pragma("journal_mode", "wal")
        connection.pragma("foreign_keys", True)
        connection.pragma("synchronous", "normal")
        if query_only:
            connection.pragma("query_only", True)
        if not _has_samples(connection):
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    except BaseException:
        connection.close()
        raise
    return connection


def _has_samples(connection: apsw.Connection) -> bool:
    """Whether the planner has samples of the values that stand in columns (sqlite_stat4).

    A SQLite built with STAT4 plans a statement anew each time it is run with other values,
    where such samples could make a difference. Without samples none can, and planning costs as
    much again as a short query: then plans are kept stable (QPSG), as they are in a SQLite that
    was built without STAT4. Source: sqlite.org/qpsg.html
    """
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat4'").fetchall()
    return bool(found and connection.execute("SELECT 1 FROM sqlite_stat4 LIMIT 1").fetchall())


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[apsw.Connection]:
    """One write transaction, its lock taken at once: all of the block, or nothing of it.

    Raises:
        DatabaseBusy: the write lock was not free within the busy timeout.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
    except apsw.BusyError as error:
        raise DatabaseBusy(
            "Another connection holds the write lock of the database; try again in a moment."
        ) from error
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has already rolled back after some errors, a full disk for one.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def tables(connection: apsw.Connection) -> frozenset[str]:
    """The names of all tables of a database, SQLite's own left out."""
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%'"
        " ESCAPE '\\'"
    )
    return frozenset(str(name) for (name,) in rows)


def parts(connection: apsw.Connection) -> frozenset[str]:
    """The names of all tables, and of their columns as `table.column`: what queries may need."""
    rows = connection.execute(
        "SELECT m.name, m.name || '.' || c.name FROM sqlite_schema AS m,"
        " pragma_table_info(m.name) AS c WHERE m.type = 'table'"
    ).fetchall()
    have = tables(connection)
    return have | {str(part) for table, part in rows if table in have}
