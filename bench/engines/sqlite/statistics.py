"""The planner's statistics of a database, captured once and put in or taken out at will.

Arms with equal migrations share one file and differ in sqlite_stat1 and
sqlite_stat4 only. Gathering them takes seconds at full size; exchanging the
captured rows takes milliseconds, so that such arms can take turns in every
round. SQLite reads statistics when a connection first reads the schema, and
keeps them until the schema changes: whoever wants the exchanged ones opens a
new connection, and connections that are open already keep theirs, since rows
are exchanged and the tables stay.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.engines import records
from bench.engines.base import Connection, Value
from bench.engines.sqlite.connection import flush, transaction

TABLES = ("sqlite_stat1", "sqlite_stat4")


@dataclass(frozen=True, slots=True)
class Statistics:
    """The rows of the statistics tables, by table; empty tables tell the planner nothing."""

    rows: tuple[tuple[str, tuple[tuple[Value, ...], ...]], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the planner knows nothing."""
        return not self.rows

    @property
    def has_samples(self) -> bool:
        """Whether there are samples of values (sqlite_stat4)."""
        return any(table == "sqlite_stat4" for table, _ in self.rows)


NONE = Statistics()


def own_statistics(statistics: records.Statistics) -> Statistics:
    """Return statistics as what they are here.

    Raises:
        TypeError: they are another engine's.
    """
    if not isinstance(statistics, Statistics):
        raise TypeError(f"{type(statistics).__name__} are no statistics of SQLite")
    return statistics


def capture(connection: Connection) -> Statistics:
    """Read the statistics that the database holds; an empty table counts as none."""
    have = present(connection)
    held = {
        table: tuple(connection.execute(f"SELECT * FROM {table}"))
        for table in TABLES
        if table in have
    }
    return Statistics(tuple((table, rows) for table, rows in held.items() if rows))


def put(connection: Connection, statistics: records.Statistics) -> None:
    """Make the database hold exactly these statistics, with nothing left in its WAL.

    A reader of a file whose WAL is not empty looks every page up there first,
    which would slow the one arm that has just been switched.
    """
    wanted = dict(own_statistics(statistics).rows)
    if wanted and not present(connection):
        # Only ANALYZE may create the statistics tables; of the schema itself it gathers nothing.
        connection.execute("ANALYZE sqlite_schema")
    with transaction(connection):
        for table in present(connection):
            connection.execute(f"DELETE FROM {table}")
            for row in wanted.get(table, ()):
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)
    flush(connection)


def present(connection: Connection) -> list[str]:
    """Name the statistics tables that the database has, empty ones too."""
    return [
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE name IN (?, ?) ORDER BY name", TABLES
        )
    ]
