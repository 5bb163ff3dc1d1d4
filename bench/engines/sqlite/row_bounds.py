"""Rows read as Cloudflare D1 counts them: bounds, mostly equal ones.

D1's SQLite counts as a row read each step of a cursor to a row that is there (Next, Prev,
SorterNext), each positioning (Rewind, Last, Seek*, SeekRowid, NotExists; a search for equals
only if it found something) and each row that OP_Count counts: see its patch, cloudflare/workerd,
patches/sqlite/0001-row-counts-plain.patch. So sorters and temporary tables count as well, and
the look-up of a table's row through an index does not.

Our SQLite has no such counter, nor a build with SQLITE_ENABLE_STMT_SCANSTATUS. What it has: the
program (EXPLAIN), the steps that it took, the steps of full scans, the sorts, and the rows of the
answer. `program_flow` takes every way through the program that agrees with all of these and gives
the fewest and the most rows that such a way reads. Where both are far apart, the same tables are
read once more without grouping, sorting and limit, which tells how many rows the condition lets
through.

Held against the counter itself (workerd 1.20261117.1, D1's engine) on the built-in study at
scale 0.01: the true number lay within the bounds for all 74 reads of three arms, and
both ends lay within 2 % or three rows of each other for all but eight; a skip-scan
(`ANY(column)`) leaves them farthest apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import apsw

from bench.engines.base import Connection, Parameters
from bench.engines.records import NotCountable, RowsRead
from bench.engines.sqlite.connection import sqlite_connection
from bench.engines.sqlite.counters import plan
from bench.engines.sqlite.program_flow import Instruction, NoPath, Seen, rows_read_bounds
from bench.engines.sqlite.row_counts import instructions, roots
from bench.engines.sqlite.schema import row_count, rows_of_index

# Ends that are farther apart, in rows and as a share, have the condition asked by itself.
NARROW, WIDE = 2, 0.02
_WORDS = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\"[^\"]*\"|[A-Za-z_]+|[()]|.", re.DOTALL)
_ENDS = ("GROUP", "ORDER", "LIMIT", "HAVING", "WINDOW", "UNION", "EXCEPT", "INTERSECT")
_LOOP = re.compile(r"^\s*(?:SCAN|SEARCH) ")


@dataclass
class _Ran:
    """A statement while it runs and what SQLite says of it at its end."""

    sql: str
    rows: int = 0
    status: Mapping[str, int] = field(default_factory=dict)


def rows_read(
    connection: Connection, execute: Callable[[], object], parameters: Parameters
) -> RowsRead:
    """Run `execute` once; how many rows D1 would count as read by the statements it ran.

    `parameters` are those that the statements are bound with.

    Raises:
        NotCountable: a statement runs triggers, or instructions that we do not know.
    """
    low = high = 0
    for ran in _watch(connection, execute):
        bounds = _bounds(connection, ran, parameters)
        if bounds.high - bounds.low > max(NARROW, WIDE * bounds.low):
            bounds = _narrowed(connection, ran, parameters, bounds)
        low, high = low + bounds.low, high + bounds.high
    return RowsRead(low, high)


def _bounds(
    connection: Connection,
    ran: _Ran,
    parameters: Parameters,
    stored: RowsRead | None = None,
    passed: int | None = None,
) -> RowsRead:
    program = instructions(connection, ran.sql, parameters)
    counted = tuple(
        (at.address, _count(connection, program, at)) for at in program if at.opcode == "Count"
    )
    seen = Seen(
        ran.status["SQLITE_STMTSTATUS_VM_STEP"], ran.status["SQLITE_STMTSTATUS_FULLSCAN_STEP"],
        ran.status["SQLITE_STMTSTATUS_SORT"], ran.rows, counted,
        None if stored is None else (stored.low, stored.high), passed,
    )  # fmt: skip
    try:
        return RowsRead(*rows_read_bounds(program, seen))
    except NoPath as error:
        raise NotCountable(
            f"The rows that a statement reads cannot be told: {error} ({ran.sql})."
        ) from error


def _narrowed(
    connection: Connection, ran: _Ran, parameters: Parameters, bounds: RowsRead
) -> RowsRead:
    """Narrower bounds, from the same loops with nothing done in them; `bounds` where that fails."""
    bare = condition_alone(ran.sql)
    program = instructions(connection, ran.sql, parameters)
    # Without a sort a limit ends the loops early, and bare loops would go on.
    early = any(at.opcode == "DecrJumpZero" for at in program)
    if bare is None or (early and not any(at.opcode in ("Sort", "SorterSort") for at in program)):
        return bounds
    loops = [_loops(plan(connection, [sql], parameters)) for sql in (ran.sql, bare)]
    if loops[0] != loops[1]:
        return bounds

    def ask() -> None:
        for _ in connection.execute(bare, dict(parameters)):
            pass

    [rerun] = _watch(connection, ask)
    try:
        stored = _bounds(connection, rerun, parameters)
        passed = None if "DISTINCT" in ran.sql.upper() else rerun.rows
        return _bounds(connection, ran, parameters, stored, passed)
    except NotCountable:
        return bounds


def condition_alone(sql: str) -> str | None:
    """The statement with nothing selected, grouped, sorted or limited; None where that is unclear.

    The loops over tables and indexes stay, and each row that its condition lets through is one.
    """
    kept: list[str] = []
    depth, began, reading = 0, False, False
    for match in _WORDS.finditer(sql):
        word = match[0]
        depth += (word == "(") - (word == ")")
        upper = word.upper() if depth == 0 else ""
        if upper == "WITH" or (began and upper == "SELECT"):
            return None
        began |= upper == "SELECT"
        if upper in ("UNION", "EXCEPT", "INTERSECT"):
            return None
        if upper in _ENDS or word == ";":
            reading = False
        reading |= upper == "FROM"
        if reading and not word.startswith("--"):
            kept.append(word)
    return f"SELECT 1 {''.join(kept)}" if kept else None


def _loops(lines: Sequence[str]) -> list[str]:
    """The lines of a plan that tell of loops, without whether an index covers all that is read."""
    return [line.replace("COVERING ", "") for line in lines if _LOOP.match(line)]


def _watch(connection: Connection, execute: Callable[[], object]) -> list[_Ran]:
    """The statements that `execute` ran, with rows of the answer and status of each."""
    running: dict[int, _Ran] = {}
    done: list[_Ran] = []

    def see(event: Mapping[str, Any]) -> None:
        code, number = event["code"], event["id"]
        if code == apsw.SQLITE_TRACE_STMT:
            if event["trigger"]:
                raise NotCountable(f"It runs a trigger: {event['sql']}.")
            running[number] = _Ran(event["sql"])
        elif number not in running:
            # Statements that a virtual table keeps prepared begin without a word.
            raise NotCountable("It reads a virtual table, which runs statements of its own.")
        elif code == apsw.SQLITE_TRACE_ROW:
            running[number].rows += 1
        else:
            ran = running.pop(number)
            ran.status = event["stmt_status"]
            done.append(ran)

    mask = apsw.SQLITE_TRACE_STMT | apsw.SQLITE_TRACE_ROW | apsw.SQLITE_TRACE_PROFILE
    watched = sqlite_connection(connection)
    watched.trace_v2(mask, see)
    try:
        execute()
    finally:
        watched.trace_v2(0, None)
    return done


def _count(connection: Connection, program: Sequence[Instruction], step: Instruction) -> int:
    """How many rows OP_Count counts: all of the table that its cursor is open on."""
    root = next(
        other.p2
        for other in program
        if other.opcode in ("OpenRead", "ReopenIdx") and other.p1 == step.p1
    )
    kind, name = roots(connection)[root]
    return rows_of_index(connection, name) if kind == "index" else row_count(connection, name)
