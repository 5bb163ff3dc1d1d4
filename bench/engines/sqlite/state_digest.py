"""Whether writes left two arms in the same state: queries whose answers tell."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import apsw

from bench.study.hooks import Parameters

COUNTED_ROWS = 1_000_000


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
    before: Mapping[str, int],
    played: Sequence[Parameters],
    columns: Mapping[str, str],
    touched: Mapping[str, tuple[str, str]],
) -> tuple[Digest, ...]:
    """Queries that tell whether writes left two arms in the same state.

    For every table of `before`, which gives its last row from before the
    writes: how many rows it has, and all `columns` of the rows that came since.
    Logs of a million rows are not counted, which would scan them for seconds: they
    tell their first and last row. For the rows that the parameters `played` name, by `touched`
    of the study's hooks: all `columns`.
    """
    found = []
    for table, last in sorted(before.items()):
        first = "count(*)" if last < COUNTED_ROWS else "min(rowid)"
        ends = f"SELECT (SELECT {first} FROM {table}), (SELECT max(rowid) FROM {table})"
        found.append(Digest(table, ends))
        new_rows = f"SELECT {columns[table]} FROM {table} WHERE rowid > ? ORDER BY rowid"
        found.append(Digest(table, new_rows, (last,)))
    for name, (table, column) in touched.items():
        named = [values[name] for values in played if name in values]
        if named and table in before:
            named_rows = (
                f"SELECT {columns[table]} FROM {table} "
                f"WHERE {column} IN (SELECT value FROM json_each(?)) ORDER BY rowid"
            )
            found.append(Digest(table, named_rows, (json.dumps(named),)))
    return tuple(found)
