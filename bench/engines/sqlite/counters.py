"""Counters that noise cannot touch: VM steps, full-scan steps, sorts, and the plan.

They come from SQLite's own statement status, through apsw's profile trace, and
are equal only for equal SQLite version, data and statistics.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import apsw

from bench.engines.base import Connection, Parameters, Program, Result
from bench.engines.sqlite.connection import pragma, sqlite_connection
from bench.engines.sqlite.statement import STATUS, plan_lines

# An operand that is an address in memory: it differs between connections.
_VIRTUAL = re.compile("^vtab:[0-9A-F]+$")


@dataclass(frozen=True, slots=True)
class Counters:
    """Statement status of one execution of an operation, summed over its statements."""

    vm_steps: int
    fullscan_steps: int
    sorts: int
    autoindexes: int

    @property
    def work(self) -> int:
        """The steps of the virtual machine."""
        return self.vm_steps

    def by_name(self) -> dict[str, int]:
        """Return every counter."""
        return asdict(self)


def count(connection: Connection, execute: Callable[[], Result]) -> tuple[Counters, Result]:
    """Run `execute` once and return what SQLite counted meanwhile, and its result."""
    events: list[Mapping[str, Any]] = []
    traced = sqlite_connection(connection)
    traced.trace_v2(apsw.SQLITE_TRACE_PROFILE, events.append)
    try:
        result = execute()
    finally:
        traced.trace_v2(0, None)

    sums = {
        name: sum(int(event["stmt_status"][status]) for event in events)
        for name, status in STATUS.items()
    }
    return Counters(**sums), result


_FRAME_HEADER_BYTES = 24


def count_pages(
    connection: Connection, execute: Callable[[], Result]
) -> tuple[dict[str, int], Result]:
    """Run `execute` once, which commits; return what it moved from and to files, and its result.

    `pages_read` are pages that the connection's cache did not hold, `pages_written` those
    written from it to the log, `log_bytes` what the log grew by: a page and its header for each.
    Pages read depend on what the cache holds already: open the connection for this.

    Sources: SQLITE_DBSTATUS_CACHE_MISS and _CACHE_WRITE,
    https://www.sqlite.org/c3ref/c_dbstatus_options.html; frames of the log from a checkpoint
    that does nothing, https://www.sqlite.org/c3ref/wal_checkpoint_v2.html; a frame is a page and
    24 bytes, https://www.sqlite.org/fileformat2.html#walformat

    Raises:
        ValueError: a part of the log is folded into the file, so that it may begin anew.
    """
    before = _pages(sqlite_connection(connection))
    result = execute()
    after = _pages(sqlite_connection(connection))
    read, written, frames = (new - old for old, new in zip(before, after, strict=True))
    size = pragma(connection, "page_size") + _FRAME_HEADER_BYTES
    return {"pages_read": read, "pages_written": written, "log_bytes": frames * size}, result


def _pages(connection: apsw.Connection) -> tuple[int, int, int]:
    """Pages read, pages written and frames in the log, so far."""
    frames, folded = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    if folded > 0:
        raise ValueError(
            f"{folded} pages of the log are folded into the file already, so its growth cannot be "
            "told; fold it in whole and open the file anew, without checkpoints."
        )
    read, written = (
        connection.status(which)[0]
        for which in (apsw.SQLITE_DBSTATUS_CACHE_MISS, apsw.SQLITE_DBSTATUS_CACHE_WRITE)
    )
    return read, written, max(frames, 0)


def plan(
    connection: Connection, statements: Iterable[str], parameters: Parameters
) -> tuple[str, ...]:
    """The lines of EXPLAIN QUERY PLAN of every statement, indented as SQLite nests them."""
    bindings = dict(parameters)
    return tuple(line for sql in statements for line in plan_lines(connection, sql, bindings))


def program(connection: Connection, statements: Iterable[str], parameters: Parameters) -> Program:
    """The program that EXPLAIN shows for every statement, comments left out.

    Equal programs on one file take the same steps, sort as often, and answer alike.
    """
    return tuple(
        tuple(_VIRTUAL.sub("vtab", cell) if isinstance(cell, str) else cell for cell in row[:7])
        for sql in statements
        for row in connection.execute(f"EXPLAIN {sql}", dict(parameters))
    )
