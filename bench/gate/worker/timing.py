"""The time layer in a side's process: turns of prepared executions.

It runs beside the code of any tree: apsw and the standard library only.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import apsw

from bench.engines.sqlite.counters import answer_hash
from bench.gate.worker.adapter import Parameters, Side, Undone, undo
from bench.gate.worker.asgi import Scope, ask, scope_of
from bench.gate.worker.core_clock import CoreClock
from bench.gate.worker.trace import plan_of

PREPARING_NS = 200_000_000
"""How long the draws of one operation may take to be prepared; the others are left out."""
FIRST_NS = 1_000_000_000
"""Up to here a first execution is done again: the first request of its kind in a process may pay
for what no other does (0.2 s where 1.4 ms are typical)."""
TYPICAL, TYPICAL_NS = 5, 10_000_000
"""How many executions tell what an operation takes, and how long these may take together."""


class TimingWorker:
    """Times one operation at a time: by its route where it is asked by requests, else by SQL."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._loop = asyncio.new_event_loop()
        self._clock = CoreClock()
        self._app: Any = None
        self._connections: dict[str, apsw.Connection] = {}
        self._kind = "read"
        self._read: Any = None
        self._scopes: list[Scope] = []
        self._loaded: list[Any] = []
        self._drawn: list[Parameters] = []

    def open(self, cpu: int | None) -> None:
        """Make the application that is timed, and stay on one core from here on.

        Only now: on one core, processes that start side by side would wait for each other.
        """
        self._app = self._side.app()
        self._connections = {"read": self._side.opened()}
        self._read = self._side.reader()
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
        """Get ready to time an operation: what its draws answer, and how quick they are.

        `requests` empty: by SQL. Each draw is executed, so that its pages are at hand; of slow
        ones no more than fit into PREPARING_NS, and none from the first one that is `refused`.
        """
        gc.enable()
        self._scopes = [scope_of(request) for request in requests]
        self._drawn = list(parameters)
        self._kind = kind
        if kind not in self._connections:
            self._connections[kind] = self._side.opened(writable=True)
        if not requests:
            self._loaded = self._side.queries_of(name, self._opened())
        draws = range(len(self._scopes or self._drawn))
        self._clock.begin()
        answers: list[str] = []
        plans: list[list[str]] = []
        taken: list[int] = []
        refused = None
        for draw in draws:
            try:
                answer, plan, took_ns = self._first(draw)
                if not taken and TYPICAL_NS < took_ns < FIRST_NS:
                    took_ns = min(took_ns, self._first(draw)[2])
            except Exception as error:
                # Whatever the tree's code raises is what is found of it.
                refused = " ".join(str(error).split()) or type(error).__name__
                break
            answers.append(answer)
            plans.append(plan)
            taken.append(took_ns)
            if sum(taken) > PREPARING_NS:
                break
        if not taken:
            return {"answers": [], "plans": [], "typical_ns": 0, "refused": refused}
        # The first draw may be a quick one among slow ones. Half, since the first execution of
        # a draw is that of a cold cache. A slow one is not executed again to know better.
        least_ns = taken[0] if taken[0] > TYPICAL_NS else self._least_ns()
        typical_ns = max(least_ns, int(median(taken) / 2))
        # The collector would run in some executions and not in others; what a request leaves
        # behind in cycles is collected between operations.
        gc.collect()
        gc.freeze()
        gc.disable()
        return {"answers": answers, "plans": plans, "typical_ns": typical_ns, "refused": refused}

    def _first(self, draw: int) -> tuple[str, list[str], int]:
        """Execute a draw: its answer, its plans where it is by SQL, and how long it took.

        Plans may depend on the values that are bound (STAT4).
        """
        executed: dict[str, Any] = {}

        def note(_: apsw.Cursor, sql: str, bindings: Any) -> bool:
            executed.setdefault(sql, bindings)
            return True

        connection = None if self._scopes else self._opened()
        if connection is not None:
            connection.exec_trace = note
        try:
            reading = self._clock.start()
            answer = self._answer(draw)
            taken = self._clock.since(reading)
        finally:
            if connection is not None:
                connection.exec_trace = None
        plans = [
            line
            for sql, bound in executed.items()
            if connection is not None
            for line in plan_of(connection, sql, bound)
        ]
        return answer, plans, taken

    def _least_ns(self) -> int:
        """What the first draw takes at least; one execution alone may take several times that."""
        self._clock.begin()
        taken: list[int] = []
        while len(taken) < TYPICAL and sum(taken) < TYPICAL_NS:
            reading = self._clock.start()
            self._answer(0)
            taken.append(self._clock.since(reading))
        return min(taken)

    def _opened(self) -> apsw.Connection:
        return self._connections[self._kind]

    def _answer(self, draw: int) -> str:
        if self._scopes:
            status, body = self._loop.run_until_complete(ask(self._app, self._scopes[draw]))
            return f"{status} {answer_hash([[body]])}"
        if self._kind == "write":
            self._written(draw)
            return ""
        return answer_hash(self._side.comparable(self._loaded, self._rows(draw)))

    def _rows(self, draw: int) -> list[Any]:
        connection, read, values = self._opened(), self._read, self._drawn[draw]
        return [row for one in self._loaded for row in read(connection, one, values)]

    def _written(self, draw: int) -> int:
        """Run a write in a transaction that is rolled back: ns, without its begin and end."""
        connection, values = self._opened(), self._drawn[draw]
        try:
            with self._side.transaction(connection):
                begun = self._clock.start()
                for query in self._loaded:
                    self._side.write(connection, query, values)
                taken = self._clock.since(begun)
                undo(connection)
        except Undone:
            return taken

    def turn(self, draw: int, executions: int, warm: bool) -> list[int]:
        """Execute a prepared draw, once untimed with `warm`, and then timed: each in ns."""
        self._clock.begin()
        if self._scopes:
            return self._loop.run_until_complete(self._asked(draw, executions, warm=warm))
        if warm:
            self._timed(draw)
        return [self._timed(draw) for _ in range(executions)]

    def _timed(self, draw: int) -> int:
        if self._kind == "write":
            return self._written(draw)
        begun = self._clock.start()
        self._rows(draw)
        return self._clock.since(begun)

    async def _asked(self, draw: int, executions: int, *, warm: bool) -> list[int]:
        app, scope, clock = self._app, self._scopes[draw], self._clock
        if warm:
            await ask(app, scope)
        taken = []
        for _ in range(executions):
            begun = clock.start()
            await ask(app, scope)
            taken.append(clock.since(begun))
        return taken
