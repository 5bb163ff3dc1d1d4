"""The files of a study's arms while they are measured: opened, switched, copied, removed.

A file that a run did not make itself is left as it was: not one of its bytes
changes, whenever the run ends. No SQL of the shop may enter.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import apsw

from bench.measure.statistics import NONE, Statistics, put
from reference_app.database import connect, has_log, transaction


class ArmsError(Exception):
    """The arms cannot be built from this source; the text says what to do."""


@dataclass(frozen=True, slots=True)
class StatementCost:
    """What one statement of a migration took and what it added to the file."""

    migration: str
    sql: str
    kind: str
    object: str
    duration_ns: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ArmBuilt:
    """One arm, ready to be measured."""

    name: str
    path: Path
    statistics: Statistics
    statements: tuple[StatementCost, ...]
    duration_ns: int
    checkpoint_ns: int
    statistics_ns: int
    bytes_before: int
    bytes_after: int


class ArmFiles:
    """The files of a study's arms, and which statistics each file holds right now.

    `switch` is the only way by which statistics change, so that a connection
    opened after it sees the state of the arm it was opened for. One connection
    a file is kept open throughout: otherwise every closing of a measured
    connection would be the last one, and checkpoint and delete the WAL.
    """

    def __init__(
        self, arms: Mapping[str, ArmBuilt], current: Mapping[Path, Statistics] | None = None
    ) -> None:
        self.arms = dict(arms)
        self._current = dict(current or {})
        self._keepers: dict[Path, apsw.Connection] = {}

    def keeper(self, name: str) -> apsw.Connection:
        """Return the connection that stays open on the file of arm `name`."""
        path = self.arms[name].path
        if path not in self._keepers:
            connection = connect(path)
            # What it writes are copies that one run makes and removes, or the
            # bytes that are there already: a power cut costs nothing, and
            # switching must not wait for the disk.
            connection.pragma("synchronous", "off")
            _write_once(connection)
            self._keepers[path] = connection
        return self._keepers[path]

    def switch(self, name: str) -> ArmBuilt:
        """Put the file of arm `name` into that arm's state."""
        arm = self.arms[name]
        keeper = self.keeper(name)
        if self._current.get(arm.path, NONE) != arm.statistics:
            put(keeper, arm.statistics)
            self._current[arm.path] = arm.statistics
        return arm

    def open(self, name: str, *, query_only: bool = True) -> apsw.Connection:
        """Open a new connection to arm `name`; the caller closes it."""
        return connect(self.switch(name).path, query_only=query_only)

    def without(self, names: Collection[str]) -> ArmFiles:
        """Return the same arms without some, whose files are removed if no other arm needs them."""
        self.close()
        kept = {name: arm for name, arm in self.arms.items() if name not in names}
        kept_paths = {arm.path for arm in kept.values()}
        for arm in self.arms.values():
            if arm.path not in kept_paths:
                _remove(arm.path)
        return ArmFiles(kept, self._current)

    def writable(self, base: str, judged: str, folder: Path) -> ArmFiles:
        """Return arms that may be written to although the source may not.

        The base arm gets a copy of its own. So that no third file stands
        beside the source, only the judged arm's file stays next to it.
        """
        path = self.arms[judged].path
        lost = [name for name, arm in self.arms.items() if name != base and arm.path != path]
        kept = self.without(lost)
        own = folder / f"{base}.db"
        copy(self.arms[base].path, own)
        return ArmFiles({**kept.arms, base: replace(self.arms[base], path=own)}, self._current)

    def close(self) -> None:
        """Close what is kept open."""
        for connection in self._keepers.values():
            connection.close()
        self._keepers.clear()


def copy(source: Path, target: Path) -> None:
    """Copy a database byte by byte, while nobody may write to it.

    Raises:
        ArmsError: some of the source stands in its write-ahead log only.
        DatabaseBusy: another connection is writing to it.
    """
    # Before it is opened as well: closing it would fold the log into the file.
    refuse_log(source)
    connection = connect(source)
    try:
        # Python's closing of the file drops this process's locks on it, but not
        # the one that keeps writers out: that is on the index of the log.
        with transaction(connection):
            refuse_log(source)
            shutil.copyfile(source, target)
    finally:
        connection.close()


def refuse_log(source: Path) -> None:
    """Refuse a file that is not all of its database.

    Raises:
        ArmsError: its write-ahead log holds something.
    """
    if has_log(source):
        raise ArmsError(
            f"Some of {source} stands in its write-ahead log {source.name}-wal only; stop the "
            "process that has it open, or, if one was killed, fold the log into the file "
            f"with `sqlite3 {source} 'PRAGMA wal_checkpoint(TRUNCATE)'`."
        )


def _write_once(connection: apsw.Connection) -> None:
    """Bring the WAL into the state that it has in a shop that is open: written, checkpointed.

    While nothing was ever written, SQLite learns the number of pages from the file
    system at the start of each read transaction, and from the WAL's index afterwards
    (sqlite3PagerPagecount): 0.6 µs, or 5 %, of a query that takes 14 µs. Arms would
    differ by that if some had been written to and others not.

    The page written is the one that records the migrations, with the bytes that it had:
    SQLite restores them when the savepoint is rolled back, and commits the page all the
    same. So the file never differs from what it was, even if this ends halfway; and
    since it does not, its time of change is put back as well.
    """
    path = Path(connection.filename)
    times = path.stat()
    with transaction(connection):
        connection.execute("SAVEPOINT untouched")
        connection.execute(
            "UPDATE schema_migrations SET applied_at = replace(hex(zeroblob(length(applied_at))),"
            " '00', '0') WHERE number = (SELECT min(number) FROM schema_migrations)"
        )
        connection.execute("ROLLBACK TO untouched")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
