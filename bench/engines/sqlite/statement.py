"""What SQLite tells of one statement: its counters, by name, and its plan.

It runs beside the code of any tree: the standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from bench.engines.base import Connection

STATUS: Mapping[str, str] = MappingProxyType(
    {
        "vm_steps": "SQLITE_STMTSTATUS_VM_STEP",
        "fullscan_steps": "SQLITE_STMTSTATUS_FULLSCAN_STEP",
        "sorts": "SQLITE_STMTSTATUS_SORT",
        "autoindexes": "SQLITE_STMTSTATUS_AUTOINDEX",
    }
)
"""The counters by name, with SQLite's own: https://www.sqlite.org/c3ref/c_stmtstatus_counter.html."""


def plan_lines(connection: Connection, sql: str, bindings: Any) -> Iterator[str]:
    """The lines of EXPLAIN QUERY PLAN of one statement; `bindings` as apsw takes them."""
    depth_of: dict[int, int] = {0: -1}
    for row_id, parent, _, detail in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings):
        depth_of[row_id] = depth_of.get(parent, -1) + 1
        yield "  " * depth_of[row_id] + detail
