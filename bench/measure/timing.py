"""Times of read operations in the paired loop, and how much of them a round holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from bench.engines.answers import answer_hash
from bench.engines.base import Connection, Counters, Engine
from bench.measure.core_clock import CoreClock
from bench.measure.paired import Rounds, paired_rounds, series_orders, without_gc
from bench.study.hooks import Answer, BoundOperation, Parameters

SAMPLE_NS = 1_000_000
LEAST_EXECUTIONS, MOST_EXECUTIONS = 3, 9
# From here on one execution is a sample by itself.
SINGLE_NS = 8_000_000
# Operations up to this long get several samples a round: one execution of some milliseconds is
# too short to be steady and too long to repeat often.
STEADY_NS = 200_000_000
# A warm scan takes some 30 ns for each of SQLite's steps.
COLD_NS_A_STEP = 500

# What others take of the core meanwhile is no time of the operation: beside seven busy processes a
# scan of some milliseconds took eight times its time, and what took microseconds its own.
CLOCK = CoreClock()

Latencies = npt.NDArray[np.int64]
Series = TypeVar("Series")


@dataclass(frozen=True, slots=True)
class FirstExecution:
    """What the first execution on a connection gave; `typical_ns` is about what others take."""

    counters: Counters
    answer: Answer
    typical_ns: int


@dataclass(frozen=True, slots=True)
class Slice:
    """What a series does with one parameter set: timed executions, and whether one goes before.

    The execution before them fetches the pages of these parameters and takes the processor's
    caches back from the other series; executions that are long beside both need none.
    """

    executions: int
    warm: bool


@dataclass(frozen=True, slots=True)
class ReadSeries:
    """One series of reads: `open` gives a new connection in the state that is measured."""

    open: Callable[[], Connection]
    bound: BoundOperation
    slice: Slice


@dataclass(frozen=True, slots=True)
class ReadTimes(Generic[Series]):
    """Latencies by series, of shape (rounds, samples, executions).

    `unequal` are the first parameters that series answered differently, None where there are none.
    """

    latencies_ns: Mapping[Series, Latencies]
    unequal: Parameters | None


def execute_first(
    engine: Engine, bound: BoundOperation, connection: Connection, parameters: Parameters
) -> FirstExecution:
    """Execute once and count; execute again where that was too quick, or slow for its work."""
    CLOCK.begin()
    begun = CLOCK.start()
    counters, answer = engine.count(connection, partial(bound.read, connection, parameters))
    typical_ns = CLOCK.since(begun)
    # Little work in a long time waited for the disk: that is no typical execution.
    if typical_ns > COLD_NS_A_STEP * counters.work or typical_ns < STEADY_NS:
        executions = 1 if typical_ns > STEADY_NS else 3
        _, times_ns = execute(bound, connection, Slice(executions, warm=False), parameters)
        typical_ns = int(median(times_ns))
    return FirstExecution(counters, answer, typical_ns)


def slice_of(typical_ns: int, *, varied: bool) -> Slice:
    """What a series does with one parameter set when an execution takes about `typical_ns`.

    `varied` says whether parameter sets differ at all: an operation without parameters needs no
    warm-up.
    """
    executions = executions_of(typical_ns)
    # Other parameters lie on other pages each time, which may be on disk only.
    return Slice(executions, executions > 1 or (varied and typical_ns < STEADY_NS))


def executions_of(typical_ns: int) -> int:
    """How often one series executes one parameter set: odd, the sample being their median.

    Enough that the sample rests on SAMPLE_NS, between LEAST_EXECUTIONS and MOST_EXECUTIONS; once
    where a single execution takes SINGLE_NS or more, beside which caches weigh nothing.
    """
    if typical_ns >= SINGLE_NS:
        return 1
    wanted = -(-SAMPLE_NS // max(1, typical_ns))
    executions = max(LEAST_EXECUTIONS, min(MOST_EXECUTIONS, wanted))
    return executions - (executions + 1) % 2


def samples_per_round(sample_ns: int, *, slice_ns: int, most: int, steady: int) -> int:
    """How many parameter sets a round holds when the slowest series needs `sample_ns` for one.

    As many as fit into `slice_ns`, between 1 and `most`, and at least `steady` of samples below
    STEADY_NS. The number of rounds is never touched.
    """
    least = steady if sample_ns < STEADY_NS else 1
    return max(least, min(most, slice_ns // max(1, sample_ns)))


def time_reads(
    series: Mapping[Series, ReadSeries],
    rounds: Sequence[Sequence[Parameters]],
    rng: np.random.Generator,
) -> Rounds[ReadTimes[Series]]:
    """Time the same parameters in all series, in paired rounds, each on new connections.

    Every round has as many parameter sets as the first.
    """
    latencies = {
        name: np.zeros((len(rounds), len(rounds[0]), each.slice.executions), np.int64)
        for name, each in series.items()
    }
    orders = series_orders(tuple(series), rng)
    measured = paired_rounds(rounds, partial(_open_series, series, rng), orders)
    unequal: Parameters | None = None
    yield len(rounds)
    for number, (parameters, samples) in enumerate(zip(rounds, measured, strict=True)):
        for name, each in samples.items():
            latencies[name][number] = [times_ns for _, times_ns in each]
        answers = zip(*([answer for answer, _ in each] for each in samples.values()), strict=True)
        for values, given in zip(parameters, answers, strict=True):
            if unequal is None and len(set(given)) > 1:
                unequal = values
        yield len(rounds) - number - 1
    return ReadTimes(latencies, unequal)


@contextmanager
def _open_series(
    series: Mapping[Series, ReadSeries], rng: np.random.Generator
) -> Iterator[Mapping[Series, Callable[[Parameters], tuple[str, list[int]]]]]:
    """Open every series; which connection gets its memory first may decide its pace."""
    names = list(series)
    connections: dict[Series, Connection] = {}
    with ExitStack() as stack:
        for index in rng.permutation(len(names)):
            connection = series[names[index]].open()
            connections[names[index]] = stack.enter_context(closing(connection))
        stack.enter_context(without_gc())
        yield {
            name: partial(_sample, each.bound, connections[name], each.slice)
            for name, each in series.items()
        }


def _sample(
    bound: BoundOperation, connection: Connection, each: Slice, parameters: Parameters
) -> tuple[str, list[int]]:
    answer, times_ns = execute(bound, connection, each, parameters)
    return answer_hash(answer, ordered=bound.ordered), times_ns


def execute(
    bound: BoundOperation, connection: Connection, each: Slice, parameters: Parameters
) -> tuple[Answer, list[int]]:
    """Execute one parameter set; return the last answer, and the times of a warm cache in ns."""
    answer: Answer = []
    times_ns: list[int] = []
    CLOCK.begin()
    if each.warm:
        bound.read(connection, parameters)
    for _ in range(each.executions):
        begun = CLOCK.start()
        answer = bound.read(connection, parameters)
        times_ns.append(CLOCK.since(begun))
    return answer, times_ns


def sample_medians(latencies: Latencies) -> list[list[int]]:
    """One value for each sample of each round: the median of its executions, in ns."""
    return [[int(median(executions)) for executions in samples] for samples in latencies.tolist()]
