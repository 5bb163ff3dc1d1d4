"""Rows that came into a database since a moment, by rowid, and whether its indexes are whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw

from bench.engines.sqlite.connection import connect
from bench.engines.sqlite.files import reading
from bench.engines.sqlite.schema import quoted

# Of rows that break a rule, so many are named.
_SHOWN = 3


def newest_rowids(path: Path) -> dict[str, int]:
    """The greatest rowid of each table that has any, 0 of an empty one; nothing is changed.

    Raises:
        DatabaseError: the file cannot be read.
    """
    with reading(path) as connection:
        return {table: _newest(connection, table) for table in _tables(connection)}


def new_rows(path: Path, table: str, since: Mapping[str, int]) -> int:
    """How many rows a table has got since `newest_rowids`; all of one that came since.

    Raises:
        ValueError: there is no such table with rowids.
    """
    with _reading_served(path) as connection:
        if table not in _tables(connection):
            raise ValueError(f"There is no table {table} in {path}; name one that it has.")
        sql = f"SELECT count(*) FROM {quoted(table)} WHERE {_came(table, since)}"
        return _number(connection, sql)


def new_rows_without_parents(path: Path, since: Mapping[str, int]) -> tuple[str, ...]:
    """Rows written since `newest_rowids` that point to nothing, as `TABLE row ID ...`."""
    orphans: list[str] = []
    with _reading_served(path) as connection:
        for table in _tables(connection):
            for parent, columns in _foreign_keys(connection, table):
                set_ = " AND ".join(f"child.{quoted(name)} IS NOT NULL" for name, _ in columns)
                same = " AND ".join(
                    f"parent.{quoted(parent_column)} = child.{quoted(name)}"
                    for name, parent_column in columns
                )
                rows = connection.execute(
                    f"SELECT child.rowid FROM {quoted(table)} AS child"
                    f" WHERE child.{_came(table, since)} AND {set_} AND NOT EXISTS"
                    f" (SELECT 1 FROM {quoted(parent)} AS parent WHERE {same}) LIMIT {_SHOWN}"
                ).fetchall()
                orphans += [f"{table} row {row} points to no row of {parent}" for (row,) in rows]
    return tuple(orphans[:_SHOWN])


def lacking(path: Path, made: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which of these tables and indexes are missing, and which indexes lack entries."""
    with _reading_served(path) as connection:
        have = {
            str(name): str(table)
            for name, table in connection.execute(
                "SELECT name, CASE type WHEN 'index' THEN tbl_name ELSE '' END FROM sqlite_schema"
            )
        }
        missing = tuple(
            f"{name} was made by the migration and is not there"
            for name in made
            if name not in have
        )
        indexes = {name: have[name] for name in made if have.get(name)}
        rows = {
            table: _number(connection, f"SELECT count(*) FROM {quoted(table)} NOT INDEXED")
            for table in set(indexes.values())
        }
        incomplete = []
        for name, table in indexes.items():
            # A plain count(*) is answered from the smallest index, whichever is named.
            sql = f"SELECT total(1) FROM {quoted(table)} INDEXED BY {quoted(name)}"
            if (entries := _number(connection, sql)) != rows[table]:
                incomplete.append(f"{name} has {entries} entries and {table} {rows[table]} rows")
        return missing, tuple(incomplete)


@contextmanager
def _reading_served(path: Path) -> Iterator[apsw.Connection]:
    """One state of a database that a server may have open, or has left its log beside."""
    connection = connect(path, query_only=True, checkpoints=False)
    try:
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()


def _tables(connection: apsw.Connection) -> list[str]:
    """Ordinary tables with rowids, in order."""
    rows = connection.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT wr"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    )
    return [str(name) for (name,) in rows]


def _foreign_keys(
    connection: apsw.Connection, table: str
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each foreign key of a table: the parent, and its columns with those of the parent."""
    keys: dict[int, tuple[str, list[tuple[str, str]]]] = {}
    primary: dict[str, list[str]] = defaultdict(list)
    for number, position, parent, column, parent_column in connection.execute(
        'SELECT id, seq, "table", "from", "to" FROM pragma_foreign_key_list(?)', (table,)
    ).fetchall():
        parent = str(parent)
        if parent_column is None:
            # Without columns a key points to the parent's primary key.
            primary[parent] = primary[parent] or _primary_key(connection, parent)
            parent_column = primary[parent][int(str(position))]
        keys.setdefault(int(str(number)), (parent, []))[1].append((str(column), str(parent_column)))
    yield from keys.values()


def _primary_key(connection: apsw.Connection, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (table,)
    )
    return [str(name) for (name,) in rows] or ["rowid"]


def _came(table: str, since: Mapping[str, int]) -> str:
    """The condition of the rows that came since: all, if the table did."""
    return f"rowid > {since[table]}" if table in since else "rowid IS NOT NULL"


def _newest(connection: apsw.Connection, table: str) -> int:
    return _number(connection, f"SELECT coalesce(max(rowid), 0) FROM {quoted(table)}")


def _number(connection: apsw.Connection, sql: str) -> int:
    return int(float(str(connection.execute(sql).fetchall()[0][0])))
