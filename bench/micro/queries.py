"""Names of operations bound to the SQL that answers them: one of the two drivers.

The other is bench/shop.py, which binds the same names to HTTP calls; a test
demands that both tables know the operations of the study.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from reference_app import queries
from reference_app.database import transaction

Parameters = Mapping[str, int | str | None]
Answer = list[tuple[Any, ...]]

OPERATIONS: Mapping[str, tuple[str, ...]] = queries.OPERATIONS


@dataclass(frozen=True, slots=True)
class Bound:
    """One operation, loaded for the tables and columns that one arm has."""

    name: str
    queries: tuple[queries.Query, ...]

    @property
    def statements(self) -> tuple[str, ...]:
        """The SQL of every statement, in the order in which they run."""
        return tuple(statement.sql for query in self.queries for statement in query.statements)

    def read(self, connection: apsw.Connection, parameters: Parameters) -> Answer:
        """Answer the operation; all rows are fetched."""
        rows: Answer = []
        for query in self.queries:
            rows.extend(queries.read(connection, query, parameters))
        return rows

    def write(self, connection: apsw.Connection, parameters: Parameters) -> None:
        """Run the operation in one transaction, commit included."""
        with transaction(connection):
            self.run(connection, parameters)

    def run(self, connection: apsw.Connection, parameters: Parameters) -> None:
        """Run the operation's writes in the caller's transaction."""
        for query in self.queries:
            queries.write(connection, query, parameters)


def bind(operation: str, parts: Collection[str]) -> Bound:
    """The operation's queries, without the statements whose tables or columns an arm lacks."""
    return Bound(operation, tuple(queries.load(name, parts) for name in OPERATIONS[operation]))


COUNTED_ROWS = 1_000_000
# Which rows a parameter of a write names: table and column.
TOUCHED: Mapping[str, tuple[str, str]] = {
    "product_id": ("products", "id"),
    "batch_id": ("sell_submissions", "batch_id"),
}


@dataclass(frozen=True, slots=True)
class Digest:
    """A query whose answer tells whether two arms hold the same in one table."""

    table: str
    sql: str
    values: tuple[int | str, ...] = ()


def last_rows(connection: apsw.Connection, tables: Collection[str]) -> dict[str, int]:
    """The number of the last row of each table, 0 for an empty one."""
    found = {}
    for table in tables:
        rows = connection.execute(f"SELECT coalesce(max(rowid), 0) FROM {table}").fetchall()
        found[table] = int(str(rows[0][0]))
    return found


def shared_columns(parts: Iterable[Collection[str]]) -> dict[str, str]:
    """The columns of each table that all arms with the table have, as a list for SELECT.

    `parts` are the tables and columns of each arm. A migration that drops a column leaves
    arms that differ in it, and have to agree in the others.
    """
    found: dict[str, set[str]] = {}
    for have in parts:
        columns: dict[str, set[str]] = {}
        for table, dot, column in (name.partition(".") for name in have):
            if dot:
                columns.setdefault(table, set()).add(column)
        for table, named in columns.items():
            found[table] = found.get(table, named) & named
    return {table: ", ".join(sorted(named)) for table, named in found.items()}


def digests(
    before: Mapping[str, int], played: Sequence[Parameters], columns: Mapping[str, str]
) -> tuple[Digest, ...]:
    """Queries that tell whether writes left two arms in the same state.

    For every table of `before`, which gives its last row from before the
    writes: how many rows it has, and all `columns` of the rows that came since.
    Logs of a million rows are not counted, which would scan them for seconds: they
    tell their first and last row. For the rows that the parameters `played` name:
    all `columns`.
    """
    found = []
    for table, last in sorted(before.items()):
        first = "count(*)" if last < COUNTED_ROWS else "min(rowid)"
        ends = f"SELECT (SELECT {first} FROM {table}), (SELECT max(rowid) FROM {table})"
        found.append(Digest(table, ends))
        new_rows = f"SELECT {columns[table]} FROM {table} WHERE rowid > ? ORDER BY rowid"
        found.append(Digest(table, new_rows, (last,)))
    for name, (table, column) in TOUCHED.items():
        named = [values[name] for values in played if name in values]
        if named and table in before:
            touched = (
                f"SELECT {columns[table]} FROM {table} "
                f"WHERE {column} IN (SELECT value FROM json_each(?)) ORDER BY rowid"
            )
            found.append(Digest(table, touched, (json.dumps(named),)))
    return tuple(found)
