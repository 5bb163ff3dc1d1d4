"""What a database holds beside its indexes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import apsw

from bench.engines.records import Inventory, TableFacts
from bench.engines.sqlite.custom import connect_custom
from bench.engines.sqlite.migration_file import stand_in
from bench.engines.sqlite.schema import quoted

_AUTOINCREMENT = re.compile(r"\bAUTOINCREMENT\b", re.I)


def inventory(database: Path) -> Inventory:
    """What a database holds; virtual tables and what belongs to them are left out."""
    with closing(connect_custom(database)) as connection:
        stand_in(connection)
        return _inventory(connection)


def _inventory(connection: apsw.Connection) -> Inventory:
    def rows(sql: str, *values: str) -> list[Any]:
        return connection.execute(sql, values).fetchall()

    tables_listed = rows(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
    )
    names = [name for (name,) in tables_listed if not name.startswith("sqlite_")]
    definitions = dict(rows("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"))
    sequences: dict[str, int] = {}
    if "sqlite_sequence" in definitions:
        sequences = dict(rows("SELECT name, seq FROM sqlite_sequence"))
    tables = {}
    for name in names:
        columns = rows('SELECT name, "notnull" FROM pragma_table_xinfo(?)', name)
        keys = rows(
            "SELECT group_concat(\"from\", ', '), \"table\", on_delete FROM "
            "pragma_foreign_key_list(?) GROUP BY id", name
        )  # fmt: skip
        counted = rows(f"SELECT count(*) FROM {quoted(name)}")
        automatic = _AUTOINCREMENT.search(definitions.get(name) or "")
        tables[name] = TableFacts(
            rows=counted[0][0],
            sequence=sequences.get(name, 0) if automatic else None,
            columns=tuple(column for column, _ in columns),
            not_null=tuple(column for column, wanted in columns if wanted),
            foreign_keys=tuple(
                f"{child_columns} references {table}" for child_columns, table, _ in keys
            ),
            cascades_from=tuple(table.lower() for _, table, act in keys if act == "CASCADE"),
        )
    return Inventory(
        tables=tables,
        triggers=dict(rows("SELECT name, tbl_name FROM sqlite_schema WHERE type = 'trigger'")),
        views={
            name: _view_error(connection, name)
            for (name,) in rows("SELECT name FROM sqlite_schema WHERE type = 'view'")
        },
        violations=_violations(connection, names),
    )


def _view_error(connection: apsw.Connection, view: str) -> str | None:
    try:
        connection.execute(f"SELECT 1 FROM {quoted(view)} LIMIT 0").fetchall()
    except apsw.Error as error:
        return str(error)
    return None


def _violations(connection: apsw.Connection, tables: Sequence[str]) -> dict[str, int]:
    """How many rows of each table refer to rows that are not there.

    A table is left out where a key of it refers to columns that cannot be referred to.
    """
    counts: dict[str, int] = {}
    for table in tables:
        with suppress(apsw.SQLError):
            counts[table] = sum(
                1 for _ in connection.execute(f"PRAGMA foreign_key_check({quoted(table)})")
            )
    return counts
