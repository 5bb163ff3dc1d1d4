"""The exact layer in a side's process: executions that SQLite counts.

See `bench.gate.worker.adapter` for what it may import.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from bench.engines.answers import answer_hash
from bench.engines.sqlite.trace import Trace, depends_on, plan_of, watch_connections
from bench.engines.sqlite.types import Connection, SqlError
from bench.gate.worker.adapter import (
    Adapter,
    CannotExecute,
    Parameters,
    Undone,
    reason_of,
    undo,
)
from bench.gate.worker.asgi import Scope, ask, scope_of

# The answer's hash, None for a write, and the status, None without HTTP.
Execution = Callable[[], tuple[str | None, int | None]]
_MOST_ATTEMPTS = 3


class CounterWorker:
    """Executes operations with every connection of this process watched."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._loop = asyncio.new_event_loop()
        self._trace = Trace()
        self._connections: dict[str, Connection] = {}
        self._app: Any = None
        self._bag: str | None = None

    def observe(
        self,
        name: str,
        kind: str,
        parameters: Sequence[Parameters],
        requests: Sequence[Mapping[str, Any]],
        set_indexes: Sequence[int],
        limit_s: float,
    ) -> list[dict[str, Any]]:
        """Execute an operation by each driver with the named sets: bench.judge's `Seen` as JSON.

        No execution takes longer than `limit_s` seconds, and a driver begins no further parameter
        set once its parameter sets have taken that long together.
        """
        makers = {
            "sql": [
                partial(self._by_sql, name, kind, parameters[set_index])
                for set_index in set_indexes
            ],
            "http": [
                partial(self._by_http, scope_of(requests[set_index]))
                for set_index in set_indexes
                if requests
            ],
        }
        executions: list[dict[str, Any]] = []
        for driver, makers_of_sets in makers.items():
            begun = time.perf_counter()
            for set_index, make in zip(set_indexes, makers_of_sets, strict=False):
                if set_index != set_indexes[0] and time.perf_counter() - begun > limit_s:
                    break
                executions.append(self._seen(driver, set_index, make, limit_s))
        return executions

    def plans(self, name: str, parameters: Sequence[Parameters]) -> list[list[str]]:
        """The plans of an operation's statements with each of its parameter sets, not executed.

        A set whose statements cannot be planned has none; why is found when it is executed.
        """
        with closing(self._adapter.connect()) as connection:
            try:
                statements = [
                    sql
                    for query in self._adapter.queries_of(name, connection)
                    for sql in self._adapter.statements(query)
                ]
                return [_plans(connection, statements, values) for values in parameters]
            except Exception:
                # Whatever the tree's code raises, as in `_seen`.
                return [[] for _ in parameters]

    def _seen(
        self, driver: str, set_index: int, make: Callable[[], Execution], limit_s: float
    ) -> dict[str, Any]:
        """Execute until two executions in a row agree, three times at most.

        The first may find caches empty, and count more than the others.
        """
        attempts: list[dict[str, Any]] = []
        took_ns: list[int] = []
        try:
            self._bag = None
            execute = make()
            while len(attempts) < _MOST_ATTEMPTS and (
                len(attempts) < 2 or attempts[-1] != attempts[-2]
            ):
                self._trace.clear()
                begun = time.perf_counter_ns()
                with self._trace.limited(limit_s):
                    answer, status = execute()
                took_ns.append(time.perf_counter_ns() - begun)
                attempts.append({**self._trace.total(), "answer": answer, "status": status})
            last = attempts[-1]
            plans, depends = self._planned(last["texts"])
            return {
                "driver": driver, "draw": set_index, **last, "steady": attempts[-2] == last,
                "plan": plans, "depends": depends, "bag": self._bag, "refused": None,
                "took_ns": min(took_ns),
            }  # fmt: skip
        except Exception as error:
            known = {
                "driver": driver,
                "draw": set_index,
                "answer": None,
                "status": None,
                "steady": True,
            }
            if self._trace.broken_off:
                so_far = self._trace.total()
                return {
                    **known, **so_far, "plan": self._planned(so_far["texts"])[0], "refused": None,
                    "unfinished_s": limit_s, "took_ns": int(limit_s * 1e9),
                }  # fmt: skip
            # Whatever the tree's code raises is what is found of it.
            self._trace.clear()
            return {**known, **self._trace.total(), "plan": [], "refused": reason_of(error)}

    def _planned(self, texts: Mapping[str, int]) -> tuple[list[str], str | None]:
        """The plans of what was executed last, with its parameters, and what it depends on."""
        bound = {sql: self._trace.bound(sql) for sql in texts}
        with closing(self._adapter.connect()) as connection:
            plans = [line for sql in texts for line in plan_of(connection, sql, bound[sql])]
            reasons = {depends_on(connection, sql, bound[sql]) for sql in texts} - {None}
        return plans, next((reason for reason in ("chance", "clock") if reason in reasons), None)

    def _by_sql(self, name: str, kind: str, values: Parameters) -> Execution:
        if kind not in self._connections:
            with watch_connections(self._trace):
                self._connections[kind] = self._adapter.connect(writable=kind == "write")
        connection = self._connections[kind]
        loaded = self._adapter.queries_of(name, connection)
        read_one = self._adapter.reader()

        def read() -> tuple[str | None, int | None]:
            rows = [row for query in loaded for row in read_one(connection, query, values)]
            self._bag = answer_hash(sorted(rows, key=repr))
            return answer_hash(self._adapter.comparable(loaded, rows)), None

        def write() -> tuple[str | None, int | None]:
            before = connection.total_changes()
            try:
                with self._adapter.transaction(connection):
                    for query in loaded:
                        self._adapter.write(connection, query, values)
                    self._trace.changed = connection.total_changes() - before
                    undo(connection)
            except Undone:
                return None, None

        return read if kind == "read" else write

    def _by_http(self, scope: Scope) -> Execution:
        if self._app is None:
            # Each read goes to a thread at once: none is broken off, and so counted twice.
            with watch_connections(self._trace):
                self._app = self._adapter.app(inline_ms=0, readers=1)

        def request() -> tuple[str | None, int | None]:
            status, body = self._loop.run_until_complete(ask(self._app, scope))
            if status >= 400:
                raise CannotExecute(f"it answers {scope['path']} with status {status}")
            return answer_hash([[body]]), status

        return request


def _plans(connection: Connection, statements: Sequence[str], values: Parameters) -> list[str]:
    try:
        return [line for sql in statements for line in plan_of(connection, sql, values)]
    except SqlError:
        return []
