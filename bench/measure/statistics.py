"""The planner's statistics of a database, captured once and put in or taken out at will.

Arms with equal migrations share one file and differ in sqlite_stat1 and
sqlite_stat4 only. Gathering them takes seconds at full size; exchanging the
captured rows takes milliseconds, so that such arms can take turns in every
round. SQLite reads statistics when a connection reads the schema: whoever
exchanges them has to open a new connection afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from bench.measure.counters import Value
from reference_app.database import transaction

TABLES = ("sqlite_stat1", "sqlite_stat4")


@dataclass(frozen=True, slots=True)
class Statistics:
    """The rows of the statistics tables, by table; () stands for no table at all."""

    rows: tuple[tuple[str, tuple[tuple[Value, ...], ...]], ...] = ()


NONE = Statistics()


def capture(connection: apsw.Connection) -> Statistics:
    """Read the statistics that the database holds."""
    present = {
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE name LIKE 'sqlite_stat_' AND type = 'table'"
        )
    }
    return Statistics(
        tuple(
            (table, tuple(connection.execute(f"SELECT * FROM {table}")))
            for table in TABLES
            if table in present
        )
    )


def put(connection: apsw.Connection, statistics: Statistics) -> None:
    """Make the database hold exactly these statistics, with nothing left in its WAL.

    A reader of a file whose WAL is not empty looks every page up there first,
    which would slow the one arm that has just been switched.
    """
    with transaction(connection):
        for table in TABLES:
            connection.execute(f"DROP TABLE IF EXISTS {table}")
    if statistics.rows:
        # Only ANALYZE may create the statistics tables; the smallest run of it
        # does, and the rows it writes give way to the captured ones.
        connection.execute("ANALYZE schema_migrations")
        with transaction(connection):
            _fill(connection, dict(statistics.rows))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _fill(connection: apsw.Connection, wanted: dict[str, tuple[tuple[Value, ...], ...]]) -> None:
    for table in TABLES:
        if table not in wanted:
            connection.execute(f"DROP TABLE IF EXISTS {table}")
            continue
        connection.execute(f"DELETE FROM {table}")
        for row in wanted[table]:
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)
