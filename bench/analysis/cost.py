"""Rows read and written by each operation on each arm, and the traffic that the data tells.

migration.json holds how long building took; it is not measured again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from bench.engines.base import Connection, Program
from bench.engines.records import NotCountable, RowsRead
from bench.engines.registry import engine_of
from bench.judge.cost_records import CostRecord, IndexCounted, ReadCounted, WriteCounted
from bench.measure.failures import explained
from bench.measure.files import ArmFiles
from bench.measure.series import parts_of_arms
from bench.measure.writes import distinct_parameters
from bench.results.cost import MonthlyTraffic
from bench.results.migration import ArmMigration
from bench.study import Anchor, Operation, Study, StudyError
from bench.study.hooks import ParameterSampler, hooks_of

MOST_SETS = 5
# No further parameter set of an operation on an arm is counted once it has taken so long.
ENOUGH_S = 2.0
Say = Callable[[str], None]


def measure_cost(
    study: Study,
    files: ArmFiles,
    sample_parameters: ParameterSampler,
    *,
    seed: int,
    migrations: Sequence[ArmMigration],
    progress: Say = lambda _: None,
) -> CostRecord:
    """Count rows read and written of every operation on every arm.

    Writes run in transactions that are rolled back: no file changes. `migrations` name the
    indexes to look at.

    Raises:
        BenchError: an arm cannot run an operation.
        StudyError: the study takes its traffic from a table that there is not.
    """
    reads, not_counted = _reads(study, files, sample_parameters, seed, progress)
    writes = _writes(study, files, sample_parameters, seed, progress)
    progress("counting the rows of every index")
    with closing(files.open(study.base)) as base:
        page_bytes = files.engine.page_bytes(base)
        traffic = traffic_of(study, base)
    return CostRecord(
        page_bytes, tuple(reads), tuple(writes), tuple(_indexes(files, migrations)),
        {name: files.engine.size_bytes(arm.path) for name, arm in files.arms.items()},
        not_counted, traffic,
    )  # fmt: skip


def _able(study: Study, files: ArmFiles, kind: str) -> list[tuple[Operation, str]]:
    parts = parts_of_arms(files)
    return [
        (operation, arm)
        for operation in study.operations
        if operation.kind == kind
        for arm in files.arms
        if set(operation.needs) <= parts[arm]
    ]


def _reads(
    study: Study, files: ArmFiles, sample_parameters: ParameterSampler, seed: int, progress: Say
) -> tuple[list[ReadCounted], dict[tuple[str, str], str]]:
    parts, engine = parts_of_arms(files), files.engine
    done: dict[tuple[Path, Program, object], RowsRead] = {}
    counted: list[ReadCounted] = []
    reasons: dict[tuple[str, str], str] = {}
    for operation, arm in _able(study, files, "read"):
        progress(f"rows read by {operation.name} on {arm}")
        rng = np.random.default_rng([seed, *operation.name.encode()])
        bound = hooks_of(study).bind(operation.name, parts[arm])
        rows: list[tuple[int, int]] = []
        begun = time.monotonic()
        what = f"The arm {arm} cannot run {operation.name}"
        try:
            with (
                closing(files.open(arm)) as connection,
                explained(engine, what, "the query against the arm's migrations"),
            ):
                while len(rows) < MOST_SETS and time.monotonic() - begun < ENOUGH_S:
                    values = sample_parameters(operation.name, rng)
                    # Arms on one file with one program read the same.
                    key = (
                        files.arms[arm].path,
                        engine.program(connection, bound.statements, values),
                        tuple(sorted(values.items(), key=str)),
                    )
                    if key not in done:
                        read = partial(bound.read, connection, values)
                        done[key] = engine.rows_read(connection, read, values)
                    rows.append((done[key].low, done[key].high))
        except NotCountable as error:
            reasons[operation.name, arm] = str(error)
            continue
        counted.append(ReadCounted(operation.name, arm, tuple(rows)))
    return counted, reasons


def _writes(
    study: Study, files: ArmFiles, sample_parameters: ParameterSampler, seed: int, progress: Say
) -> list[WriteCounted]:
    parts, engine = parts_of_arms(files), files.engine
    check = "that its draws can be written in the dataset's state"
    written: list[WriteCounted] = []
    for operation, arm in _able(study, files, "write"):
        progress(f"rows written by {operation.name} on {arm}")
        rng = np.random.default_rng([seed, *operation.name.encode()])
        bound = hooks_of(study).bind(operation.name, parts[arm])
        with (
            closing(files.open(arm, query_only=False)) as connection,
            explained(engine, f"The arm {arm} refuses {operation.name}", check, NotCountable),
        ):
            counted = [
                engine.rows_written(connection, partial(bound.run, connection, values), values)
                for values in distinct_parameters(sample_parameters, operation, MOST_SETS, rng)
            ]
        if counted:
            written.append(
                WriteCounted(
                    operation.name, arm,
                    tuple(sum(write.rows.values()) for write in counted),
                    tuple(dict(write.entries) for write in counted),
                )
            )  # fmt: skip
    return written


def _indexes(files: ArmFiles, migrations: Sequence[ArmMigration]) -> list[IndexCounted]:
    """Each index of the migrations, in the first arm that has it, with the rows that it takes."""
    counted: dict[str, IndexCounted] = {}
    for migration in migrations:
        created = [statement.object for statement in migration.of_kind("create_index")]
        wanted = [name for name in created if name not in counted]
        if not wanted or migration.arm not in files.arms:
            continue
        with closing(files.open(migration.arm)) as connection:
            tables = files.engine.tables_by_index(connection)
            for name in wanted:
                if name in tables:
                    rows = files.engine.rows_of_index(connection, name)
                    counted[name] = IndexCounted(name, tables[name], migration.arm, rows)
    return list(counted.values())


def traffic_of(study: Study, connection: Connection) -> MonthlyTraffic:
    """Requests a month as the data tells them: recent rows of a table stand for what wrote them.

    The study's first anchor is also the measure of all other requests, by the shares that the
    users have.

    Raises:
        StudyError: the table is missing, or its column holds no times.
    """
    requests_per_month: dict[str, float] = {}
    sources: list[str] = []
    unreadable: tuple[type[Exception], ...] = (*engine_of(study).statement_errors, ValueError)
    for anchor in study.traffic.anchors:
        try:
            rows = _recent(connection, anchor)
        except unreadable as error:
            raise StudyError(
                f"The traffic of {anchor.operation} cannot be taken from {anchor.table}."
                f"{anchor.column}: {error}; name a table that the base arm has, and a time in it."
            ) from error
        requests_per_month[anchor.operation] = rows / anchor.rows * 30 / anchor.days
        sources.append(
            f"{anchor.operation} from the {rows:,} rows that {anchor.table} got in its last "
            f"{anchor.days} days, {anchor.rows} for each request"
        )
    shares = hooks_of(study).request_shares
    if study.traffic.anchors and study.traffic.anchors[0].operation in shares:
        first = study.traffic.anchors[0].operation
        known = {operation.name for operation in study.operations}
        for name, share in shares.items():
            if name in known and name not in requests_per_month:
                requests_per_month[name] = requests_per_month[first] * share / shares[first]
        sources.append(f"the others by the users' shares, beside those of {first}")
    if not sources:
        return MonthlyTraffic(requests_per_month={}, source="The study names no traffic.")
    return MonthlyTraffic(
        requests_per_month=requests_per_month,
        source=f"Derived from the data: {'; '.join(sources)}.",
    )


def _recent(connection: Connection, anchor: Anchor) -> int:
    """Rows of the anchor's table in its last days, counted back from its newest row."""
    [(newest,)] = connection.execute(f'SELECT max("{anchor.column}") FROM "{anchor.table}"')
    if newest is None:
        return 0
    since = datetime.fromisoformat(str(newest)) - timedelta(days=anchor.days)
    text = since.isoformat(sep="T" if "T" in str(newest) else " ")
    [(rows,)] = connection.execute(
        f'SELECT count(*) FROM "{anchor.table}" WHERE "{anchor.column}" > ?', (text,)
    )
    return int(str(rows))
