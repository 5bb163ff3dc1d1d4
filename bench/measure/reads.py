"""Paired measurement of reads: every arm takes part in every round, with the same parameters.

No time counts before all arms have given the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np

from bench.engines.answers import answer_hash
from bench.engines.base import Program
from bench.measure.failures import explained
from bench.measure.files import ArmFiles
from bench.measure.paired import Rounds
from bench.measure.series import (
    AA_CONTROL,
    Measured,
    Observation,
    controlled_arm,
    lacking,
    parts_of_arms,
    series_of,
)
from bench.measure.timing import (
    STEADY_NS,
    FirstExecution,
    ReadSeries,
    execute_first,
    samples_per_round,
    slice_of,
    time_reads,
)
from bench.study import Operation, Study
from bench.study.hooks import Parameters, ParameterSampler, hooks_of

# How parameters are drawn; to be raised when runs of one seed would no longer share them.
PARAMETER_SCHEME = 2
SLICE_NS = 12_000_000
# What all rounds of one series may take, of all series the longest: for so long an operation gets
# more than the study's rounds, up to its quick rounds. A step instead, from 7 rounds to 30, made
# intervals of what lies beside it wide in one run and narrow in the next.
SERIES_NS = 4_500_000_000
MOST_SAMPLES = 40
STEADY_SAMPLES = 3
# A control has to come out as `same`, which takes an interval within the minimum effect
# on both sides; with as many samples as others get it spreads over ±5 % on a shared machine.
CONTROL_FACTOR = 3


class Reads:
    """Measures the read operations of a study on its arms."""

    def __init__(
        self,
        study: Study,
        files: ArmFiles,
        sample_parameters: ParameterSampler,
        *,
        seed: int,
        slice_ns: int = SLICE_NS,
    ) -> None:
        self._study = study
        self._slice_ns = slice_ns
        self._files = files
        self._sample_parameters = sample_parameters
        self._seed = seed
        self._bind = hooks_of(study).bind
        self._parts = parts_of_arms(files)

    def measure(self, operation: Operation) -> Rounds[Measured]:
        """Measure one operation in all of its series, round by round.

        Raises:
            BenchError: an arm cannot run the operation.
        """
        names = series_of(operation, self._parts)
        arms = [name for name in names if name != AA_CONTROL]
        rng = np.random.default_rng([self._seed, *operation.name.encode()])
        parameters = self._sample_parameters(operation.name, rng)
        observed, typical_ns, difference = self._execute_first(operation, arms, parameters)
        missing = lacking(operation, self._parts)
        if difference is not None:
            return Measured(
                operation.name, "read", names, {}, observed, names[0], False, difference, missing
            )
        controlled = controlled_arm(self._study, typical_ns)
        series = {
            name: self._series(operation, name, controlled, typical_ns, varied=bool(parameters))
            for name in names
        }
        sample_ns = max(
            (each.slice.executions + each.slice.warm)
            * typical_ns[controlled if name == AA_CONTROL else name]
            for name, each in series.items()
        )
        rounds = self._parameters(operation, *self._extent(operation, sample_ns), rng)
        if AA_CONTROL in series:
            # Each arm has executed once. What is long is not warmed up in its slices, and without
            # this the control's first sample was that of a cold file: 2.5 times the base's.
            with closing(series[AA_CONTROL].open()) as connection:
                series[AA_CONTROL].bound.read(connection, parameters)
        shared = self._shared(operation, arms, rounds) if sample_ns >= STEADY_NS else {}
        timed = yield from time_reads(
            {name: each for name, each in series.items() if name not in shared}, rounds, rng
        )
        latencies = dict(timed.latencies_ns)
        latencies |= {arm: latencies[other] for arm, other in shared.items()}
        unequal = timed.unequal
        difference = None if unequal is None else f"the answers differ for {dict(unequal)}"
        return Measured(
            operation.name, "read", names, {name: latencies[name] for name in names}, observed,
            controlled, unequal is None, difference, missing, shared,
        )  # fmt: skip

    def _series(
        self,
        operation: Operation,
        name: str,
        controlled: str,
        typical_ns: Mapping[str, int],
        *,
        varied: bool,
    ) -> ReadSeries:
        arm = controlled if name == AA_CONTROL else name
        return ReadSeries(
            partial(self._files.open, arm, control=name == AA_CONTROL),
            self._bind(operation.name, self._parts[arm]),
            slice_of(typical_ns[arm], varied=varied),
        )

    def _parameters(
        self, operation: Operation, samples: int, rounds: int, rng: np.random.Generator
    ) -> list[list[Parameters]]:
        """The parameters of each round.

        How many samples a round has follows from times. As many as it could have are drawn, so
        that runs of one seed share those that both have.
        """
        most = max(samples, CONTROL_FACTOR * MOST_SAMPLES)
        every = [
            [self._sample_parameters(operation.name, rng) for _ in range(most)]
            for _ in range(rounds)
        ]
        return [parameters[:samples] for parameters in every]

    def _shared(
        self, operation: Operation, arms: Sequence[str], rounds: Sequence[Sequence[Parameters]]
    ) -> dict[str, str]:
        """Which arms do the same as an earlier one on the same file, for all parameters.

        Statistics alone tell them apart. Where those change no program, a second series
        would time the first one's work again, seconds at a time for a slow operation.
        """
        first: dict[tuple[Path, tuple[Program, ...]], str] = {}
        shared: dict[str, str] = {}
        for arm in arms:
            statements = self._bind(operation.name, self._parts[arm]).statements
            with closing(self._files.open(arm)) as connection:
                programs = tuple(
                    self._files.engine.program(connection, statements, values)
                    for parameters in rounds
                    for values in parameters
                )
            earlier = first.setdefault((self._files.arms[arm].path, programs), arm)
            if earlier != arm:
                shared[arm] = earlier
        return shared

    def _extent(self, operation: Operation, sample_ns: int) -> tuple[int, int]:
        """How many samples a round, and how many rounds, for samples of at most `sample_ns`."""
        samples = samples_per_round(
            sample_ns, slice_ns=self._slice_ns, most=MOST_SAMPLES, steady=STEADY_SAMPLES
        )
        rounds = min(self._study.quick_rounds, SERIES_NS // (samples * sample_ns))
        if operation.control and sample_ns < STEADY_NS:
            samples, rounds = CONTROL_FACTOR * samples, self._study.quick_rounds
        return samples, max(self._study.rounds, rounds)

    def _execute_first(
        self, operation: Operation, arms: Sequence[str], parameters: Parameters
    ) -> tuple[dict[str, Observation], dict[str, int], str | None]:
        """What each arm does, about how long it takes in ns, and how the answers differ.

        No answer is kept: other operations take their turns before this one ends.
        """
        observed, first = self._observe(operation, arms, parameters)
        ordered = self._bind(operation.name, self._parts[arms[0]]).ordered if arms else True
        answers = {arm: execution.answer for arm, execution in first.items()}
        difference = None
        if len({answer_hash(answer, ordered=ordered) for answer in answers.values()}) > 1:
            sizes = ", ".join(f"{arm}: {len(answer)} rows" for arm, answer in answers.items())
            difference = f"the answers differ ({sizes})"
        typical_ns = {arm: execution.typical_ns for arm, execution in first.items()}
        return observed, typical_ns, difference

    def _observe(
        self, operation: Operation, arms: Sequence[str], parameters: Parameters
    ) -> tuple[dict[str, Observation], dict[str, FirstExecution]]:
        observed: dict[str, Observation] = {}
        first: dict[str, FirstExecution] = {}
        # Arms that differ in statistics alone share a file. Where those change nothing in a
        # program, it would do the same there once more: what it did the first time holds.
        done: dict[tuple[Path, Program], str] = {}
        engine = self._files.engine
        for arm in arms:
            what = f"The arm {arm} cannot run {operation.name}"
            with (
                closing(self._files.open(arm)) as connection,
                explained(engine, what, "the query against the arm's migrations"),
            ):
                bound = self._bind(operation.name, self._parts[arm])
                program = engine.program(connection, bound.statements, parameters)
                same = done.setdefault((self._files.arms[arm].path, program), arm)
                if same != arm:
                    observed[arm], first[arm] = observed[same], first[same]
                    continue
                first[arm] = execute_first(engine, bound, connection, parameters)
                lines = engine.plan(connection, bound.statements, parameters)
                observed[arm] = Observation(first[arm].counters, lines, len(first[arm].answer))
        return observed, first
