"""Room: bench.gate, the exact layer in a side's process: executions that SQLite counts.

It runs beside the code of any tree: apsw and the standard library only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import apsw

from bench.gate.side_asgi import Scope, ask, scope_of
from bench.gate.side_doors import Parameters, Refused, Side
from bench.gate.side_trace import Trace, depends_on, kept_hook, plan_of
from bench.measure.counters import answer_hash

# The answer's hash, None for a write, and the status, None without HTTP.
Execution = Callable[[], tuple[str | None, int | None]]


class _Undone(Exception):
    """Leaves a transaction so that it rolls back."""


class Counts:
    """Executes operations with every connection of this process watched."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._loop = asyncio.new_event_loop()
        self._trace = Trace()
        self._connections: dict[str, apsw.Connection] = {}
        self._app: Any = None
        self._bag: str | None = None

    def observe(
        self,
        name: str,
        kind: str,
        parameters: Sequence[Parameters],
        requests: Sequence[Mapping[str, Any]],
    ) -> list[dict[str, Any]]:
        """Execute an operation by each driver with each draw: bench.judge's `Seen` as JSON."""
        found = [
            self._seen("sql", draw, partial(self._by_sql, name, kind, values))
            for draw, values in enumerate(parameters)
        ]
        found += [
            self._seen("http", draw, partial(self._by_http, scope_of(request)))
            for draw, request in enumerate(requests)
        ]
        return found

    def _seen(self, driver: str, draw: int, make: Callable[[], Execution]) -> dict[str, Any]:
        """Execute three times: the first fills caches, the others have to agree."""
        try:
            self._bag = None
            execute = make()
            execute()
            tries = []
            for _ in range(2):
                self._trace.clear()
                answer, status = execute()
                tries.append({**self._trace.total(), "answer": answer, "status": status})
            last = tries[-1]
            plans, depends = self._planned(last["texts"])
            return {
                "driver": driver, "draw": draw, **last, "steady": tries[0] == last,
                "plan": plans, "depends": depends, "bag": self._bag,
                "refused": None,
            }  # fmt: skip
        except Exception as error:
            # Whatever the tree's code raises is what is found of it.
            self._trace.clear()
            return {
                "driver": driver, "draw": draw, **self._trace.total(), "answer": None,
                "status": None, "steady": True, "plan": [],
                "refused": " ".join(str(error).split()) or type(error).__name__,
            }  # fmt: skip

    def _planned(self, texts: Mapping[str, int]) -> tuple[list[str], str | None]:
        """The plans of what was executed last, with its parameters, and what it depends on."""
        bound = {sql: self._trace.bound(sql) for sql in texts}
        connection = self._side.opened()
        try:
            plans = [line for sql in texts for line in plan_of(connection, sql, bound[sql])]
            found = {depends_on(connection, sql, bound[sql]) for sql in texts} - {None}
        finally:
            connection.close()
        return plans, next((one for one in ("chance", "clock") if one in found), None)

    def _by_sql(self, name: str, kind: str, values: Parameters) -> Execution:
        if kind not in self._connections:
            with kept_hook(self._trace):
                self._connections[kind] = self._side.opened(writable=kind == "write")
        connection = self._connections[kind]
        loaded = self._side.queries_of(name, connection)
        read_one = self._side.reader()

        def read() -> tuple[str | None, int | None]:
            rows = [row for query in loaded for row in read_one(connection, query, values)]
            self._bag = answer_hash(sorted(rows, key=repr))
            return self._side.answer(loaded, rows), None

        def write() -> tuple[str | None, int | None]:
            before = connection.total_changes()
            try:
                with self._side.transaction(connection):
                    for query in loaded:
                        self._side.write(connection, query, values)
                    self._trace.changed = connection.total_changes() - before
                    raise _Undone
            except _Undone:
                return None, None

        return read if kind == "read" else write

    def _by_http(self, scope: Scope) -> Execution:
        if self._app is None:
            # Each read goes to a thread at once: none is broken off, and so counted twice.
            with kept_hook(self._trace):
                self._app = self._side.app(inline_ms=0, readers=1)

        def request() -> tuple[str | None, int | None]:
            status, body = self._loop.run_until_complete(ask(self._app, scope))
            if status >= 400:
                raise Refused(f"it answers {scope['path']} with status {status}")
            return answer_hash([[body]]), status

        return request
