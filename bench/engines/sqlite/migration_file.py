"""A migration's SQL file: which of its statements are run, and running them on a copy."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import apsw

from bench.engines.base import Connection
from bench.engines.records import MigrationFile, Piece, ScriptError
from bench.engines.sql_file import read_sql
from bench.engines.sqlite.connection import sqlite_connection
from bench.engines.sqlite.files import pieces
from bench.engines.sqlite.guard import Guard, guard
from bench.engines.sqlite.values import drain
from bench.errors import BenchError

# Comments that part a file into what does and what undoes: goose, sql-migrate, micrate, dbmate,
# and the bare words of node-sqlite.
_MARKER = re.compile(
    r"(?:\+(?P<tool>goose|migrate|micrate)\s+|(?P<dbmate>migrate:))(?P<part>up|down)\b.*"
    r"|(?P<bare>up|down)",
    re.I,
)
_SHOWN = 60


def read_migration(path: Path) -> MigrationFile:
    """Read a migration: all of it, or the part below Up where a tool's markers part it.

    Raises:
        BenchError: it cannot be read as SQL, or has no statement to be run.
    """
    try:
        statements_read = list(pieces(read_sql(path)))
    except ScriptError as error:
        raise BenchError(f"{path} cannot be read as SQL: {error}") from error
    marked = [
        marker_found for piece in statements_read for marker_found in _markers(piece.comments)
    ]
    if not any(part == "up" for _, part in marked) and not any(
        text.startswith(("+", "migrate:")) for text, _ in marked
    ):
        if not statements_read:
            raise BenchError(f"{path} has no statement; write one, or name another migration.")
        return MigrationFile(path, tuple(piece.sql for piece in statements_read))
    statements = tuple(_up(path, statements_read))
    marker = next((text for text, part in marked if part == "up"), "Up")
    if not statements:
        raise BenchError(
            f"{path} has no statement below its marker of Up; write one, or name another migration."
        )
    left = len(statements_read) - len(statements)
    note = f"Of {path.name} what stands below `-- {marker}` was run"
    note += f", and {left} statement{'s' if left > 1 else ''} below Down left out." if left else "."
    return MigrationFile(path, statements, (note,))


def _markers(comments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The markers among comments: each as it is written, and its part in small letters."""
    for comment in comments:
        matched = _MARKER.fullmatch(comment)
        if matched is not None:
            yield comment, (matched["part"] or matched["bare"]).lower()


def _up(path: Path, statements: Iterable[Piece]) -> Iterator[str]:
    part: str | None = None
    for piece in statements:
        part = next((named for _, named in reversed([*_markers(piece.comments)])), part)
        if part is None:
            raise BenchError(
                f"{path} has a statement before its first marker, {piece.sql[:_SHOWN]!r}; move it "
                "below Up."
            )
        if part == "up":
            yield piece.sql


def run_migration(
    connection: Connection,
    migration: MigrationFile,
    observe: Callable[[str, int], None] = lambda sql, duration_ns: None,
) -> None:
    """Run a migration's statements one after another, held to the connection's own file.

    `observe` is told of each when it has run, with its time in nanoseconds.

    Raises:
        BenchError: a statement fails or is refused, or a transaction is left open.
        apsw.FullError, apsw.IOError, apsw.CantOpenError: the disk failed.
    """
    guarded = guard(sqlite_connection(connection))
    for sql in migration.statements:
        guarded.refusal = None
        begun = time.perf_counter_ns()
        try:
            drain(sqlite_connection(connection).execute(sql))
            observe(sql, time.perf_counter_ns() - begun)
        except apsw.Error as error:
            _raise_refused(migration.path, sql, error, guarded)
            raise BenchError(_failed(migration.path, sql, error)) from error
    if sqlite_connection(connection).in_transaction:
        raise BenchError(f"{migration.path} leaves a transaction open; end it with COMMIT.")


def _raise_refused(path: Path, sql: str, error: apsw.Error, guarded: Guard) -> None:
    """Raise what is not the SQL's fault, or what the guard refused, in words of what to do.

    Raises:
        BenchError: the guard refused the statement, or the database is damaged.
        apsw.FullError, apsw.IOError, apsw.CantOpenError: the disk failed, not the statement.
    """
    if guarded.refusal is not None:
        raise BenchError(
            f"{path} has a statement that is not run, {sql[:_SHOWN]!r}: "
            f"{guarded.refusal}. Only the copies of the database may change, so take it out."
        ) from error
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        raise BenchError(
            f"The database is damaged: {sql[:_SHOWN]!r} of {path} fails on a copy ({error}). Look "
            "at it with PRAGMA integrity_check, and restore it from a backup or with .recover."
        ) from error
    if isinstance(error, apsw.FullError | apsw.IOError | apsw.CantOpenError):
        raise error


class StandIns:
    """The collations that a migration asked for and that only the application knows."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def __call__(self, connection: apsw.Connection, name: str) -> None:
        """Register one that compares characters; a callback of apsw's collation_needed."""
        self._names.append(name)
        connection.create_collation(name, lambda left, right: (left > right) - (left < right))

    @property
    def notes(self) -> tuple[str, ...]:
        """What to say of them."""
        return tuple(
            f"The collation {name} is the application's and is not known here: the migration ran "
            "with a stand-in that compares characters, and no operation that needs it is judged."
            for name in sorted(set(self._names))
        )


def stand_in(connection: apsw.Connection) -> StandIns:
    """Let a connection work on tables whose collations are unknown: ANALYZE, a rebuild."""
    made = StandIns()
    connection.collation_needed(made)
    return made


def _failed(path: Path, sql: str, error: apsw.Error) -> str:
    what = f"{path} fails on a copy at {sql[:_SHOWN]!r} ({error})"
    if str(error).startswith(("no such function", "no such module")):
        return (
            f"{what}; what an application adds to SQLite is not there, so take that statement out "
            "to gate the others."
        )
    return f"{what}; mend the migration."
