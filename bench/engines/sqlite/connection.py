"""Connections to copies that a measurement made for itself: they may be written to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from bench.engines.base import Connection
from bench.engines.sqlite.files import DatabaseBusy, DatabaseMissing, beside

SqliteConnection = apsw.Connection


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
    table = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat4'").fetchall()
    return bool(table and connection.execute("SELECT 1 FROM sqlite_stat4 LIMIT 1").fetchall())


def sqlite_connection(connection: Connection) -> apsw.Connection:
    """Return a connection as what it is here.

    Raises:
        TypeError: it is another engine's.
    """
    if not isinstance(connection, apsw.Connection):
        raise TypeError(f"{type(connection).__name__} is no connection of SQLite")
    return connection


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """One write transaction, its lock taken at once: all of the block, or nothing of it.

    Raises:
        DatabaseBusy: the write lock was not free within the busy timeout.
    """
    _begin(connection)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


@contextmanager
def rolled_back(connection: Connection) -> Iterator[None]:
    """One write transaction, its lock taken at once, of which nothing is kept.

    Raises:
        DatabaseBusy: the write lock was not free within the busy timeout.
    """
    _begin(connection)
    try:
        yield
    finally:
        _roll_back(connection)


def _begin(connection: Connection) -> None:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except apsw.BusyError as error:
        raise DatabaseBusy(
            "Another connection holds the write lock of the database; try again in a moment."
        ) from error


def _roll_back(connection: Connection) -> None:
    # SQLite has already rolled back after some errors, a full disk for one.
    if sqlite_connection(connection).in_transaction:
        connection.execute("ROLLBACK")


def begin_log(connection: Connection) -> None:
    """Commit one page as it is, so that the write-ahead log has been written to.

    While nothing was ever written, SQLite learns the number of pages from the file
    system at the start of each read transaction, and from the log's index afterwards
    (sqlite3PagerPagecount): 0.6 µs, or 5 %, of a query that takes 14 µs. Arms would
    differ by that if some had been written to and others not.

    A savepoint takes the change back: the page then has the bytes that it had, and is committed
    all the same.
    """
    with transaction(connection):
        connection.execute("SAVEPOINT untouched")
        version = pragma(connection, "user_version")
        connection.execute(f"PRAGMA user_version = {~version}")
        connection.execute("ROLLBACK TO untouched")


def flush(connection: Connection) -> None:
    """Fold the write-ahead log into the file, and leave it empty."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def pragma(connection: Connection, name: str) -> int:
    """Read a setting that is a number."""
    return int(connection.execute(f"PRAGMA {name}").fetchall()[0][0])


def page_bytes(connection: Connection) -> int:
    """Return the size of a page."""
    return pragma(connection, "page_size")


def used_bytes(connection: Connection) -> int:
    """Return the bytes that hold something: a new index may fill free pages, and not the file."""
    pages = pragma(connection, "page_count") - pragma(connection, "freelist_count")
    return pages * page_bytes(connection)


def changes(connection: Connection) -> int:
    """Return how many rows the connection has changed so far."""
    return sqlite_connection(connection).total_changes()


def changed_rows(connection: Connection) -> int:
    """Return how many rows the last statement changed, those of triggers left out."""
    return sqlite_connection(connection).changes()


def settings(connection: Connection) -> dict[str, Any]:
    """Return the settings that change times, as this connection has them."""
    names = (
        "page_size", "cache_size", "mmap_size", "journal_mode", "synchronous", "foreign_keys",
        "threads", "temp_store", "wal_autocheckpoint", "analysis_limit",
    )  # fmt: skip
    return {name: sqlite_connection(connection).pragma(name) for name in names}


def files(path: Path) -> tuple[Path, ...]:
    """Return the file of a database, and its log if there is one."""
    return tuple(file for file in (path, beside(path)[0]) if file.is_file())


def size_bytes(path: Path) -> int:
    """Return the size of a database's file."""
    return path.stat().st_size


def remove(path: Path) -> None:
    """Remove a database."""
    for file in (path, *beside(path)):
        file.unlink(missing_ok=True)


def tables(connection: Connection) -> frozenset[str]:
    """The names of all tables of a database, SQLite's own left out."""
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%'"
        " ESCAPE '\\'"
    )
    return frozenset(str(name) for (name,) in rows)


def parts(connection: Connection) -> frozenset[str]:
    """The names of all tables, and of their columns as `table.column`: what queries may need."""
    rows = connection.execute(
        "SELECT m.name, m.name || '.' || c.name FROM sqlite_schema AS m,"
        " pragma_table_info(m.name) AS c WHERE m.type = 'table'"
    ).fetchall()
    have = tables(connection)
    return have | {str(part) for table, part in rows if table in have}
