"""Paired measurement of writes: real commits, each round from one defined state.

In a round every file begins as it was built, with an empty write-ahead log and new connections.
Each drawn write is executed on every file in turn: first on a second connection, which rolls
it back and so fetches the pages that it needs, then for real, which is timed. What was written
stays in the log, and goes with it when the round ends. So neither what ran before nor the rounds
before decide a time. The base arm's control is a file of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from bench.engines.base import Connection, Counters, WriteSession
from bench.measure.failures import explained
from bench.measure.files import ArmFiles
from bench.measure.rounds import turn_orders
from bench.micro.paired import without_gc
from bench.micro.series import (
    TWIN,
    Latencies,
    Measured,
    Observation,
    lacking,
    parts_of_arms,
)
from bench.study import Operation, Study
from bench.study.hooks import BoundOperation, Draw, Parameters, hooks_of

DRAWS = 25
TRIES_FOR_EACH = 50


class Writes:
    """Measures the write operations of a study.

    Of arms that share a file the first is measured. Every file is afterwards what it was.

    Raises:
        ValueError: `files` have no control, on whose file the base is measured again.
    """

    def __init__(self, study: Study, files: ArmFiles, draw: Draw, *, seed: int) -> None:
        if files.control is None:
            raise ValueError("Writes need a control; build the arms with control=True.")
        self._control = files.control.path
        self._study = study
        self._files = files
        self._draw = draw
        self._seed = seed
        self._bind = hooks_of(study).bind
        self._arms = self._one_arm_a_file()
        self._parts = parts_of_arms(files)

    @property
    def lanes(self) -> tuple[str, ...]:
        """The lanes of every operation, the base and its control first."""
        base = self._study.base
        return (base, TWIN, *(arm for arm in self._arms if arm != base))

    def measure(self, operation: Operation) -> Measured:
        """Measure one write operation on every file.

        Raises:
            BenchError: an arm refuses the write.
        """
        base = self._study.base
        missing = lacking(operation, self._parts)
        if missing:
            # Writes are timed against the base; what an arm cannot execute is not compared.
            why = f"{next(iter(missing))} cannot execute it: {next(iter(missing.values()))}"
            reasons = {arm: missing.get(arm, why) for arm in self._files.arms}
            return Measured(operation.name, "write", (), {}, {}, base, False, None, reasons)
        rng = np.random.default_rng([self._seed, *operation.name.encode()])
        rounds = self._study.quick_rounds
        drawn = distinct_draws(self._draw, operation, 1 + rounds * DRAWS, rng)
        draws = min(DRAWS, len(drawn))
        left_out = {
            arm: "it shares its file, and so its cost of writing, with another arm"
            for arm in self._files.arms
            if arm not in self._arms
        }
        observed = {arm: self._observe(operation, arm, drawn[0]) for arm in self._arms}
        latencies = {lane: np.zeros((rounds, draws, 1), np.int64) for lane in self.lanes}
        orders = turn_orders(self.lanes, rng)
        difference: str | None = None
        for index in range(rounds):
            # Each round begins anew, so that rows which were used up are there again.
            chosen = [drawn[(index * draws + place) % len(drawn)] for place in range(draws)]
            recorded = {lane: values[index] for lane, values in latencies.items()}
            difference = self._round(operation, orders, chosen, recorded) or difference
        return Measured(
            operation.name, "write", self.lanes, latencies, observed, base, difference is None,
            difference, left_out,
        )  # fmt: skip

    def _one_arm_a_file(self) -> tuple[str, ...]:
        by_path = {self._files.arms[arm].path: arm for arm in reversed(self._files.arms)}
        return tuple(arm for arm in self._files.arms if arm in by_path.values())

    def _path(self, lane: str) -> Path:
        """The file of a lane, in its arm's state."""
        if lane == TWIN:
            return self._control
        return self._files.switch(lane).path

    def _arm(self, lane: str) -> str:
        return self._study.base if lane == TWIN else lane

    @contextmanager
    def _opened(self, lanes: Sequence[str]) -> Iterator[dict[str, WriteSession]]:
        """New sessions on the files of lanes; what they write is gone after the block."""
        paths = {lane: self._path(lane) for lane in lanes}
        self._files.close()
        with ExitStack() as stack:
            yield {
                lane: stack.enter_context(self._files.engine.write_session(path))
                for lane, path in paths.items()
            }

    def _round(
        self,
        operation: Operation,
        orders: Iterator[tuple[str, ...]],
        drawn: Sequence[Parameters],
        into: Mapping[str, Latencies],
    ) -> str | None:
        """Write every draw on every file; `into` takes latencies of shape (draws, 1).

        Returns how the files' states differ afterwards, None where they agree.
        """
        # In another order each time: which connection gets its memory first may decide its pace.
        engine, base = self._files.engine, self._study.base
        check = f"that its draws can be written in the state of {base}"
        with self._opened(next(orders)) as sessions:
            watched = engine.watch_writes([*sessions.values()])
            bound = {
                lane: self._bind(operation.name, self._parts[self._arm(lane)])
                for lane in self.lanes
            }
            with explained(engine, f"An arm refuses {operation.name}", check), without_gc():
                for draw, values in enumerate(drawn):
                    for lane in next(orders):
                        # Run once and rolled back: its pages are at hand then.
                        warming = sessions[lane].warming
                        with engine.rolled_back(warming):
                            bound[lane].run(warming, values)
                        into[lane][draw, 0] = _write(bound[lane], sessions[lane].timed, values)
            return watched.difference()

    def _observe(self, operation: Operation, arm: str, parameters: Parameters) -> Observation:
        """Write once on a new connection, which holds few pages, and commit."""
        bound, engine = self._bind(operation.name, self._parts[arm]), self._files.engine
        check = "that its draws can be written in the dataset's state"
        with self._opened([arm]) as sessions:
            connection = sessions[arm].timed

            def write() -> Counters:
                with engine.transaction(connection):
                    return engine.count(connection, lambda: bound.run(connection, parameters))[0]

            with explained(engine, f"The arm {arm} refuses {operation.name}", check):
                plans = engine.plan(connection, bound.statements, parameters)
                before = engine.changes(connection)
                pages, counters = engine.count_commit(connection, write)
                changed = engine.changes(connection) - before
            return Observation(counters, plans, changed, pages)


def distinct_draws(
    draw: Draw, operation: Operation, wanted: int, rng: np.random.Generator
) -> list[Parameters]:
    """Draw up to `wanted` parameter sets, each another one, and none that uses up another's row.

    Fewer come back where there are fewer: a second time a row would be gone, or there already.
    """
    found: list[Parameters] = []
    seen: set[object] = set()
    for _ in range(wanted * TRIES_FOR_EACH):
        if len(found) == wanted:
            break
        parameters = draw(operation.name, rng)
        key = (
            tuple(sorted(parameters.items()))
            if operation.exclusive is None
            else parameters[operation.exclusive]
        )
        if key not in seen:
            seen.add(key)
            found.append(parameters)
    return found


def _write(bound: BoundOperation, connection: Connection, values: Parameters) -> int:
    """Run one write, commit included; return what it took, in nanoseconds."""
    begun = time.perf_counter_ns()
    bound.write(connection, values)
    return time.perf_counter_ns() - begun
