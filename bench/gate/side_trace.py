"""Room: bench.gate, what SQLite counts of everything that a side's code does with it.

It runs beside the code of any tree: apsw and the standard library only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import apsw
import apsw.ext

_STATUS = {
    "vm_steps": "SQLITE_STMTSTATUS_VM_STEP",
    "fullscan_steps": "SQLITE_STMTSTATUS_FULLSCAN_STEP",
    "sorts": "SQLITE_STMTSTATUS_SORT",
    "autoindexes": "SQLITE_STMTSTATUS_AUTOINDEX",
}
# As the study's own counting of writes, which does not count what keeps them together either.
_BRACKETS = ("BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE")
_PLANNED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "REPLACE")


class Trace:
    """Collects the events of connections, also of those that the tree's code opens itself.

    Statements that a virtual table (FTS5, R-Tree) runs inside of another on its own tables do not
    count: how many they are depends on what it has cached, and SQLite adds their counters up over
    all executions.
    """

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()
        self._texts: Counter[str] = Counter()
        self._running: set[int] = set()
        self._rows = 0
        self.changed: int | None = None

    def watch(self, connection: apsw.Connection) -> None:
        """Count what this connection does; a hook of `apsw.connection_hooks`."""
        connection.trace_v2(
            apsw.SQLITE_TRACE_STMT | apsw.SQLITE_TRACE_PROFILE | apsw.SQLITE_TRACE_ROW, self._event
        )

    def _event(self, event: Mapping[str, Any]) -> None:
        if event["code"] == apsw.SQLITE_TRACE_STMT:
            # apsw's word for what runs within another statement's step; a trigger's has its id.
            if not event["trigger"]:
                self._running.add(event["id"])
            return
        if event["id"] not in self._running:
            return
        if event["code"] == apsw.SQLITE_TRACE_ROW:
            self._rows += 1
            return
        self._running.remove(event["id"])
        self._texts[event["sql"]] += 1
        if event["sql"].lstrip().upper().startswith(_BRACKETS):
            return
        for name, status in _STATUS.items():
            self._sums[name] += int(event["stmt_status"][status])

    def clear(self) -> None:
        """Forget what was counted."""
        self._sums.clear()
        self._texts.clear()
        self._rows, self.changed = 0, None

    def total(self) -> dict[str, Any]:
        """What was counted since it was cleared; `rows` are those changed, where rows changed."""
        return {
            **{name: self._sums[name] for name in _STATUS},
            "statements": sum(self._texts.values()),
            "texts": dict(self._texts),
            "rows": self._rows if self.changed is None else self.changed,
        }


@contextmanager
def kept_hook(trace: Trace) -> Iterator[None]:
    """Watch every connection that is opened within the block."""
    apsw.connection_hooks.append(trace.watch)
    try:
        yield
    finally:
        apsw.connection_hooks.remove(trace.watch)


def plan_of(connection: apsw.Connection, sql: str) -> list[str]:
    """The lines of EXPLAIN QUERY PLAN, indented as SQLite nests them; none for BEGIN and the like.

    Nothing is bound: plans that do not depend on samples of values do not depend on values.
    """
    if not sql.lstrip().upper().startswith(_PLANNED):
        return []
    told = apsw.ext.query_info(connection, sql, explain_query_plan=True).query_plan
    lines: list[str] = []

    def walk(node: Any, depth: int) -> None:
        if depth >= 0:
            lines.append("  " * depth + node.detail)
        for below in node.sub or ():
            walk(below, depth + 1)

    if told is not None:
        walk(told, -1)
    return lines
