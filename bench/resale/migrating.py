"""Brings one database to the state of an arm, in place, and tells what each statement took.

An arm is its migrations, rows in the tables that they bring, and the planner's
statistics or the absence of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.engines.sqlite.connection import SqliteConnection, tables, used_bytes
from bench.engines.sqlite.engine import ENGINE
from bench.engines.sqlite.files import describe, reading
from bench.engines.sqlite.statistics import capture, present
from bench.errors import BenchError
from bench.measure.arms import gather
from bench.measure.disk import spilling_into
from bench.resale.facts import NEW_TABLES
from bench.study import Arm
from reference_app import migrate
from reference_app.database import connect
from reference_app.file_lock import exclusive_lock

Fill = Callable[[SqliteConnection], None]
FILL = f"fill {', '.join(NEW_TABLES)}"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done: its time and what it added to the file; filling has no `sql`."""

    name: str
    sql: str
    duration_ns: int
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return the step as a JSON object."""
        return asdict(self)


def pending(database: Path, arm: Arm, *, fill: Fill | None = None) -> list[str]:
    """Name what is still to be run to reach an arm; writes nothing.

    `fill` gives rows to the tables that only a migration brings, where those are empty.

    Raises:
        BenchError, MigrationError, DatabaseError: each says what to do.
    """
    with reading(database) as connection:
        check_ours(database, [entry.name for entry in migrate.applied(connection)], arm)
        waiting = [entry.name for entry in migrate.pending(connection, arm.migrations)]
        if not waiting and fill is not None and _are_empty(connection):
            waiting.append(FILL)
        return [*waiting, *_statistics_steps(connection, arm, changed=bool(waiting))]


def empty_tables(database: Path) -> tuple[str, ...]:
    """Name the tables brought by a migration that are there and hold no row."""
    with reading(database) as connection:
        return _empty(connection)


def _empty(connection: SqliteConnection) -> tuple[str, ...]:
    have = tables(connection)
    return tuple(
        name
        for name in NEW_TABLES
        if name in have and connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() is None
    )


def _are_empty(connection: SqliteConnection) -> bool:
    return len(_empty(connection)) == len(NEW_TABLES)


def _statistics_steps(connection: SqliteConnection, arm: Arm, *, changed: bool) -> list[str]:
    """The statements after which the statistics are the arm's.

    Those of a database that has been `changed` since are gathered again.
    """
    if not arm.statistics:
        return [f"DROP TABLE {name}" for name in present(connection)]
    held = {table for table, _ in capture(connection).rows}
    unwanted = arm.without_samples and "sqlite_stat4" in held
    return list(arm.statistics) if changed or not held or unwanted else []


def check_ours(database: Path, have: list[str], arm: Arm) -> None:
    """Refuse a database that is not on the way to the arm.

    Raises:
        BenchError: nothing of ours is applied, or more than the arm has.
    """
    if not have:
        raise BenchError(
            f"{database} is not a database of this shop; make one with `resale-bench seed`."
        )
    beyond = [name for name in have if name not in arm.migrations]
    if beyond:
        raise BenchError(
            f"{database} already has {', '.join(beyond)}, which the arm {arm.name} does not; "
            "seed a new database for it."
        )


def bring_to(database: Path, arm: Arm, *, fill: Fill | None = None) -> list[Step]:
    """Bring a database to the state of an arm: migrations, rows of new tables, statistics.

    `fill` gives rows to the tables that only a migration brings, where those are
    empty; without it they stay so.

    Raises:
        BenchError, MigrationError, DatabaseError: each says what to do; the
            migration that failed has left nothing.
        BenchError: a statement of the arm's statistics fails; the migrations before it stay.
        DatabaseBusy: a server has it open, which would go on without what is new.
    """
    pending(database, arm)
    with exclusive_lock(database):
        connection = connect(database)
        try:
            with spilling_into(database.parent):
                return _bring_to(connection, arm, fill)
        finally:
            connection.close()


def _bring_to(connection: SqliteConnection, arm: Arm, fill: Fill | None) -> list[Step]:
    steps: list[Step] = []
    size_bytes = used_bytes(connection)

    def add(name: str, sql: str, duration_ns: int) -> None:
        nonlocal size_bytes
        now = used_bytes(connection)
        steps.append(Step(name, sql, duration_ns, now - size_bytes))
        size_bytes = now

    for name in arm.migrations:
        migrate.apply(
            connection,
            [name],
            observe=lambda run: add(" ".join(describe(run.sql)), run.sql, run.duration_ns),
        )
        # As soon as the tables are there: a later migration may put rows of its own into them.
        if fill is not None and _are_empty(connection):
            begun = time.perf_counter_ns()
            fill(connection)
            add(FILL, "", time.perf_counter_ns() - begun)
    for statement in _statistics_steps(connection, arm, changed=bool(steps)):
        begun = time.perf_counter_ns()
        gather(ENGINE, connection, statement)
        add(statement, statement, time.perf_counter_ns() - begun)
    return steps
