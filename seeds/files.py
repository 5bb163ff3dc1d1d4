"""Create, index, merge and check SQLite files while they are loaded."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import apsw

from reference_app import migrate
from reference_app.database import connect
from seeds.checks import BrokenRules

BASELINE = "0001_baseline"
PRAGMAS = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA cache_size = -4096",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA ignore_check_constraints = ON",
)
"""For files that are deleted unless the load succeeds. Foreign keys are off during the load, since
referenced rows may come later; CHECK constraints too, since SQLite builds the list of an IN for
every inserted row, which doubles its cost. ``check_constraints`` and
``check_references`` check the result for both."""


@contextlib.contextmanager
def open_for_loading(path: Path) -> Iterator[apsw.Connection]:
    """A connection for loading, with PRAGMAS; closed at the end."""
    with contextlib.closing(apsw.Connection(str(path))) as connection:
        for pragma in PRAGMAS:
            connection.execute(pragma)
        yield connection


def create_tables(path: Path) -> None:
    """Create the baseline's tables in a new file, without its separate indexes.

    ``create_indexes`` builds those after the load: one sort is faster than random inserts.
    """
    with open_for_loading(path) as connection:
        for statement in _baseline("CREATE TABLE"):
            connection.execute(statement)


def _baseline(kind: str) -> list[str]:
    statements = migrate.statements(migrate.find(BASELINE))
    return [sql for sql in statements if sql.startswith(kind)]


def index_statements(tables: Sequence[str]) -> list[str]:
    """The baseline's CREATE INDEX statements on these tables."""
    wanted = set(tables)
    return [sql for sql in _baseline("CREATE INDEX") if sql.split(" ON ")[1].split()[0] in wanted]


def create_indexes(path: Path, tables: Sequence[str]) -> None:
    """Build the baseline's indexes on these tables."""
    with open_for_loading(path) as connection:
        connection.execute("PRAGMA cache_size = -65536")  # sorters are bounded by it
        for statement in index_statements(tables):
            connection.execute(statement)


def merge(path: Path, side: Path, tables: Sequence[str], done: Callable[[int], None]) -> None:
    """Move tables with their indexes from a side file into empty tables of the main one.

    With equal schemas SQLite copies whole records and index entries without decoding them
    (its transfer optimisation).
    """
    with open_for_loading(path) as connection:
        connection.execute("ATTACH ? AS side", (str(side),))
        for statement in index_statements(tables):
            connection.execute(statement)
        for number, table in enumerate(tables, start=1):
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM side.{table}")
            done(number)


def check_constraints(path: Path, tables: Sequence[str]) -> None:
    """Raise BrokenRules if a row of these tables breaks a CHECK or a NOT NULL."""
    with open_for_loading(path) as connection:
        connection.execute("PRAGMA ignore_check_constraints = OFF")
        for table in tables:
            message = str(connection.pragma("quick_check", table))
            if message != "ok":
                raise BrokenRules(f"{message}: report this with the seed and the scale.")


def check_references(path: Path) -> None:
    """Raise BrokenRules if a row of any table refers to one that is not there."""
    with open_for_loading(path) as connection:
        connection.execute("PRAGMA cache_size = -65536")
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    if broken is not None:
        raise BrokenRules(
            f"Row {broken[1]} of {broken[0]} refers to a {broken[2]} that is not there: "
            "report this with the seed and the scale."
        )


def record_baseline(path: Path) -> None:
    """Record that the baseline was applied."""
    with open_for_loading(path) as connection:
        connection.execute("BEGIN")
        migrate.record(connection, migrate.find(BASELINE))
        connection.execute("COMMIT")


def settle(path: Path) -> None:
    """Finish the file: WAL mode with an empty log, no spare bytes, synced to disk."""
    with contextlib.closing(connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        used = _used_bytes(connection)
    os.truncate(path, used)
    sync(path)


def _used_bytes(connection: apsw.Connection) -> int:
    return int(connection.pragma("page_count")) * int(connection.pragma("page_size"))


def insert_select_rate(source: Path, rows: int, reserve_bytes: int) -> float:
    """Rows per second of SQLite's own INSERT ... SELECT of the events into a scratch file.

    Uses the pragmas, the table and the preallocation of the load.
    """
    scratch = source.with_name(source.name + ".limit")
    try:
        create_tables(scratch)
        os.truncate(scratch, reserve_bytes)
        with open_for_loading(scratch) as connection:
            connection.execute("ATTACH ? AS source", (str(source),))
            started = time.perf_counter()
            connection.execute("INSERT INTO analytics_events SELECT * FROM source.analytics_events")
            return round(rows / (time.perf_counter() - started), 1)
    finally:
        scratch.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Sync a file to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
