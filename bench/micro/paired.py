"""Paired measurement: every arm takes its turn in every round, on the same drawn parameters.

A lane is an arm, or one of the arms a second time (the A/A pair, which shows what the machine,
and for the base arm its file as well, makes of two equal things). In a round each lane has a new
connection of its own, and lanes take turns draw by draw, in an order that
alternates: a machine that changes its pace every tenth of a second then changes
it for all lanes alike. No time counts before all arms have given the same answer.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bench.engines.answers import answer_hash
from bench.engines.base import Connection, Program
from bench.measure.failures import explained
from bench.measure.files import ArmFiles
from bench.measure.rounds import inner_executions, repetitions, turn_orders
from bench.micro.series import (
    TWIN,
    Latencies,
    Measured,
    Observation,
    lacking,
    lanes_of,
    parts_of_arms,
    twin_of,
)
from bench.study import Operation, Study
from bench.study.hooks import Answer, BoundOperation, Draw, Parameters, hooks_of

# How parameters are drawn; to be raised when runs of one seed would no longer share them.
PARAMETER_SCHEME = 2
TURN_NS = 12_000_000
# Operations whose turn, of all lanes the longest, stays below this get the study's quick rounds.
QUICK_TURN_NS = 150_000_000
MOST_DRAWS = 40
SAMPLE_NS = 1_000_000
LEAST_EXECUTIONS, MOST_EXECUTIONS = 3, 9
# From here on one execution is a sample by itself.
SINGLE_NS = 8_000_000
# Operations up to this long get at least three draws a round: one execution
# of some milliseconds is too short to be steady and too long to repeat often.
STEADY_NS = 200_000_000
STEADY_DRAWS = 3
# A control has to come out as `same`, which takes an interval within the minimum effect
# on both sides; with as many draws as others get it spreads over ±5 % on a shared machine.
CONTROL_FACTOR = 3
# A warm scan takes some 30 ns for each of SQLite's steps.
COLD_NS_A_STEP = 500


@dataclass(frozen=True, slots=True)
class Turn:
    """What a lane does with one draw: executions that are timed, and whether one goes before."""

    arm: str
    executions: int
    warm: bool


class Reads:
    """Measures the read operations of a study on its arms."""

    def __init__(
        self,
        study: Study,
        files: ArmFiles,
        draw: Draw,
        *,
        seed: int,
        turn_ns: int = TURN_NS,
    ) -> None:
        self._study = study
        self._turn_ns = turn_ns
        self._files = files
        self._draw = draw
        self._seed = seed
        self._bind = hooks_of(study).bind
        self._parts = parts_of_arms(files)

    def measure(self, operation: Operation) -> Measured:
        """Measure one operation in all of its lanes.

        Raises:
            BenchError: an arm cannot run the operation.
        """
        lanes = lanes_of(operation, self._parts)
        arms = [lane for lane in lanes if lane != TWIN]
        rng = np.random.default_rng([self._seed, *operation.name.encode()])
        first = self._draw(operation.name, rng)
        observed, answers, typical_ns = self._observe(operation, arms, first)
        missing = lacking(operation, self._parts)
        ordered = self._bind(operation.name, self._parts[arms[0]]).ordered if arms else True
        if len({answer_hash(answer, ordered=ordered) for answer in answers.values()}) > 1:
            return self._unequal(operation, lanes, observed, answers, missing)
        twin = twin_of(self._study, typical_ns)
        arm_of = {arm: arm for arm in arms} | {TWIN: twin}
        turns = {
            lane: turn_of(arm_of[lane], typical_ns[arm_of[lane]], drawn=bool(first))
            for lane in lanes
        }
        sample_ns = max(
            (turn.executions + turn.warm) * typical_ns[turn.arm] for turn in turns.values()
        )
        draws, rounds = self._extent(operation, sample_ns)
        drawn = self._drawn(operation, rounds, draws, rng)
        shared = self._shared(operation, arms, drawn) if sample_ns >= STEADY_NS else {}
        turns = {lane: turn for lane, turn in turns.items() if lane not in shared}
        latencies = {
            lane: np.zeros((rounds, draws, turn.executions), np.int64)
            for lane, turn in turns.items()
        }
        orders = turn_orders(tuple(turns), rng)
        difference: str | None = None
        for index, parameters in enumerate(drawn):
            into = {lane: values[index] for lane, values in latencies.items()}
            hashes = self._round(operation, turns, orders, parameters, into)
            difference = difference or _difference(hashes, parameters)
        latencies |= {arm: latencies[other] for arm, other in shared.items()}
        return Measured(
            operation.name, "read", lanes, {lane: latencies[lane] for lane in lanes}, observed,
            twin, difference is None, difference, missing, shared,
        )  # fmt: skip

    def _drawn(
        self, operation: Operation, rounds: int, draws: int, rng: np.random.Generator
    ) -> list[list[Parameters]]:
        """The parameters of each round.

        How many draws a round has follows from times. As many as it could have are drawn, so
        that runs of one seed share those that both have.
        """
        most = max(draws, CONTROL_FACTOR * MOST_DRAWS)
        every = [[self._draw(operation.name, rng) for _ in range(most)] for _ in range(rounds)]
        return [parameters[:draws] for parameters in every]

    def _shared(
        self, operation: Operation, arms: Sequence[str], drawn: Sequence[Sequence[Parameters]]
    ) -> dict[str, str]:
        """Which arms do the same as an earlier one on the same file, for all that is drawn.

        Statistics alone tell them apart. Where those change no program, a second lane
        would time the first one's work again, seconds at a time for a slow operation.
        """
        first: dict[tuple[Path, tuple[Program, ...]], str] = {}
        found: dict[str, str] = {}
        for arm in arms:
            connection = self._files.open(arm)
            try:
                statements = self._bind(operation.name, self._parts[arm]).statements
                programs = tuple(
                    self._files.engine.program(connection, statements, values)
                    for parameters in drawn
                    for values in parameters
                )
            finally:
                connection.close()
            earlier = first.setdefault((self._files.arms[arm].path, programs), arm)
            if earlier != arm:
                found[arm] = earlier
        return found

    def _extent(self, operation: Operation, sample_ns: int) -> tuple[int, int]:
        """How many draws a round, and how many rounds, for samples of at most `sample_ns`."""
        draws = repetitions(sample_ns, turn_ns=self._turn_ns, most=MOST_DRAWS)
        if sample_ns < STEADY_NS:
            draws = max(draws, STEADY_DRAWS)
        quick = draws * sample_ns < QUICK_TURN_NS
        if operation.control and sample_ns < STEADY_NS:
            draws, quick = CONTROL_FACTOR * draws, True
        return draws, self._study.quick_rounds if quick else self._study.rounds

    def _round(
        self,
        operation: Operation,
        turns: Mapping[str, Turn],
        orders: Iterator[tuple[str, ...]],
        parameters: Sequence[Parameters],
        into: Mapping[str, Latencies],
    ) -> dict[str, list[str]]:
        """Fill one round's latencies, lane by lane (draws, executions); return answer hashes."""
        open_lanes: dict[str, Connection] = {}
        hashes: dict[str, list[str]] = {lane: [] for lane in turns}
        try:
            for lane in next(orders):
                open_lanes[lane] = self._files.open(turns[lane].arm, control=lane == TWIN)
            bound = {
                lane: self._bind(operation.name, self._parts[turn.arm])
                for lane, turn in turns.items()
            }
            with without_gc():
                for draw, values in enumerate(parameters):
                    for lane in next(orders):
                        answer = execute(
                            bound[lane],
                            open_lanes[lane],
                            values,
                            into[lane][draw],
                            warm=turns[lane].warm,
                        )
                        hashes[lane].append(answer_hash(answer, ordered=bound[lane].ordered))
        finally:
            for connection in open_lanes.values():
                connection.close()
        return hashes

    def _observe(
        self, operation: Operation, arms: Sequence[str], parameters: Parameters
    ) -> tuple[dict[str, Observation], dict[str, Answer], dict[str, int]]:
        observed: dict[str, Observation] = {}
        answers: dict[str, Answer] = {}
        typical_ns: dict[str, int] = {}
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
                    observed[arm], answers[arm] = observed[same], answers[same]
                    typical_ns[arm] = typical_ns[same]
                    continue
                begun = time.perf_counter_ns()
                counters, answers[arm] = engine.count(
                    connection, partial(bound.read, connection, parameters)
                )
                typical_ns[arm] = time.perf_counter_ns() - begun
                # Little work in a long time waited for the disk: that is no typical execution.
                cold = typical_ns[arm] > COLD_NS_A_STEP * counters.work
                if cold or typical_ns[arm] < STEADY_NS:
                    again_ns = np.zeros(3, np.int64)
                    execute(bound, connection, parameters, again_ns, warm=False)
                    typical_ns[arm] = int(np.median(again_ns))
                lines = engine.plan(connection, bound.statements, parameters)
                observed[arm] = Observation(counters, lines, len(answers[arm]))
        return observed, answers, typical_ns

    def _unequal(
        self,
        operation: Operation,
        lanes: tuple[str, ...],
        observed: Mapping[str, Observation],
        answers: Mapping[str, Answer],
        lacking: Mapping[str, str],
    ) -> Measured:
        sizes = ", ".join(f"{arm}: {len(answer)} rows" for arm, answer in answers.items())
        return Measured(
            operation.name,
            "read",
            lanes,
            {},
            observed,
            lanes[0],
            False,
            f"the answers differ ({sizes})",
            lacking,
        )


def turn_of(arm: str, typical_ns: int, *, drawn: bool) -> Turn:
    """What a lane does with one draw when an execution takes about `typical_ns`.

    `drawn` says whether draws differ at all: an operation without parameters needs no warm-up.
    """
    executions = inner_executions(
        typical_ns,
        least_ns=SAMPLE_NS,
        least=LEAST_EXECUTIONS,
        most=MOST_EXECUTIONS,
        single_ns=SINGLE_NS,
    )
    # Drawn parameters lie on other pages each time, which may be on disk only.
    return Turn(arm, executions, executions > 1 or (drawn and typical_ns < STEADY_NS))


def execute(
    bound: BoundOperation,
    connection: Connection,
    values: Parameters,
    into: Latencies,
    *,
    warm: bool,
) -> Answer:
    """Execute one draw as often as `into` has room for; return the last answer.

    Times are those of a warm cache. With `warm`, a first execution that is not
    timed fetches the pages of these parameters and takes the processor's caches
    back from the other lanes; executions that are long beside both need none.
    """
    answer: Answer = []
    if warm:
        bound.read(connection, values)
    for execution in range(len(into)):
        begun = time.perf_counter_ns()
        answer = bound.read(connection, values)
        into[execution] = time.perf_counter_ns() - begun
    return answer


@contextmanager
def without_gc() -> Iterator[None]:
    """Keep Python's collector from running within what is timed."""
    collect = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collect:
            gc.enable()


def _difference(
    hashes: Mapping[str, Sequence[str]], parameters: Sequence[Parameters]
) -> str | None:
    for draw, values in enumerate(parameters):
        if len({answers[draw] for answers in hashes.values()}) > 1:
            return f"the answers differ for {dict(values)}"
    return None
