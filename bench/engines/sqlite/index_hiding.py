"""Indexes hidden and shown again without dropping them.

An index whose row is taken out of sqlite_schema is unknown to every connection that reads the
schema from then on, and its pages stay: milliseconds where DROP and CREATE INDEX take seconds.
The schema's version is left as it is, so a connection that is open already keeps the schema
(and the statistics) that it has read: connections in different states can be open at once.

Only on a copy that belongs to the run. While an index is hidden nothing may be written to its
table for good, since the index would not follow: reads, and writes that are rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import apsw

from bench.engines import records
from bench.engines.base import Connection, Parameters, Program, Value
from bench.engines.sqlite.connection import connect, flush, sqlite_connection, transaction
from bench.engines.sqlite.program_edges import OPENING_FILES
from bench.engines.sqlite.row_counts import roots
from bench.engines.sqlite.schema import indexes
from bench.engines.sqlite.statistics import Statistics, capture, own_statistics, present, put
from bench.errors import BenchError


@dataclass(frozen=True, slots=True)
class State:
    """One state of a private file: which indexes are hidden, and what the planner knows."""

    name: str
    file: PrivateFile = field(repr=False)
    hidden: frozenset[str] = frozenset()
    statistics: Statistics = field(default=Statistics(), repr=False)

    def enter(self) -> None:
        """Put the file into this state: connections opened from now on see it."""
        self.file.put(self.hidden, self.statistics)

    def open(self, *, query_only: bool = True) -> apsw.Connection:
        """Enter the state and open a connection, which keeps it; the caller closes it."""
        self.enter()
        return connect(self.file.path, query_only=query_only)

    def objects_opened(self, programs: Sequence[Program]) -> frozenset[str]:
        """Name the tables and indexes of the file that programs open, by their root pages.

        Operand 2 of these instructions is the root page, operand 3 the database, 0 the file's own
        (https://www.sqlite.org/opcode.html).
        """
        return frozenset(
            self.file.roots[int(str(row[3]))]
            for program in programs
            for row in program
            if row[1] in OPENING_FILES and row[4] == 0 and int(str(row[3])) in self.file.roots
        )


class PrivateFile:
    """A copy of a database whose indexes and statistics are exchanged at will.

    One connection stays open throughout, by which everything is exchanged; it knows all
    indexes. Closing (it is a context manager) shows everything again and puts the statistics
    back that the file came with.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = connect(path)
        # The copy is the run's own: a power cut costs nothing.
        self._connection.pragma("synchronous", "off")
        self._connection.pragma("writable_schema", True)
        self.statistics = capture(self._connection)
        if not present(self._connection):
            # Making these tables changes the schema's version: once, before any state is open.
            self._connection.execute("ANALYZE sqlite_schema")
            put(self._connection, Statistics())
        self.indexes = indexes(self._connection)
        self._rows: dict[str, tuple[Value, ...]] = {
            str(row[2]): row
            for row in self._connection.execute(
                "SELECT rowid, type, name, tbl_name, rootpage, sql FROM sqlite_schema"
                " WHERE type = 'index' AND sql IS NOT NULL"
            )
        }
        self.roots: dict[int, str] = {
            root: name for root, (_, name) in roots(self._connection).items()
        }
        self._hidden: frozenset[str] = frozenset()
        self._current = self.statistics

    def __enter__(self) -> PrivateFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Show every index, put the first statistics back, and close the file."""
        self.put(frozenset(), self.statistics)
        self._connection.close()

    def state(
        self, name: str, hidden: Collection[str] = (), statistics: records.Statistics | None = None
    ) -> State:
        """A state of this file; without `statistics` it has those that the file came with.

        Raises:
            BenchError: there is no such index, or it belongs to a UNIQUE constraint.
        """
        unknown = sorted(set(hidden) - self._rows.keys())
        if unknown:
            raise BenchError(
                f"{self.path.name} has no index {unknown[0]} that CREATE INDEX made; "
                "only such an index can be left out."
            )
        known = self.statistics if statistics is None else own_statistics(statistics)
        return State(name, self, frozenset(hidden), visible(known, hidden))

    def put(self, hidden: frozenset[str], statistics: Statistics) -> None:
        """Hide exactly these indexes and hold exactly these statistics.

        Only connections opened later see it. Nothing is left in the write-ahead log.
        """
        if hidden != self._hidden:
            with transaction(self._connection):
                for name in sorted(hidden - self._hidden):
                    self._connection.execute(
                        "DELETE FROM sqlite_schema WHERE type = 'index' AND name = ?", (name,)
                    )
                # The same row number: the planner weighs indexes in the order of the schema.
                for name in sorted(self._hidden - hidden):
                    self._connection.execute(
                        "INSERT INTO sqlite_schema (rowid, type, name, tbl_name, rootpage, sql)"
                        " VALUES (?, ?, ?, ?, ?, ?)",
                        self._rows[name],
                    )
            flush(self._connection)
            self._hidden = hidden
        if statistics != self._current:
            put(self._connection, statistics)
            self._current = statistics

    def bytes_of(self, index: str) -> int | None:
        """The pages of an index, in bytes, hidden or not; None: this SQLite cannot tell.

        Source: the dbstat table, https://www.sqlite.org/dbstat.html. It knows the schema by
        the file, so the index must not be hidden: everything is shown first.
        """
        self.put(frozenset(), self._current)
        try:
            rows: list[tuple[Any, ...]] = self._connection.execute(
                "SELECT sum(pgsize) FROM dbstat WHERE name = ?", (index,)
            ).fetchall()
        except apsw.SQLError:
            return None
        return None if rows[0][0] is None else int(rows[0][0])


def visible(statistics: Statistics, hidden: Collection[str]) -> Statistics:
    """Statistics without the rows of hidden indexes.

    Where a table loses all rows of sqlite_stat1 that way, the number of its rows stays
    behind under no index, as ANALYZE writes it for a table that has none.
    """
    kept = []
    for table, rows in statistics.rows:
        left = tuple(row for row in rows if row[1] not in hidden)
        if table == "sqlite_stat1":
            left += tuple(_row_counts(rows, {row[0] for row in left}))
        if left:
            kept.append((table, left))
    return Statistics(tuple(kept))


def _row_counts(
    rows: Iterable[tuple[Value, ...]], have: Collection[Value]
) -> Iterable[tuple[Value, ...]]:
    counts: dict[Value, int] = {}
    for table, _, statistics in rows:
        if table not in have:
            counts[table] = max(counts.get(table, 0), int(str(statistics).split()[0]))
    return tuple((table, None, str(count)) for table, count in counts.items())


def sought_columns(
    connection: Connection, statements: Iterable[str], parameters: Parameters
) -> set[tuple[str, str]]:
    """The columns, with their tables, that statements look for, sort by or group by.

    SQLite's authorizer tells which columns a statement reads
    (https://www.sqlite.org/c3ref/set_authorizer.html). Those that are shown and no more have
    no use for an index: a column counts where its name stands after the first FROM.
    """
    sought: set[tuple[str, str]] = set()
    for sql in statements:
        _, _, after = sql.upper().partition("FROM")
        words = set(re.findall(r"\w+", after))
        read: set[tuple[str, str]] = set()

        def note(
            action: int, table: str | None, column: str | None, _: str | None, __: str | None,
            read: set[tuple[str, str]] = read,
        ) -> int:  # fmt: skip
            if action == apsw.SQLITE_READ and table and column:
                read.add((table, column))
            return int(apsw.SQLITE_OK)

        sqlite_connection(connection).set_authorizer(note)
        try:
            connection.execute(f"EXPLAIN {sql}", dict(parameters)).fetchall()
        finally:
            sqlite_connection(connection).set_authorizer(None)
        sought |= {(table, column) for table, column in read if column.upper() in words}
    return sought
