"""Brings one database to the state of an arm, in place, and tells what each statement took."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.measure.arms import used_pages
from bench.study import Arm
from reference_app import migrate
from reference_app.database import connect


class NotOfThisShop(Exception):
    """The database was not made by this project's migrations."""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement that was run: its time and what it added to the file."""

    name: str
    sql: str
    duration_ns: int
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return the step as a JSON object."""
        return asdict(self)


def pending(database: Path, arm: Arm) -> list[str]:
    """Name what is still to be run to reach an arm; writes nothing.

    Raises:
        NotOfThisShop, MigrationError, DatabaseError: each says what to do.
    """
    connection = connect(database, query_only=True)
    try:
        check_ours(database, [entry.name for entry in migrate.applied(connection)], arm)
        waiting = [entry.name for entry in migrate.pending(connection, arm.migrations)]
    finally:
        connection.close()
    return [*waiting, *arm.statistics]


def check_ours(database: Path, have: list[str], arm: Arm) -> None:
    """Refuse a database that is not on the way to the arm.

    Raises:
        NotOfThisShop: nothing of ours is applied, or more than the arm has.
    """
    if not have:
        raise NotOfThisShop(
            f"{database} is not a database of this shop; make one with `resale-bench seed`."
        )
    beyond = [name for name in have if name not in arm.migrations]
    if beyond:
        raise NotOfThisShop(
            f"{database} already has {', '.join(beyond)}, which the arm {arm.name} does not; "
            "seed a new database for it."
        )


def bring_to(database: Path, arm: Arm) -> list[Step]:
    """Apply what the arm has and the database lacks, then the arm's statistics steps.

    Raises:
        NotOfThisShop, MigrationError, DatabaseError: each says what to do; the
            migration that failed has left nothing.
    """
    pending(database, arm)
    steps: list[Step] = []
    connection = connect(database)
    try:
        page_size, pages = connection.pragma("page_size"), used_pages(connection)

        def add(name: str, sql: str, duration_ns: int) -> None:
            nonlocal pages
            now = used_pages(connection)
            steps.append(Step(name, sql, duration_ns, (now - pages) * page_size))
            pages = now

        migrate.apply(
            connection,
            arm.migrations,
            observe=lambda run: add(f"{run.kind} {run.object}", run.sql, run.duration_ns),
        )
        for statement in arm.statistics:
            begun = time.perf_counter_ns()
            connection.execute(statement).fetchall()
            add(statement, statement, time.perf_counter_ns() - begun)
    finally:
        connection.close()
    return steps
