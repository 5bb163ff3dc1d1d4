"""Rows written as Cloudflare D1 counts them: exact.

D1 runs SQLite with a patch that counts inside of single instructions of its virtual machine
(cloudflare/workerd, patches/sqlite/0001-row-counts-plain.patch). A row written is each row put
into a table (OP_Insert, which an UPDATE runs too), each entry put into an index (OP_IdxInsert)
and each row deleted; entries that are taken out of indexes are free. So building an index
writes an entry for each row, and one row of the schema. D1's pricing page says the same in
words: https://developers.cloudflare.com/d1/platform/pricing/

Rows read stand in `bench.engines.sqlite.row_bounds`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import apsw

from bench.engines.base import Connection, Parameters
from bench.engines.records import RowsWritten
from bench.engines.sqlite.connection import rolled_back, sqlite_connection
from bench.engines.sqlite.program_flow import Instruction
from bench.engines.sqlite.schema import condition_of, quoted, tables_by_index


def instructions(
    connection: Connection, sql: str, parameters: Parameters
) -> tuple[Instruction, ...]:
    """The program of one statement, as EXPLAIN shows it."""
    return tuple(
        Instruction(int(row[0]), str(row[1]), int(row[2]), int(row[3]), int(row[4]), int(row[6]))
        for row in connection.execute(f"EXPLAIN {sql}", dict(parameters))
    )


def roots(connection: Connection) -> dict[int, tuple[str, str]]:
    """Kind and name of what begins at each page of the database."""
    return {
        int(root): (str(kind), str(name))
        for root, kind, name in connection.execute(
            "SELECT rootpage, type, name FROM sqlite_schema WHERE rootpage > 0"
        )
    }


def rows_written(
    connection: Connection, execute: Callable[[], object], parameters: Parameters
) -> RowsWritten:
    """Run `execute` in a transaction, roll it back, and tell what it put down.

    SQLite's preupdate hook names each row that is inserted, updated or deleted. A row that is
    inserted is put into each index of its table, a partial one only where its condition holds;
    one that is updated into those that the statement's program writes, which are the ones with
    a column that it sets, be the value a new one or not.

    Raises:
        NotCountable: the row of a partial index cannot be found again.
    """
    changes: list[tuple[str, str, str, int | None]] = []
    statement = ""

    def begin(event: Mapping[str, Any]) -> None:
        nonlocal statement
        if not event["trigger"]:
            statement = event["sql"]

    def change(update: apsw.PreUpdate) -> None:
        changes.append((statement, update.op, update.table_name, update.rowid_new))

    watched = sqlite_connection(connection)
    with rolled_back(connection):
        watched.trace_v2(apsw.SQLITE_TRACE_STMT, begin)
        watched.preupdate_hook(change)
        try:
            execute()
        finally:
            watched.trace_v2(0, None)
            watched.preupdate_hook(None)
        return _entries(connection, changes, parameters)


def _entries(
    connection: Connection,
    changes: Iterable[tuple[str, str, str, int | None]],
    parameters: Parameters,
) -> RowsWritten:
    rows: dict[str, int] = {}
    entries: dict[str, int] = {}
    written: dict[str, frozenset[str]] = {}
    tables = tables_by_index(connection)
    for sql, what, table, rowid in changes:
        rows[table] = rows.get(table, 0) + 1
        if what == "DELETE":
            continue
        if sql not in written:
            written[sql] = _indexes_written(connection, sql, parameters)
        for index in (name for name, of in tables.items() if of == table):
            # Only what the program writes: of an UPDATE, the indexes of columns that it sets.
            if index not in written[sql] or not _takes(connection, table, index, rowid):
                continue
            entries[index] = entries.get(index, 0) + 1
    return RowsWritten(rows, entries)


def _indexes_written(connection: Connection, sql: str, parameters: Parameters) -> frozenset[str]:
    """The indexes that a statement, its triggers included, puts entries into."""
    program, names = instructions(connection, sql, parameters), roots(connection)
    opened: dict[int, str] = {}
    written: set[str] = set()
    for step in program:
        if step.opcode == "Init":  # a program of its own, with cursors of its own, begins
            opened.clear()
        if step.opcode == "OpenWrite" and step.p2 in names:
            opened[step.p1] = names[step.p2][1]
        if step.opcode == "IdxInsert" and step.p1 in opened:
            written.add(opened[step.p1])
    return frozenset(written)


def _takes(connection: Connection, table: str, index: str, rowid: int | None) -> bool:
    condition = condition_of(connection, index)
    if condition is None:
        return True
    # Asked at the operation's end: what it changed again later is told as it is by then.
    sql = f"SELECT 1 FROM {quoted(table)} WHERE rowid = ? AND ({condition})"
    return bool(connection.execute(sql, (rowid,)).fetchall())
