"""Rows read and written by each operation on each arm, and the traffic that the data tells.

migration.json holds how long building took; it is not measured again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import apsw
import numpy as np

from bench.analysis.row_bounds import RowsRead, rows_read
from bench.analysis.row_counts import NotCountable, condition_of, rows_written
from bench.engines.sqlite.counters import Program, program
from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge.cost_records import CostRecord, IndexCounted, ReadCounted, WriteCounted
from bench.measure.files import ArmFiles
from bench.micro.series import parts_of_arms
from bench.micro.writes import distinct_draws
from bench.results.cost import MonthlyTraffic
from bench.results.migration import ArmMigration
from bench.study import Anchor, Operation, Study, StudyError
from bench.study.hooks import Draw, OperationFailed, Parameters, hooks_of

DRAWS = 5
# No further draw of an operation on an arm is counted once it has taken so long.
ENOUGH_S = 2.0
Say = Callable[[str], None]


def measure_cost(
    study: Study,
    files: ArmFiles,
    draw: Draw,
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
    reads, not_counted = _reads(study, files, draw, seed, progress)
    writes = _writes(study, files, draw, seed, progress)
    progress("counting the rows of every index")
    base = files.open(study.base)
    try:
        page_bytes = int(base.pragma("page_size"))
        traffic = traffic_of(study, base)
    finally:
        base.close()
    return CostRecord(
        page_bytes, tuple(reads), tuple(writes), tuple(_indexes(files, migrations)),
        {name: arm.path.stat().st_size for name, arm in files.arms.items()}, not_counted, traffic,
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
    study: Study, files: ArmFiles, draw: Draw, seed: int, progress: Say
) -> tuple[list[ReadCounted], dict[tuple[str, str], str]]:
    parts = parts_of_arms(files)
    done: dict[tuple[Path, Program, object], RowsRead] = {}
    found: list[ReadCounted] = []
    reasons: dict[tuple[str, str], str] = {}
    for operation, arm in _able(study, files, "read"):
        progress(f"rows read by {operation.name} on {arm}")
        rng = np.random.default_rng([seed, *operation.name.encode()])
        bound = hooks_of(study).bind(operation.name, parts[arm])
        rows: list[tuple[int, int]] = []
        begun = time.monotonic()
        connection = files.open(arm)
        try:
            while len(rows) < DRAWS and time.monotonic() - begun < ENOUGH_S:
                values = draw(operation.name, rng)
                # Arms on one file with one program read the same.
                key = (
                    files.arms[arm].path,
                    program(connection, bound.statements, values),
                    tuple(sorted(values.items(), key=str)),
                )
                if key not in done:
                    done[key] = rows_read(
                        connection, partial(bound.read, connection, values), values
                    )
                rows.append((done[key].low, done[key].high))
        except NotCountable as error:
            reasons[operation.name, arm] = str(error)
            continue
        except apsw.Error as error:
            raise BenchError(
                f"The arm {arm} cannot run {operation.name}: {error}; "
                "check the query against the arm's migrations.",
                INVALID,
            ) from error
        finally:
            connection.close()
        found.append(ReadCounted(operation.name, arm, tuple(rows)))
    return found, reasons


def _writes(
    study: Study, files: ArmFiles, draw: Draw, seed: int, progress: Say
) -> list[WriteCounted]:
    parts = parts_of_arms(files)
    found: list[WriteCounted] = []
    for operation, arm in _able(study, files, "write"):
        progress(f"rows written by {operation.name} on {arm}")
        rng = np.random.default_rng([seed, *operation.name.encode()])
        bound = hooks_of(study).bind(operation.name, parts[arm])
        connection = files.open(arm, query_only=False)

        def run(values: Parameters, connection: apsw.Connection = connection) -> None:
            bound.run(connection, values)  # noqa: B023 - called within this turn of the loop

        try:
            counted = [
                rows_written(connection, partial(run, values), values)
                for values in distinct_draws(draw, operation, DRAWS, rng)
            ]
        except (apsw.Error, OperationFailed, NotCountable) as error:
            raise BenchError(
                f"The arm {arm} refuses {operation.name}: {error}; "
                "check that its draws can be written in the dataset's state.",
                INVALID,
            ) from error
        finally:
            connection.close()
        if counted:
            found.append(
                WriteCounted(
                    operation.name, arm,
                    tuple(sum(one.rows.values()) for one in counted),
                    tuple(dict(one.entries) for one in counted),
                )
            )  # fmt: skip
    return found


def _indexes(files: ArmFiles, migrations: Sequence[ArmMigration]) -> list[IndexCounted]:
    """Each index of the migrations, in the first arm that has it, with the rows that it takes."""
    found: dict[str, IndexCounted] = {}
    for migration in migrations:
        created = [statement.object for statement in migration.of_kind("create_index")]
        wanted = [name for name in created if name not in found]
        if not wanted or migration.arm not in files.arms:
            continue
        connection = files.open(migration.arm)
        try:
            tables = {
                str(name): str(table)
                for name, table in connection.execute(
                    "SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index'"
                )
            }
            for name in wanted:
                if name in tables:
                    rows = _rows(connection, tables[name], condition_of(connection, name))
                    found[name] = IndexCounted(name, tables[name], migration.arm, rows)
        finally:
            connection.close()
    return list(found.values())


def _rows(connection: apsw.Connection, table: str, condition: str | None) -> int:
    where = f" WHERE {condition}" if condition else ""
    [(rows,)] = connection.execute(f'SELECT count(*) FROM "{table}"{where}')
    return int(str(rows))


def traffic_of(study: Study, connection: apsw.Connection) -> MonthlyTraffic:
    """Requests a month as the data tells them: recent rows of a table stand for what wrote them.

    The study's first anchor is also the measure of all other requests, by the shares that the
    visitors have.

    Raises:
        StudyError: the table is missing, or its column holds no times.
    """
    found: dict[str, float] = {}
    said: list[str] = []
    for anchor in study.traffic.anchors:
        try:
            rows = _recent(connection, anchor)
        except (apsw.SQLError, ValueError) as error:
            raise StudyError(
                f"The traffic of {anchor.operation} cannot be taken from {anchor.table}."
                f"{anchor.column}: {error}; name a table that the base arm has, and a time in it."
            ) from error
        found[anchor.operation] = rows / anchor.rows * 30 / anchor.days
        said.append(
            f"{anchor.operation} from the {rows:,} rows that {anchor.table} got in its last "
            f"{anchor.days} days, {anchor.rows} for each request"
        )
    shares = hooks_of(study).request_shares
    if study.traffic.anchors and study.traffic.anchors[0].operation in shares:
        first = study.traffic.anchors[0].operation
        known = {operation.name for operation in study.operations}
        for name, share in shares.items():
            if name in known and name not in found:
                found[name] = found[first] * share / shares[first]
        said.append(f"the others by the visitors' shares, beside those of {first}")
    if not said:
        return MonthlyTraffic(requests_per_month={}, source="The study names no traffic.")
    return MonthlyTraffic(
        requests_per_month=found, source=f"Derived from the data: {'; '.join(said)}."
    )


def _recent(connection: apsw.Connection, anchor: Anchor) -> int:
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
