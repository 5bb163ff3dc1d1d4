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
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import apsw
import numpy as np

from bench.engines.sqlite.connection import connect, transaction
from bench.engines.sqlite.counters import Counters, count, count_pages, plan
from bench.engines.sqlite.files import beside
from bench.engines.sqlite.state_digest import TouchedRows, alike, difference
from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.measure.arms import ArmFiles
from bench.measure.files import begin_log
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
from bench.study.hooks import BoundOperation, Draw, OperationFailed, Parameters, hooks_of

DRAWS = 25
TRIES_FOR_EACH = 50


class _Undone(Exception):
    """Leaves a transaction so that it rolls back."""


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
    def _opened(self, lanes: Sequence[str]) -> Iterator[dict[str, _Connections]]:
        """New connections to the files of lanes; what they write is gone after the block."""
        paths = {lane: self._path(lane) for lane in lanes}
        # Whoever closes a file last would fold its log into it.
        self._files.close()
        try:
            with ExitStack() as stack:
                yield {
                    lane: stack.enter_context(_Connections.of(path)) for lane, path in paths.items()
                }
        finally:
            for path in set(paths.values()):
                for left in beside(path):
                    left.unlink(missing_ok=True)

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
        with self._opened(next(orders)) as connections:
            before = alike([opened.timed for opened in connections.values()])
            touched = {lane: TouchedRows(opened.warming) for lane, opened in connections.items()}
            bound = {
                lane: self._bind(operation.name, self._parts[self._arm(lane)])
                for lane in self.lanes
            }
            try:
                with without_gc():
                    for draw, values in enumerate(drawn):
                        for lane in next(orders):
                            _undone(bound[lane], connections[lane].warming, values)
                            timed = connections[lane].timed
                            into[lane][draw, 0] = _write(bound[lane], timed, values)
            except (apsw.Error, OperationFailed) as error:
                raise BenchError(
                    f"An arm refuses {operation.name}: {error}; "
                    f"check that its draws can be written in the state of {self._study.base}.",
                    INVALID,
                ) from error
            return difference(
                [opened.timed for opened in connections.values()],
                [touched[lane].rows for lane in connections],
                before,
            )

    def _observe(self, operation: Operation, arm: str, parameters: Parameters) -> Observation:
        """Write once on a new connection, which holds few pages, and commit."""
        bound = self._bind(operation.name, self._parts[arm])
        with self._opened([arm]) as connections:
            connection = connections[arm].timed

            def write() -> Counters:
                with transaction(connection):
                    return count(connection, lambda: bound.run(connection, parameters))[0]

            try:
                plans = plan(connection, bound.statements, parameters)
                before = connection.total_changes()
                pages, counters = count_pages(connection, write)
                changed = connection.total_changes() - before
            except (apsw.Error, OperationFailed) as error:
                raise BenchError(
                    f"The arm {arm} refuses {operation.name}: {error}; "
                    "check that its draws can be written in the dataset's state.",
                    INVALID,
                ) from error
            return Observation(counters, plans, changed, pages)


class _Connections:
    """Two connections to one file: the one that is timed, and the one that warms up for it."""

    def __init__(self, timed: apsw.Connection, warming: apsw.Connection) -> None:
        self.timed = timed
        self.warming = warming

    @classmethod
    @contextmanager
    def of(cls, path: Path) -> Iterator[_Connections]:
        """Open both; neither folds anything of the log into the file, and its log is begun."""
        with (
            closing(connect(path, checkpoints=False)) as timed,
            closing(connect(path, checkpoints=False)) as warming,
        ):
            begin_log(timed)
            yield cls(timed, warming)


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


def _undone(bound: BoundOperation, connection: apsw.Connection, values: Parameters) -> None:
    """Run one write and roll it back: its pages are at hand then, and nothing has changed."""
    with suppress(_Undone), transaction(connection):
        bound.run(connection, values)
        raise _Undone


def _write(bound: BoundOperation, connection: apsw.Connection, values: Parameters) -> int:
    """Run one write, commit included; return what it took, in nanoseconds."""
    begun = time.perf_counter_ns()
    bound.write(connection, values)
    return time.perf_counter_ns() - begun
