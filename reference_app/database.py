"""Open and inspect the shop's SQLite databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from reference_app import untouched
from reference_app.database_files import (
    DatabaseBusy,
    DatabaseError,
    DatabaseMissing,
    ForeignKeysOff,
    NotADatabase,
    NotOurSchema,
    beside,
    demand_utf8,
    has_log,
    in_sentences,
)

__all__ = [
    "DatabaseBusy",
    "DatabaseError",
    "DatabaseMissing",
    "ForeignKeysOff",
    "NotADatabase",
    "NotOurSchema",
    "beside",
    "connect",
    "demand_utf8",
    "has_log",
    "parts",
    "records_ours",
    "tables",
    "transaction",
]

# The table by which a file of ours is known; reference_app.migrate keeps it.
RECORD = "schema_migrations"
RECORD_COLUMNS = frozenset({"number", "name", "checksum", "applied_at"})

_OPENING = threading.Lock()


def connect(
    path: Path,
    *,
    query_only: bool = False,
    create: bool = False,
    busy_timeout_ms: int = 5000,
    checkpoints: bool = True,
) -> apsw.Connection:
    """Open a database of ours: foreign keys on, journal WAL, synchronous NORMAL.

    A `query_only` connection refuses every write, yet opens the file for
    writing, because only such a connection can read a WAL that was left behind
    and clean it up when it closes. It leaves the journal mode as it is.

    Without `checkpoints` the connection folds nothing of the log into the file: not when the
    log has grown long, and not when it is closed. What was written stays in the log.

    Raises:
        NotOurSchema: no migration of ours was ever recorded in it; nothing of it changes.
        DatabaseMissing: there is no such file and `create` is not set.
        NotADatabase: the file cannot be opened, is empty, or is not SQLite's, or its name is not
            UTF-8.
        DatabaseBusy: the file stayed locked for `busy_timeout_ms`.
    """
    there = path.is_file()
    if not create and not there:
        raise DatabaseMissing(f"There is no database {path}; seed one first or check the path.")
    demand_utf8(path)
    empty = not there or path.stat().st_size == 0
    if empty and not create:
        raise NotADatabase(f"The file {path} is empty; seed a database under another name.")
    # One at a time: during the validation this process has the log's index open read-only.
    with in_sentences(path), _OPENING:
        if not empty:
            _require_own_schema(path, busy_timeout_ms, create=create)
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
        connection = apsw.Connection(str(path), flags=flags)
        try:
            connection.set_busy_timeout(busy_timeout_ms)
            if not checkpoints:
                connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                connection.wal_autocheckpoint(0)
            _make_ours(connection, query_only=query_only)
        except BaseException:
            connection.close()
            raise
        return connection


def _require_own_schema(path: Path, busy_timeout_ms: int, *, create: bool) -> None:
    """Raise NotOurSchema for a file without our migrations, before it is opened for writing."""
    with untouched.looking(path, busy_timeout_ms=busy_timeout_ms) as connection:
        if not records_ours(connection) and (_names(connection) or not create):
            raise NotOurSchema(
                f"The database {path} is not one of this shop: none of its migrations is recorded "
                "in it; give one made by `resale-bench seed`."
            )


def records_ours(connection: apsw.Connection) -> bool:
    """Whether a database has the table in which our migrations are recorded.

    Other tools name their table `schema_migrations` too; ours is known by its columns.
    """
    columns = connection.execute(f"SELECT name FROM pragma_table_info('{RECORD}')")
    return {str(name) for (name,) in columns} >= RECORD_COLUMNS


def _make_ours(connection: apsw.Connection, *, query_only: bool) -> None:
    if not query_only:
        connection.pragma("journal_mode", "wal")
    _names(connection)
    _set(connection, query_only=query_only)


def _names(connection: apsw.Connection) -> set[str]:
    return {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema")}


def _set(connection: apsw.Connection, *, query_only: bool) -> None:
    connection.pragma("foreign_keys", True)
    connection.pragma("synchronous", "normal")
    if query_only:
        connection.pragma("query_only", True)
    if not _knows_values(connection):
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    if connection.pragma("foreign_keys") != 1:
        raise ForeignKeysOff(
            "This build of SQLite has no foreign keys; install apsw from the lock file."
        )


def _knows_values(connection: apsw.Connection) -> bool:
    """Whether the planner has samples of column values (sqlite_stat4).

    A SQLite built with STAT4 plans a statement anew each time it is run with other
    values, where such samples could make a difference. Without samples none can, and
    planning costs as much again as a short query: then plans are kept stable (QPSG), as
    they are in a SQLite that was built without STAT4. Source: sqlite.org/qpsg.html
    """
    return "sqlite_stat4" in _names(connection) and bool(
        connection.execute("SELECT 1 FROM sqlite_stat4 LIMIT 1").fetchall()
    )


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[apsw.Connection]:
    """One write transaction: all of the block, or nothing of it.

    BEGIN IMMEDIATE takes the write lock at once, so that a transaction never
    fails halfway because it was promoted too late.

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
    """The names of all tables of a database, SQLite's own left out.

    Raises:
        NotADatabase: the schema cannot be read.
    """
    try:
        rows = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%'"
            " ESCAPE '\\'"
        ).fetchall()
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise NotADatabase(
            f"The schema of {connection.filename} cannot be read; seed the database again."
        ) from error
    return frozenset(str(name) for (name,) in rows)


def parts(connection: apsw.Connection) -> frozenset[str]:
    """The names of all tables, and of their columns as `table.column`: what queries may need.

    Raises:
        NotADatabase: the schema cannot be read.
    """
    have = tables(connection)
    rows = connection.execute(
        "SELECT m.name || '.' || c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c"
        " WHERE m.type = 'table'"
    ).fetchall()
    return have | {str(name) for (name,) in rows if str(name).partition(".")[0] in have}
