"""Whether writes left two databases in the same state: the rows that they touched, compared.

SQLite's update hook tells which rows a write touches, those of its triggers too; it does not tell
of tables WITHOUT ROWID, which are compared as a whole where they were alike.
Source: https://www.sqlite.org/c3ref/update_hook.html
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from bench.engines.answers import answer_hash
from bench.engines.base import Connection
from bench.engines.sqlite.connection import sqlite_connection
from bench.engines.sqlite.schema import quoted

Touched = Mapping[str, Collection[int]]
# Of larger tables WITHOUT ROWID so many rows are compared, the first by their key.
WHOLE_ROWS = 10_000


class TouchedRows:
    """Notes the rows that a connection inserts, updates and deletes, by table."""

    def __init__(self, connection: Connection) -> None:
        self.rows: dict[str, set[int]] = defaultdict(set)
        sqlite_connection(connection).set_update_hook(self._note)

    def _note(self, _: int, __: str, table: str, row: int) -> None:
        self.rows[table].add(row)


def equal_tables(connections: Sequence[Connection]) -> frozenset[str]:
    """The tables WITHOUT ROWID that hold the same in all databases that have them."""
    tables = set.union(*(_tables(connection, 1) for connection in connections))
    return frozenset(table for table in tables if _same(connections, table, None))


def difference(
    connections: Sequence[Connection],
    touched: Sequence[Touched],
    before: Collection[str] = (),
) -> str | None:
    """In which table databases differ after writes; None where they hold the same.

    `touched` are the rows that the writes touched in each of them, `before` the tables that were
    `equal_tables`. A table is compared where it is there, in the columns that all of those have.
    """
    rows: dict[str, set[int]] = defaultdict(set)
    for rows_of in touched:
        for table, numbers in rows_of.items():
            rows[table].update(numbers)
    compared: list[tuple[str, Collection[int] | None]] = [*sorted(rows.items())]
    for name, chosen in [*compared, *((name, None) for name in sorted(before))]:
        if not _same(connections, name, chosen):
            return f"the arms are no longer in the same state ({name})"
    return None


def _same(connections: Sequence[Connection], table: str, rows: Collection[int] | None) -> bool:
    """Whether these rows of a table, or all of it, are the same wherever it is there."""
    holding = [each for each in connections if table in _tables(each, int(rows is None))]
    if len(holding) < 2:
        return True
    sets = [_columns(connection, table) for connection in holding]
    columns = ", ".join(quoted(name) for name in sets[0] if all(name in other for other in sets))
    name = quoted(table)
    values: tuple[str, ...] = ()
    if rows is None:
        sql = f"SELECT {columns} FROM {name} LIMIT {WHOLE_ROWS}"
    else:
        taken = {column.lower() for column in sets[0]}
        rowid = next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), None)
        if rowid is None:
            sql = f"SELECT count(*) FROM {name}"
        else:
            sql = (
                f"SELECT {rowid}, {columns} FROM {name} "
                f"WHERE {rowid} IN (SELECT value FROM json_each(?)) ORDER BY {rowid}"
            )
            values = (json.dumps(sorted(rows)),)
    return len({answer_hash(each.execute(sql, values).fetchall()) for each in holding}) == 1


def _tables(connection: Connection, without_rowid: int) -> set[str]:
    """The ordinary tables of a database, those WITHOUT ROWID (1) or the others (0)."""
    return {
        str(name)
        for (name,) in connection.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
            " AND wr = ? AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
            (without_rowid,),
        )
    }


def _columns(connection: Connection, table: str) -> list[str]:
    """The columns of a table, generated ones too."""
    return [
        str(name)
        for (name,) in connection.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))
    ]
