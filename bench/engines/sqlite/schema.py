"""Indexes of a database: their text, their tables, and how many rows they hold."""

from __future__ import annotations

import re

from bench.engines.base import Connection
from bench.engines.records import Index, NotCountable

# After the list of columns only the condition of a partial index may come:
# https://www.sqlite.org/lang_createindex.html
_CONDITION = re.compile(r"\)\s*WHERE\s+(?P<condition>.+?);?\s*$", re.IGNORECASE | re.DOTALL)


def quoted(name: str) -> str:
    """A name of a table or column as SQL has it."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def indexes(connection: Connection) -> tuple[Index, ...]:
    """The indexes that were made by CREATE INDEX, in the order in which the schema has them."""
    rows = connection.execute(
        "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
        " ORDER BY rowid"
    ).fetchall()
    return tuple(
        Index(
            str(name), str(table), _columns(connection, str(name)), str(sql), _condition(str(sql))
        )
        for name, table, sql in rows
    )


def _columns(connection: Connection, index: str) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT coalesce(name, '(expression)') FROM pragma_index_info(?) ORDER BY seqno", (index,)
    )
    return tuple(str(name) for (name,) in rows)


def _condition(sql: str) -> str | None:
    matched = _CONDITION.search(sql)
    return None if matched is None else " ".join(matched["condition"].split())


def tables_by_index(connection: Connection) -> dict[str, str]:
    """The table of each index, those that UNIQUE constraints made included."""
    return {
        str(name): str(table)
        for name, table in connection.execute(
            "SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' ORDER BY tbl_name, name"
        )
    }


def condition_of(connection: Connection, index: str) -> str | None:
    """The WHERE of a partial index; None for one that takes every row.

    Raises:
        NotCountable: SQLite calls it partial and its text has no condition.
    """
    [(sql, partial)] = connection.execute(
        "SELECT m.sql, l.partial FROM sqlite_schema AS m, pragma_index_list(m.tbl_name) AS l"
        " WHERE m.type = 'index' AND m.name = ? AND l.name = m.name",
        (index,),
    )
    if not partial:
        return None
    matched = _CONDITION.search(str(sql))
    if matched is None:
        raise NotCountable(f"The condition of the index {index} cannot be read: {sql}.")
    return matched["condition"]


def row_count(connection: Connection, table: str) -> int:
    """Count the rows of a table.

    Not by an index, which may be ordered by a collation that only the application has.
    """
    [(rows,)] = connection.execute(f"SELECT count(*) FROM {quoted(table)} NOT INDEXED").fetchall()
    return int(str(rows))


def rows_of_index(connection: Connection, index: str) -> int:
    """Count the entries of an index.

    Raises:
        NotCountable: the condition of a partial index cannot be read.
    """
    condition = condition_of(connection, index)
    where = f" WHERE {condition}" if condition else ""
    table = quoted(tables_by_index(connection)[index])
    [(rows,)] = connection.execute(f"SELECT count(*) FROM {table}{where}")
    return int(str(rows))
