"""Arms as database files: copied from the source, migrated statement by statement, timed.

Arms with equal migrations share a file. The base arm is the source itself, or a copy of a
source that has to stay as it is. At most two migrated files exist beside it (the study's arms
need no more); a study that would need a third is refused before anything is copied. For the
A/A control the base is copied once more. All files are read into the page cache anew at the end,
in one way: how they were written would decide how fast they are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.engines.base import Connection, Engine
from bench.engines.registry import engine_of
from bench.errors import BenchError
from bench.measure.files import ArmBuilt, ArmFiles
from bench.results.migration import ArmMigration, StatementCost
from bench.study import Arm, Study
from bench.study.hooks import Hooks, StatementRun, hooks_of

__all__ = [
    "ArmBuilt",
    "ArmFiles",
    "BenchError",
    "StatementCost",
    "build",
    "check_source",
    "files_needed",
    "migration_arms",
]

MOST_COPIES = 2


def files_needed(study: Study) -> int:
    """How many files beside the source the arms of a study need."""
    return len({arm.migrations for arm in study.arms} - {study.arm(study.base).migrations})


def check_source(source: Path, study: Study) -> None:
    """Refuse a source that is not in the state of the base arm; nothing of it changes.

    Raises:
        BenchError: other migrations than the base arm's are applied, statistics
            have been gathered, or the study needs more than two migrated files.
    """
    base = study.arm(study.base)
    hooks, engine = hooks_of(study), engine_of(study)
    with engine.reading(source) as connection:
        have = hooks.applied(connection)
        analysed = not engine.capture_statistics(connection).empty
    if have != base.migrations or (analysed and hooks.generator is not None):
        state = ", ".join(have) or "none of its migrations"
        state += " and planner statistics" if analysed else ""
        raise BenchError(
            f"{source} holds {state}, but the arm {base.name!r} is {', '.join(base.migrations)} "
            "without statistics; give a database as `resale-bench seed` leaves it."
        )
    if files_needed(study) > MOST_COPIES:
        raise BenchError(
            f"The study {study.name} needs {files_needed(study)} files beside its source and "
            f"at most {MOST_COPIES} may exist at once; let arms share their migrations."
        )


def build(
    source: Path,
    folder: Path,
    study: Study,
    *,
    fill: Callable[[Connection], None] | None = None,
    keep_source: bool = False,
    control: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> ArmFiles:
    """Build every arm of the study in `folder`.

    `fill` gives rows to tables that only a migration brings (a ledger, a
    rollup), by default as the study does; it runs once for each file after its migrations and
    outside their time. `keep_source` tells that the source has to stay as it is; without it the
    source becomes the base arm's file. `control` asks for the base's file a second time.

    Raises:
        BenchError: see `check_source`.
    """
    check_source(source, study)
    hooks, engine = hooks_of(study), engine_of(study)
    fill = fill or partial(hooks.fill, source=source)
    base = source
    if keep_source:
        base = folder / f"{study.base}.db"
        progress(f"copying {source.name}")
        engine.clone(source, base)
    built: dict[str, ArmBuilt] = {}
    files: dict[tuple[str, ...], ArmBuilt] = {}
    for arm in sorted(study.arms, key=lambda arm: len(arm.migrations)):
        if arm.migrations not in files:
            files[arm.migrations] = _new_file(arm, base, folder, study, files, fill, progress)
        file = files[arm.migrations]
        built[arm.name] = _with_statistics(engine, arm, file, progress)
    second = None
    if control:
        progress(f"copying {base.name} for the A/A control")
        second = replace(built[study.base], path=folder / f"{study.base}-control.db")
        engine.clone(base, second.path)
    held = {file.path: file.statistics for file in files.values()}
    made = ArmFiles(engine, {arm.name: built[arm.name] for arm in study.arms}, held, control=second)
    progress("reading the files anew")
    made.reload()
    return made


def _new_file(
    arm: Arm,
    source: Path,
    folder: Path,
    study: Study,
    files: Mapping[tuple[str, ...], ArmBuilt],
    fill: Callable[[Connection], None],
    progress: Callable[[str], None],
) -> ArmBuilt:
    engine = engine_of(study)
    if arm.migrations == study.arm(study.base).migrations:
        size = engine.size_bytes(source)
        with engine.reading(source) as connection:
            statistics = engine.capture_statistics(connection)
        return ArmBuilt(arm.name, source, statistics, (), 0, 0, 0, size, size)
    prefixes = [have for have in files if arm.migrations[: len(have)] == have]
    if not prefixes:
        raise BenchError(f"The arm {arm.name!r} does not continue the migrations of any other arm.")
    done = max(prefixes, key=len)
    start = files[done]
    path = folder / f"{arm.name}.db"
    progress(f"copying {start.path.name} for the arm {arm.name}")
    engine.clone(start.path, path)
    progress(f"migrating the arm {arm.name}")
    further = replace(arm, migrations=arm.migrations[len(done) :])
    return _migrate(engine, further, path, start, hooks_of(study), fill)


def _migrate(
    engine: Engine,
    arm: Arm,
    path: Path,
    start: ArmBuilt,
    hooks: Hooks,
    fill: Callable[[Connection], None],
) -> ArmBuilt:
    """Apply the arm's migrations to a file that has those of `start`."""
    bytes_before = engine.size_bytes(path)
    costs: list[StatementCost] = []
    with closing(engine.connect(path)) as connection:
        used_bytes = engine.used_bytes(connection)

        def observe(run: StatementRun) -> None:
            nonlocal used_bytes
            now = engine.used_bytes(connection)
            costs.append(
                StatementCost(
                    migration=run.migration,
                    sql=run.sql,
                    kind=run.kind,
                    object=run.object,
                    duration_ns=run.duration_ns,
                    size_bytes=now - used_bytes,
                )
            )
            used_bytes = now

        begun = time.perf_counter_ns()
        hooks.migrate(connection, arm.migrations, observe)
        duration_ns = time.perf_counter_ns() - begun
        begun = time.perf_counter_ns()
        engine.flush(connection)
        checkpoint_ns = time.perf_counter_ns() - begun
        bytes_after = engine.size_bytes(path)
        if not start.statements:
            fill(connection)
        statistics = engine.capture_statistics(connection)
    return ArmBuilt(
        name=arm.name,
        path=path,
        statistics=statistics,
        statements=(*start.statements, *costs),
        duration_ns=start.duration_ns + duration_ns,
        checkpoint_ns=start.checkpoint_ns + checkpoint_ns,
        statistics_ns=0,
        bytes_before=start.bytes_before if start.statements else bytes_before,
        bytes_after=bytes_after,
    )


def _with_statistics(
    engine: Engine, arm: Arm, file: ArmBuilt, progress: Callable[[str], None]
) -> ArmBuilt:
    statistics, statistics_ns = file.statistics, 0
    if arm.statistics:
        progress(f"gathering the statistics of the arm {arm.name}")
        with closing(engine.connect(file.path)) as connection:
            begun = time.perf_counter_ns()
            for statement in arm.statistics:
                gather(engine, connection, statement)
            statistics_ns = time.perf_counter_ns() - begun
            statistics = engine.capture_statistics(connection)
            engine.put_statistics(connection, file.statistics)
    return ArmBuilt(
        arm.name, file.path, statistics, file.statements, file.duration_ns, file.checkpoint_ns,
        statistics_ns, file.bytes_before, file.bytes_after,
    )  # fmt: skip


def gather(engine: Engine, connection: Connection, statement: str) -> None:
    """Run one statement of an arm's `statistics`.

    Raises:
        BenchError: the engine refuses it.
    """
    try:
        connection.execute(statement).fetchall()
    except engine.statement_errors as error:
        raise BenchError(
            f"{statement!r} among the `statistics` of the study fails ({error}); mend it."
        ) from error


def migration_arms(files: ArmFiles) -> tuple[ArmMigration, ...]:
    """What each arm took to build, as migration.json holds it."""
    return tuple(
        ArmMigration(
            arm=arm.name,
            statements=arm.statements,
            duration_ns=arm.duration_ns,
            checkpoint_ns=arm.checkpoint_ns,
            statistics_ns=arm.statistics_ns,
            database_bytes_before=arm.bytes_before,
            database_bytes_after=arm.bytes_after,
        )
        for arm in files.arms.values()
    )
