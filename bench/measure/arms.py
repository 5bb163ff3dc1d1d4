"""Arms as database files: copied from the source, migrated statement by statement, timed.

Arms with equal migrations share a file. The base arm is the source itself, so
that beside the source at most two full-size files exist (the study's arms need
no more); a study that would need a third is refused before anything is copied.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import apsw

from bench.measure.statistics import NONE, Statistics, capture, put
from bench.study import Arm, Study
from reference_app import migrate
from reference_app.database import connect

MOST_COPIES = 2


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
            # These files are copies that one run makes and removes: a power
            # cut costs nothing, and switching must not wait for the disk.
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
        copy = folder / f"{base}.db"
        shutil.copyfile(self.arms[base].path, copy)
        return ArmFiles({**kept.arms, base: replace(self.arms[base], path=copy)}, self._current)

    def close(self) -> None:
        """Close what is kept open."""
        for connection in self._keepers.values():
            connection.close()
        self._keepers.clear()


def files_needed(study: Study) -> int:
    """How many files beside the source the arms of a study need."""
    return len({arm.migrations for arm in study.arms} - {study.arm(study.base).migrations})


def check_source(source: Path, study: Study) -> None:
    """Refuse a source that is not in the state of the base arm.

    Raises:
        ArmsError: other migrations than the base arm's are applied, statistics
            have been gathered, or the study needs more than two files.
    """
    base = study.arm(study.base)
    connection = connect(source, query_only=True)
    try:
        have = tuple(entry.name for entry in migrate.applied(connection))
        analysed = bool(capture(connection).rows)
    finally:
        connection.close()
    if have != base.migrations or analysed:
        state = ", ".join(have) or "none of our migrations"
        state += " and planner statistics" if analysed else ""
        raise ArmsError(
            f"{source} holds {state}, but the arm {base.name!r} is {', '.join(base.migrations)} "
            "without statistics; give a database as `resale-bench seed` leaves it."
        )
    if files_needed(study) > MOST_COPIES:
        raise ArmsError(
            f"The study {study.name} needs {files_needed(study)} files beside its source and "
            f"at most {MOST_COPIES} may exist at once; let arms share their migrations."
        )


def build(
    source: Path,
    folder: Path,
    study: Study,
    *,
    fill: Callable[[apsw.Connection], None],
    progress: Callable[[str], None] = lambda _: None,
) -> ArmFiles:
    """Build every arm of the study in `folder`.

    `fill` gives rows to tables that only a migration brings (a ledger, a
    rollup); it runs once for each file after its migrations and outside their
    time.

    Raises:
        ArmsError: see `check_source`.
    """
    check_source(source, study)
    built: dict[str, ArmBuilt] = {}
    files: dict[tuple[str, ...], ArmBuilt] = {}
    for arm in sorted(study.arms, key=lambda arm: len(arm.migrations)):
        if arm.migrations not in files:
            files[arm.migrations] = _new_file(arm, source, folder, study, files, fill, progress)
        file = files[arm.migrations]
        built[arm.name] = _with_statistics(arm, file, progress)
    return ArmFiles({arm.name: built[arm.name] for arm in study.arms})


def _new_file(
    arm: Arm,
    source: Path,
    folder: Path,
    study: Study,
    files: Mapping[tuple[str, ...], ArmBuilt],
    fill: Callable[[apsw.Connection], None],
    progress: Callable[[str], None],
) -> ArmBuilt:
    if arm.migrations == study.arm(study.base).migrations:
        size = source.stat().st_size
        return ArmBuilt(arm.name, source, NONE, (), 0, 0, 0, size, size)
    prefixes = [have for have in files if arm.migrations[: len(have)] == have]
    if not prefixes:
        raise ArmsError(f"The arm {arm.name!r} does not continue the migrations of any other arm.")
    start = files[max(prefixes, key=len)]
    path = folder / f"{arm.name}.db"
    progress(f"copying {start.path.name} for the arm {arm.name}")
    shutil.copyfile(start.path, path)
    progress(f"migrating the arm {arm.name}")
    return _migrate(arm, path, start, fill)


def _migrate(
    arm: Arm, path: Path, start: ArmBuilt, fill: Callable[[apsw.Connection], None]
) -> ArmBuilt:
    bytes_before = path.stat().st_size
    costs: list[StatementCost] = []
    connection = connect(path)
    try:
        page_size = connection.pragma("page_size")
        pages = used_pages(connection)

        def observe(run: migrate.StatementRun) -> None:
            nonlocal pages
            now = used_pages(connection)
            costs.append(
                StatementCost(
                    run.migration, run.sql, run.kind, run.object, run.duration_ns,
                    (now - pages) * page_size,
                )
            )  # fmt: skip
            pages = now

        begun = time.perf_counter_ns()
        migrate.apply(connection, arm.migrations, observe=observe)
        duration_ns = time.perf_counter_ns() - begun
        begun = time.perf_counter_ns()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        checkpoint_ns = time.perf_counter_ns() - begun
        bytes_after = path.stat().st_size
        if not start.statements:
            fill(connection)
    finally:
        connection.close()
    return ArmBuilt(
        name=arm.name,
        path=path,
        statistics=NONE,
        statements=(*start.statements, *costs),
        duration_ns=start.duration_ns + duration_ns,
        checkpoint_ns=start.checkpoint_ns + checkpoint_ns,
        statistics_ns=0,
        bytes_before=start.bytes_before if start.statements else bytes_before,
        bytes_after=bytes_after,
    )


def used_pages(connection: apsw.Connection) -> int:
    """How many pages hold something: a new index may fill free pages and not grow the file."""
    return int(connection.pragma("page_count")) - int(connection.pragma("freelist_count"))


def _with_statistics(arm: Arm, file: ArmBuilt, progress: Callable[[str], None]) -> ArmBuilt:
    statistics, statistics_ns = NONE, 0
    if arm.statistics:
        progress(f"gathering the statistics of the arm {arm.name}")
        connection = connect(file.path)
        try:
            begun = time.perf_counter_ns()
            for statement in arm.statistics:
                connection.execute(statement).fetchall()
            statistics_ns = time.perf_counter_ns() - begun
            statistics = capture(connection)
            put(connection, NONE)
        finally:
            connection.close()
    return ArmBuilt(
        arm.name, file.path, statistics, file.statements, file.duration_ns, file.checkpoint_ns,
        statistics_ns, file.bytes_before, file.bytes_after,
    )  # fmt: skip


def migration_arms(files: ArmFiles) -> list[dict[str, Any]]:
    """What each arm took to build, as migration.json holds it."""
    return [
        {
            "arm": arm.name,
            "statements": [
                {
                    "migration": cost.migration,
                    "sql": cost.sql,
                    "kind": cost.kind,
                    "object": cost.object,
                    "duration_ns": cost.duration_ns,
                    "size_bytes": cost.size_bytes,
                }
                for cost in arm.statements
            ],
            "duration_ns": arm.duration_ns,
            "checkpoint_ns": arm.checkpoint_ns,
            "statistics_ns": arm.statistics_ns,
            "database_bytes_before": arm.bytes_before,
            "database_bytes_after": arm.bytes_after,
        }
        for arm in files.arms.values()
    ]


def _write_once(connection: apsw.Connection) -> None:
    """Bring the WAL into the state that it has in a shop that is open: written, checkpointed.

    While nothing was ever written, SQLite learns the number of pages from the file
    system at the start of each read transaction, and from the WAL's index afterwards
    (sqlite3PagerPagecount): 0.6 µs, or 5 %, of a query that takes 14 µs. Arms would
    differ by that if some had been written to and others not. The page written is the
    file's header with the value that it had; the content stays what it was.
    """
    version = connection.pragma("user_version")
    connection.execute(f"PRAGMA user_version = {int(version)}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
