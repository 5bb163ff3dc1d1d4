"""Names of operations bound to the SQL that answers them: one of the two drivers.

The other is bench/shop.py, which binds the same names to HTTP calls; a test
demands that both tables know the operations of the study.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
    """One operation, loaded for the tables that one arm has."""

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


def bind(operation: str, tables: Collection[str]) -> Bound:
    """The operation's queries, without the statements whose tables an arm lacks."""
    return Bound(operation, tuple(queries.load(name, tables) for name in OPERATIONS[operation]))


def states_digest_queries(tables: Sequence[str]) -> tuple[str, ...]:
    """Queries whose answers tell whether writes left two arms in the same state.

    For every table: its number of rows and its last id; for the two columns
    that guards rest on, their sums.
    """
    counts = [f"SELECT '{table}', count(*), max(id) FROM {table}" for table in sorted(tables)]
    return (
        *counts,
        "SELECT 'stock', sum(quantity_available), sum(status = 'sold') FROM products",
        "SELECT 'answers', sum(status = 'accepted'), sum(final_price_cents) FROM sell_submissions",
    )
