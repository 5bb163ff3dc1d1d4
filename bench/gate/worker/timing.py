"""The time layer in a side's process: slices of prepared executions.

See `bench.gate.worker.adapter` for what it may import.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from bench.engines.answers import answer_hash
from bench.engines.sqlite.trace import noted_bindings, plan_of
from bench.engines.sqlite.types import Connection
from bench.gate.worker.adapter import Adapter, Parameters, Undone, reason_of, undo
from bench.gate.worker.asgi import Scope, ask, scope_of
from bench.measure.core_clock import CoreClock

PREPARING_NS = 200_000_000
"""How long the parameter sets of one operation may take to be prepared; the others are left out."""
FIRST_NS = 1_000_000_000
"""Up to here a first execution is done again: the first request of its kind in a process may pay
for what no other does (0.2 s where 1.4 ms are typical)."""
TYPICAL, TYPICAL_NS = 5, 10_000_000
"""How many executions tell what an operation takes, and how long these may take together."""


class TimingWorker:
    """Times one operation at a time: by its route where it is asked by requests, else by SQL."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._loop = asyncio.new_event_loop()
        self._clock = CoreClock()
        self._app: Any = None
        self._connections: dict[str, Connection] = {}
        self._kind = "read"
        self._read: Any = None
        self._scopes: list[Scope] = []
        self._loaded: list[Any] = []
        self._parameter_sets: list[Parameters] = []

    def open(self, cpu: int | None) -> None:
        """Make the application that is timed, and stay on one core from here on.

        Only now: on one core, processes that start side by side would wait for each other.
        """
        self._app = self._adapter.app()
        self._connections = {"read": self._adapter.connect()}
        self._read = self._adapter.reader()
        gc.collect()
        if cpu is not None and hasattr(os, "sched_setaffinity"):
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, {cpu})

    def prepare(
        self,
        name: str,
        kind: str,
        parameters: Sequence[Parameters],
        requests: Sequence[Mapping[str, Any]],
    ) -> dict[str, Any]:
        """Get ready to time an operation: what its parameter sets answer, and how quick they are.

        `requests` empty: by SQL. Each draw is executed, so that its pages are at hand; of slow
        ones no more than fit into PREPARING_NS, and none from the first one that is refused.
        """
        gc.enable()
        self._scopes = [scope_of(request) for request in requests]
        self._parameter_sets = list(parameters)
        self._kind = kind
        if kind not in self._connections:
            self._connections[kind] = self._adapter.connect(writable=True)
        if not requests:
            self._loaded = self._adapter.queries_of(name, self._connection())
        answers, plans, taken, refusal = self._first_executions()
        if not taken:
            return {"answers": [], "plans": [], "typical_ns": 0, "refused": refusal}
        # The first set may be a quick one among slow ones. Half, since the first execution of
        # a parameter set is that of a cold cache. A slow one is not executed again to know better.
        least_ns = taken[0] if taken[0] > TYPICAL_NS else self._least_ns()
        typical_ns = max(least_ns, int(median(taken) / 2))
        # The collector would run in some executions and not in others; what a request leaves
        # behind in cycles is collected between operations.
        gc.collect()
        gc.freeze()
        gc.disable()
        return {"answers": answers, "plans": plans, "typical_ns": typical_ns, "refused": refusal}

    def _first_executions(self) -> tuple[list[str], list[list[str]], list[int], str | None]:
        """Execute set after set: answers, plans, ns, and why one of them is refused."""
        self._clock.begin()
        answers: list[str] = []
        plans: list[list[str]] = []
        taken: list[int] = []
        for set_index in range(len(self._scopes or self._parameter_sets)):
            try:
                answer, plan, took_ns = self._first(set_index)
                if not taken and TYPICAL_NS < took_ns < FIRST_NS:
                    took_ns = min(took_ns, self._first(set_index)[2])
            except Exception as error:
                # Whatever the tree's code raises is what is found of it.
                return answers, plans, taken, reason_of(error)
            answers.append(answer)
            plans.append(plan)
            taken.append(took_ns)
            if sum(taken) > PREPARING_NS:
                break
        return answers, plans, taken, None

    def _first(self, set_index: int) -> tuple[str, list[str], int]:
        """Execute a parameter set: its answer, its plans where it is by SQL, and how long it took.

        Plans may depend on the values that are bound (STAT4).
        """
        if self._scopes:
            answer, took_ns = self._answer_timed(set_index)
            return answer, [], took_ns
        connection = self._connection()
        with noted_bindings(connection) as executed:
            answer, took_ns = self._answer_timed(set_index)
        plans = [
            line for sql, bound in executed.items() for line in plan_of(connection, sql, bound)
        ]
        return answer, plans, took_ns

    def _answer_timed(self, set_index: int) -> tuple[str, int]:
        reading = self._clock.start()
        answer = self._answer(set_index)
        return answer, self._clock.since(reading)

    def _least_ns(self) -> int:
        """What the first set takes at least; one execution alone may take several times that."""
        self._clock.begin()
        taken: list[int] = []
        while len(taken) < TYPICAL and sum(taken) < TYPICAL_NS:
            reading = self._clock.start()
            self._answer(0)
            taken.append(self._clock.since(reading))
        return min(taken)

    def _connection(self) -> Connection:
        return self._connections[self._kind]

    def _answer(self, set_index: int) -> str:
        if self._scopes:
            status, body = self._loop.run_until_complete(ask(self._app, self._scopes[set_index]))
            return f"{status} {answer_hash([[body]])}"
        if self._kind == "write":
            self._written(set_index)
            return ""
        return answer_hash(self._adapter.comparable(self._loaded, self._rows(set_index)))

    def _rows(self, set_index: int) -> list[Any]:
        connection, read, values = self._connection(), self._read, self._parameter_sets[set_index]
        return [row for query in self._loaded for row in read(connection, query, values)]

    def _written(self, set_index: int) -> int:
        """Run a write in a transaction that is rolled back: ns, without its begin and end."""
        connection, values = self._connection(), self._parameter_sets[set_index]
        try:
            with self._adapter.transaction(connection):
                begun = self._clock.start()
                for query in self._loaded:
                    self._adapter.write(connection, query, values)
                taken = self._clock.since(begun)
                undo(connection)
        except Undone:
            return taken

    def time_slice(self, set_index: int, executions: int, warm: bool) -> list[int]:
        """Execute a prepared set, once untimed with `warm`, and then timed: each in ns."""
        self._clock.begin()
        if self._scopes:
            return self._loop.run_until_complete(
                self._time_requests(set_index, executions, warm=warm)
            )
        if warm:
            self._timed(set_index)
        return [self._timed(set_index) for _ in range(executions)]

    def _timed(self, set_index: int) -> int:
        if self._kind == "write":
            return self._written(set_index)
        begun = self._clock.start()
        self._rows(set_index)
        return self._clock.since(begun)

    async def _time_requests(self, set_index: int, executions: int, *, warm: bool) -> list[int]:
        app, scope, clock = self._app, self._scopes[set_index], self._clock
        if warm:
            await ask(app, scope)
        taken = []
        for _ in range(executions):
            begun = clock.start()
            await ask(app, scope)
            taken.append(clock.since(begun))
        return taken
