"""Paired measurement of writes: real commits, each round from one defined state.

In a round every file begins as it was built, with an empty write-ahead log and new connections.
Each write is executed on every file in turn: first on a second connection, which rolls
it back and so fetches the pages that it needs, then for real, which is timed. What was written
stays in the log, and goes with it when the round ends. So neither what ran before nor the rounds
before decide a time. The base arm's control is a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from bench.engines.base import Counters, Engine, WriteSession
from bench.measure.failures import explained
from bench.measure.files import ArmFiles
from bench.measure.paired import Rounds, paired_rounds, series_orders, without_gc
from bench.measure.series import AA_CONTROL, Measured, Observation, lacking, parts_of_arms
from bench.measure.timing import CLOCK
from bench.study import Operation, Study
from bench.study.hooks import BoundOperation, Parameters, ParameterSampler, hooks_of

SAMPLES = 25
ATTEMPTS_FOR_EACH = 50


class Writes:
    """Measures the write operations of a study.

    Of arms that share a file the first is measured. Every file is afterwards what it was.

    Raises:
        ValueError: `files` have no control, on whose file the base is measured again.
    """

    def __init__(
        self, study: Study, files: ArmFiles, sample_parameters: ParameterSampler, *, seed: int
    ) -> None:
        if files.control is None:
            raise ValueError("Writes need a control; build the arms with control=True.")
        self._control = files.control.path
        self._study = study
        self._files = files
        self._sample_parameters = sample_parameters
        self._seed = seed
        self._bind = hooks_of(study).bind
        self._arms = self._one_arm_a_file()
        self._parts = parts_of_arms(files)

    @property
    def series(self) -> tuple[str, ...]:
        """The series of every operation, the base and its control first."""
        base = self._study.base
        return (base, AA_CONTROL, *(arm for arm in self._arms if arm != base))

    def measure(self, operation: Operation) -> Rounds[Measured]:
        """Measure one write operation on every file, round by round.

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
        parameters = distinct_parameters(
            self._sample_parameters, operation, 1 + rounds * SAMPLES, rng
        )
        samples = min(SAMPLES, len(parameters))
        left_out = {
            arm: "it shares its file, and so its cost of writing, with another arm"
            for arm in self._files.arms
            if arm not in self._arms
        }
        observed = {arm: self._observe(operation, arm, parameters[0]) for arm in self._arms}
        # Each round begins anew, so that rows which were used up are there again.
        chosen = [
            [parameters[(first + sample) % len(parameters)] for sample in range(samples)]
            for first in range(0, rounds * samples, samples)
        ]
        latencies = {name: np.zeros((rounds, samples, 1), np.int64) for name in self.series}
        differences: list[str | None] = []
        opened = partial(self._round, operation, rng, differences)
        orders = series_orders(self.series, rng)
        yield rounds
        for number, measured in enumerate(paired_rounds(chosen, opened, orders)):
            for name, times_ns in measured.items():
                latencies[name][number, :, 0] = times_ns
            yield rounds - number - 1
        difference = next(filter(None, differences), None)
        return Measured(
            operation.name, "write", self.series, latencies, observed, base, difference is None,
            difference, left_out,
        )  # fmt: skip

    def _one_arm_a_file(self) -> tuple[str, ...]:
        by_path = {self._files.arms[arm].path: arm for arm in reversed(self._files.arms)}
        return tuple(arm for arm in self._files.arms if arm in by_path.values())

    def _path(self, series: str) -> Path:
        """The file of a series, in its arm's state."""
        if series == AA_CONTROL:
            return self._control
        return self._files.switch(series).path

    def _bound(self, operation: Operation, series: str) -> BoundOperation:
        arm = self._study.base if series == AA_CONTROL else series
        return self._bind(operation.name, self._parts[arm])

    @contextmanager
    def _open_sessions(self, series: Sequence[str]) -> Iterator[dict[str, WriteSession]]:
        """New sessions on the files of series; what they write is gone after the block."""
        paths = {name: self._path(name) for name in series}
        self._files.close()
        with ExitStack() as stack:
            yield {
                name: stack.enter_context(self._files.engine.write_session(path))
                for name, path in paths.items()
            }

    @contextmanager
    def _round(
        self, operation: Operation, rng: np.random.Generator, differences: list[str | None]
    ) -> Iterator[Mapping[str, Callable[[Parameters], int]]]:
        """Open every file for a round; `differences` gets how their states differ after it."""
        engine = self._files.engine
        check = f"that its parameters can be written in the state of {self._study.base}"
        # Which connection gets its memory first may decide its pace.
        order = [self.series[index] for index in rng.permutation(len(self.series))]
        with self._open_sessions(order) as sessions:
            watched = engine.watch_writes([*sessions.values()])
            with explained(engine, f"An arm refuses {operation.name}", check), without_gc():
                yield {
                    name: partial(_time_write, engine, self._bound(operation, name), session)
                    for name, session in sessions.items()
                }
            differences.append(watched.difference())

    def _observe(self, operation: Operation, arm: str, parameters: Parameters) -> Observation:
        """Write once on a new connection, which holds few pages, and commit."""
        bound, engine = self._bound(operation, arm), self._files.engine
        check = "that its parameters can be written in the dataset's state"
        with self._open_sessions([arm]) as sessions:
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


def distinct_parameters(
    sample_parameters: ParameterSampler, operation: Operation, wanted: int, rng: np.random.Generator
) -> list[Parameters]:
    """Draw up to `wanted` parameter sets, each another one, and none that uses up another's row.

    Fewer come back where there are fewer: a second time a row would be gone, or there already.
    """
    distinct: dict[object, Parameters] = {}
    for _ in range(wanted * ATTEMPTS_FOR_EACH):
        if len(distinct) == wanted:
            break
        parameters = sample_parameters(operation.name, rng)
        key = (
            tuple(sorted(parameters.items()))
            if operation.exclusive is None
            else parameters[operation.exclusive]
        )
        distinct.setdefault(key, parameters)
    return list(distinct.values())


def _time_write(
    engine: Engine, bound: BoundOperation, session: WriteSession, parameters: Parameters
) -> int:
    """Run one write, commit included; return what it took, in nanoseconds."""
    CLOCK.begin()
    # Run once and rolled back: its pages are at hand then.
    with engine.rolled_back(session.warming):
        bound.run(session.warming, parameters)
    begun = CLOCK.start()
    bound.write(session.timed, parameters)
    return CLOCK.since(begun)
