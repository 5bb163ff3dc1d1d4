"""What SQLite counts of everything that a side's code does with it.

It runs beside the code of any tree: apsw and the standard library only.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import apsw

from bench.engines.sqlite.statement import STATUS, plan_lines

_AGAIN_S = 0.02
# As the study's own counting of writes, which does not count what keeps them together either.
_BRACKETS = ("BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE")
_PLANNED = ("SELECT", "VALUES", "WITH", "INSERT", "UPDATE", "DELETE", "REPLACE")


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
        self._bound: dict[str, Any] = {}
        self._rows = 0
        self._connections: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
        self.changed: int | None = None
        self.broken_off = False

    def watch(self, connection: apsw.Connection) -> None:
        """Count what this connection does; a hook of `apsw.connection_hooks`."""
        connection.trace_v2(
            apsw.SQLITE_TRACE_STMT | apsw.SQLITE_TRACE_PROFILE | apsw.SQLITE_TRACE_ROW, self._event
        )
        connection.exec_trace = self._executes
        self._connections.add(connection)

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """Break off whatever these connections execute after so many seconds in the block.

        `broken_off` says whether that was necessary; what was broken off raises
        apsw.InterruptError where it was executed.
        """
        self.broken_off = False
        done = threading.Event()

        def watch() -> None:
            if done.wait(seconds):
                return
            self.broken_off = True
            # Again and again: an interruption between two statements strikes neither.
            while not done.wait(_AGAIN_S):
                for connection in list(self._connections):
                    connection.interrupt()

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            yield
        finally:
            done.set()
            watching.join()

    def _executes(self, _: apsw.Cursor, sql: str, bindings: Any) -> bool:
        """Keep what a statement is first executed with; True lets it go on."""
        self._bound.setdefault(sql.strip(), bindings)
        return True

    def bound(self, sql: str) -> Any:
        """What a statement was first executed with since all was forgotten; None: nothing."""
        return self._bound.get(sql.strip())

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
        for name, status in STATUS.items():
            self._sums[name] += int(event["stmt_status"][status])

    def clear(self) -> None:
        """Forget what was counted."""
        self._sums.clear()
        self._texts.clear()
        self._bound.clear()
        self._rows, self.changed = 0, None

    def total(self) -> dict[str, Any]:
        """What was counted since it was cleared; `rows` are those changed, where rows changed."""
        return {
            **{name: self._sums[name] for name in STATUS},
            "statements": sum(self._texts.values()),
            "texts": dict(self._texts),
            "rows": self._rows if self.changed is None else self.changed,
        }


@contextmanager
def watch_connections(trace: Trace) -> Iterator[None]:
    """Watch every connection that is opened within the block."""
    apsw.connection_hooks.append(trace.watch)
    try:
        yield
    finally:
        apsw.connection_hooks.remove(trace.watch)


@contextmanager
def noted_bindings(connection: apsw.Connection) -> Iterator[dict[str, Any]]:
    """What each statement is first executed with within the block, by its text."""
    executed: dict[str, Any] = {}

    def note(_: apsw.Cursor, sql: str, bindings: Any) -> bool:
        executed.setdefault(sql, bindings)
        return True

    connection.exec_trace = note
    try:
        yield executed
    finally:
        connection.exec_trace = None


def plan_of(connection: apsw.Connection, sql: str, bindings: Any) -> list[str]:
    """The lines of EXPLAIN QUERY PLAN, indented as SQLite nests them; none for BEGIN and the like.

    With samples of values (STAT4) a plan depends on the values that are bound, so the bindings are
    those of the execution; None where there were none.
    """
    return list(plan_lines(connection, sql, bindings)) if _is_planned(sql) else []


def depends_on(connection: apsw.Connection, sql: str, bindings: Any) -> str | None:
    """What a statement answers by besides data and parameters: "chance", "clock", or None.

    By its program, which holds what its views and triggers call: a function of chance, or one of
    dates beside the word 'now', be it a literal or a parameter.
    """
    if not _is_planned(sql):
        return None
    now = _NO_DATE.search(sql) is not None
    functions = set()
    for row in connection.execute(f"EXPLAIN {sql}", bindings):
        opcode, operand = row[1], str(row[5]).lower()
        if opcode in ("Function", "PureFunc"):
            functions.add(operand.partition("(")[0])
        now = now or (opcode == "String8" and operand == "now")
    values = bindings.values() if isinstance(bindings, Mapping) else bindings or ()
    now = now or any(
        isinstance(parameter, str) and parameter.lower() == "now" for parameter in values
    )
    if functions & _CHANCE:
        return "chance"
    return "clock" if functions & _CURRENT or (now and functions & _DATES) else None


def _is_planned(sql: str) -> bool:
    return _LEADING.sub("", sql).upper().startswith(_PLANNED)


# Comments before a statement.
_LEADING = re.compile(r"^(?:\s+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$))+", re.S)
_CHANCE = {"random", "randomblob"}
_CURRENT = {"current_timestamp", "current_date", "current_time"}
_DATES = {"date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"}
# Without an argument they mean now.
_NO_DATE = re.compile(r"\b(?:date|time|datetime|julianday|unixepoch)\s*\(\s*\)", re.I)
