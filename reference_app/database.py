"""The engine's port: how every part of the shop, and every tool around it, opens a database.

This room knows SQLite (through apsw) and nothing of the shop: no table, no
query and no HTTP may enter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw


class DatabaseError(Exception):
    """The database cannot be used; the text is one sentence that says what to do next."""


class DatabaseMissing(DatabaseError):
    """There is no file under the given path."""


class NotADatabase(DatabaseError):
    """The file is there, and SQLite cannot read or open it."""


class DatabaseBusy(DatabaseError):
    """Another connection held the write lock for longer than the busy timeout."""


class ForeignKeysOff(DatabaseError):
    """This SQLite was built without foreign keys."""


def connect(
    path: Path,
    *,
    query_only: bool = False,
    create: bool = False,
    busy_timeout_ms: int = 5000,
) -> apsw.Connection:
    """Open a database: foreign keys on, journal WAL, synchronous NORMAL.

    A `query_only` connection refuses every write, yet opens the file for
    writing, because only such a connection can read a WAL that was left behind
    and clean it up when it closes.

    Raises:
        DatabaseMissing: there is no such file and `create` is not set.
        NotADatabase: the file cannot be opened or is not SQLite's.
        DatabaseBusy: the file stayed locked for `busy_timeout_ms`.
    """
    if not create and not path.is_file():
        raise DatabaseMissing(f"There is no database {path}; seed one first or check the path.")
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    try:
        connection = apsw.Connection(str(path), flags=flags)
    except apsw.CantOpenError as error:
        raise NotADatabase(
            f"The database {path} cannot be opened; check its folder and its permissions."
        ) from error
    try:
        _configure(connection, path, query_only=query_only, busy_timeout_ms=busy_timeout_ms)
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(
    connection: apsw.Connection, path: Path, *, query_only: bool, busy_timeout_ms: int
) -> None:
    connection.set_busy_timeout(busy_timeout_ms)
    try:
        connection.pragma("foreign_keys", True)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "normal")
        if query_only:
            connection.pragma("query_only", True)
        foreign_keys = connection.pragma("foreign_keys")
    except apsw.NotADBError as error:
        raise NotADatabase(
            f"The file {path} is not a SQLite database; give the path of one."
        ) from error
    except apsw.BusyError as error:
        raise DatabaseBusy(
            f"The database {path} is locked by another process; wait for it or stop it."
        ) from error
    except apsw.ReadOnlyError as error:
        raise NotADatabase(
            f"The database {path} is read-only; make the file and its folder writable."
        ) from error
    if foreign_keys != 1:
        raise ForeignKeysOff(
            "This build of SQLite has no foreign keys; install apsw from the lock file."
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
