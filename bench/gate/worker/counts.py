"""The exact layer in a side's process: executions that SQLite counts.

It runs beside the code of any tree: apsw and the standard library only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import apsw

from bench.engines.sqlite.counters import answer_hash
from bench.gate.worker.adapter import Parameters, Refused, Side, Undone, undo
from bench.gate.worker.asgi import Scope, ask, scope_of
from bench.gate.worker.trace import Trace, depends_on, kept_hook, plan_of

# The answer's hash, None for a write, and the status, None without HTTP.
Execution = Callable[[], tuple[str | None, int | None]]


_TRIES = 3


class CounterWorker:
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
        draws: Sequence[int],
        limit_s: float,
    ) -> list[dict[str, Any]]:
        """Execute an operation by each driver with the named draws: bench.judge's `Seen` as JSON.

        No execution takes longer than `limit_s` seconds, and a driver begins no further draw once
        its draws have taken that long together.
        """
        makers = {
            "sql": [partial(self._by_sql, name, kind, parameters[draw]) for draw in draws],
            "http": [
                partial(self._by_http, scope_of(requests[draw])) for draw in draws if requests
            ],
        }
        found: list[dict[str, Any]] = []
        for driver, makers_of_draws in makers.items():
            begun = time.perf_counter()
            for draw, make in zip(draws, makers_of_draws, strict=False):
                if draw != draws[0] and time.perf_counter() - begun > limit_s:
                    break
                found.append(self._seen(driver, draw, make, limit_s))
        return found

    def plans(self, name: str, parameters: Sequence[Parameters]) -> list[list[str]]:
        """The plans of an operation's statements with each of its parameter sets, not executed.

        A set whose statements cannot be planned has none; why is found when it is executed.
        """
        connection = self._side.opened()
        try:
            statements = [
                sql
                for query in self._side.queries_of(name, connection)
                for sql in self._side.statements(query)
            ]
            return [_plans(connection, statements, values) for values in parameters]
        except Exception:
            # Whatever the tree's code raises, as in `_seen`.
            return [[] for _ in parameters]
        finally:
            connection.close()

    def _seen(
        self, driver: str, draw: int, make: Callable[[], Execution], limit_s: float
    ) -> dict[str, Any]:
        """Execute until two executions in a row agree, three times at most.

        The first may find caches empty, and count more than the others.
        """
        tries: list[dict[str, Any]] = []
        took_ns: list[int] = []
        try:
            self._bag = None
            execute = make()
            while len(tries) < _TRIES and (len(tries) < 2 or tries[-1] != tries[-2]):
                self._trace.clear()
                begun = time.perf_counter_ns()
                with self._trace.limited(limit_s):
                    answer, status = execute()
                took_ns.append(time.perf_counter_ns() - begun)
                tries.append({**self._trace.total(), "answer": answer, "status": status})
            last = tries[-1]
            plans, depends = self._planned(last["texts"])
            return {
                "driver": driver, "draw": draw, **last, "steady": tries[-2] == last,
                "plan": plans, "depends": depends, "bag": self._bag, "refused": None,
                "took_ns": min(took_ns),
            }  # fmt: skip
        except Exception as error:
            if self._trace.broken_off:
                so_far = self._trace.total()
                return {
                    "driver": driver, "draw": draw, **so_far, "answer": None, "status": None,
                    "steady": True, "plan": self._planned(so_far["texts"])[0], "refused": None,
                    "unfinished_s": limit_s, "took_ns": int(limit_s * 1e9),
                }  # fmt: skip
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
            return answer_hash(self._side.comparable(loaded, rows)), None

        def write() -> tuple[str | None, int | None]:
            before = connection.total_changes()
            try:
                with self._side.transaction(connection):
                    for query in loaded:
                        self._side.write(connection, query, values)
                    self._trace.changed = connection.total_changes() - before
                    undo(connection)
            except Undone:
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


def _plans(connection: apsw.Connection, statements: Sequence[str], values: Parameters) -> list[str]:
    try:
        return [line for sql in statements for line in plan_of(connection, sql, values)]
    except apsw.Error:
        return []
