"""Paired times of the distinct programs of one file.

What is timed was observed before (`bench.analysis.observations`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing

import numpy as np

from bench.analysis.observations import explain_state, first_parameters
from bench.engines.base import DatabaseState
from bench.engines.registry import engine_of
from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge.evidence import Observed, Paired
from bench.judge.stats import Rounds
from bench.measure.paired import on_end
from bench.measure.timing import (
    Latencies,
    ReadSeries,
    Slice,
    sample_medians,
    samples_per_round,
    slice_of,
    time_reads,
)
from bench.study import Operation, Study
from bench.study.hooks import Parameters, ParameterSampler, hooks_of

AA_CONTROL = -1
# A slice of the slowest series, and samples a round: times only confirm what counters decide.
SLICE_NS = 6_000_000
MOST_SAMPLES = 12
STEADY_SAMPLES = 2
# From here on planning anew is nothing beside the execution: it takes some 10 µs.
PLANNED_NS = 5_000_000


def series_of(observed: Observed, states: Iterable[str]) -> dict[str, int]:
    """Which series does the work of each state: states of one program share one.

    Samples of values make SQLite plan a short query anew each time, which no program shows;
    beside what takes long it weighs nothing.
    """
    numbers: dict[tuple[int, bool], int] = {}
    series = {}
    for state in states:
        seen = observed.states[state]
        samples = seen.samples and seen.duration_ns < PLANNED_NS
        series[state] = numbers.setdefault((seen.program, samples), len(numbers))
    return series


def time_programs(
    study: Study,
    observed: Observed,
    states: Sequence[DatabaseState],
    sample_parameters: ParameterSampler,
    *,
    seed: int,
    rounds: int,
) -> Paired:
    """Time each distinct program of one read operation among these states, and one twice.

    Connections are opened while the file is in their state, and keep the schema and the
    statistics that they opened with, whatever the file holds meanwhile. The A/A control is that
    of the fastest series, which the machine's unrest moves most.

    Raises:
        BenchError: the answers of two series differ, or an operation cannot run.
    """
    operation = study.operation(observed.operation)
    numbers = series_of(observed, [state.name for state in states])
    first = {numbers[state.name]: state for state in reversed(states)}
    typical_ns = {name: observed.states[first[name].name].duration_ns for name in sorted(first)}
    controlled = min(typical_ns, key=lambda name: typical_ns[name])
    typical_ns[AA_CONTROL], first[AA_CONTROL] = typical_ns[controlled], first[controlled]
    slices = {name: slice_of(each, varied=True) for name, each in typical_ns.items()}
    sample_ns = max(
        (slices[name].executions + slices[name].warm) * each for name, each in typical_ns.items()
    )
    samples = samples_per_round(
        sample_ns, slice_ns=SLICE_NS, most=MOST_SAMPLES, steady=STEADY_SAMPLES
    )
    every = first_parameters(sample_parameters, operation, seed, rounds * samples)
    parameters = [every[index:][:samples] for index in range(0, len(every), samples)]
    rng = np.random.default_rng([seed, rounds])
    latencies = _latencies(study, operation, first, slices, parameters, rng)
    control = latencies.pop(AA_CONTROL)
    return Paired(
        operation=operation.name,
        series_of=numbers,
        rounds={name: _rounds(each) for name, each in latencies.items()},
        executions_ns={name: tuple(each.reshape(-1).tolist()) for name, each in latencies.items()},
        control_of=controlled,
        control=_rounds(control),
    )


def _latencies(
    study: Study,
    operation: Operation,
    states: Mapping[int, DatabaseState],
    slices: Mapping[int, Slice],
    parameters: Sequence[Sequence[Parameters]],
    rng: np.random.Generator,
) -> dict[int, Latencies]:
    """Time an operation in the state of each series."""
    engine, some = engine_of(study), next(iter(states.values()))
    with closing(some.open()) as connection:
        bound = hooks_of(study).bind(operation.name, engine.parts(connection))
    series = {name: ReadSeries(states[name].open, bound, each) for name, each in slices.items()}
    with explain_state(engine, operation, some):
        timed = on_end(time_reads(series, parameters, rng))
    if timed.unequal is not None:
        names = ", ".join(dict.fromkeys(state.name for state in states.values()))
        raise BenchError(
            f"{operation.name} is answered differently for {dict(timed.unequal)} in the states "
            f"{names}; check its ORDER BY for a unique last key.",
            INVALID,
        )
    return dict(timed.latencies_ns)


def _rounds(latencies: Latencies) -> Rounds:
    return tuple(tuple(samples) for samples in sample_medians(latencies))
