"""Paired times of the distinct programs of one file, lanes taking turns.

What is timed was observed before (`bench.analysis.observations`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from bench.analysis.observations import drawn, said
from bench.engines.answers import answer_hash
from bench.engines.base import Connection, DatabaseState
from bench.engines.registry import engine_of
from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge.evidence import Observed, Paired
from bench.judge.stats import Rounds
from bench.measure.rounds import repetitions, turn_orders
from bench.micro.paired import STEADY_NS, Turn, execute, turn_of, without_gc
from bench.micro.series import Latencies, sample_medians
from bench.study import Operation, Study
from bench.study.hooks import Draw, Parameters, hooks_of

TWIN = -1
# A turn of the slowest lane, and draws a round: times only confirm what counters decide.
TURN_NS = 6_000_000
MOST_DRAWS = 12
STEADY_DRAWS = 2
# From here on planning anew is nothing beside the execution: it takes some 10 µs.
PLANNED_NS = 5_000_000


def lanes_of(observed: Observed, states: Iterable[str]) -> dict[str, int]:
    """Which lane does the work of each state: states of one program share one.

    Samples of values make SQLite plan a short query anew each time, which no program shows;
    beside what takes long it weighs nothing.
    """
    keys: dict[tuple[int, bool], int] = {}
    found = {}
    for state in states:
        seen = observed.states[state]
        samples = seen.samples and seen.duration_ns < PLANNED_NS
        found[state] = keys.setdefault((seen.program, samples), len(keys))
    return found


def time_programs(
    study: Study,
    observed: Observed,
    states: Sequence[DatabaseState],
    draw: Draw,
    *,
    seed: int,
    rounds: int,
) -> Paired:
    """Time each distinct program of one read operation among these states, and one twice.

    In a round each lane has a new connection, opened while the file was in its state, and
    lanes take turns draw by draw, in random orders that go there and back (ABBA). Lanes keep
    the schema and the statistics that they opened with, whatever the file holds meanwhile.
    The A/A pair is that of the fastest lane, which the machine's unrest moves most.

    Raises:
        BenchError: the answers of two lanes differ, or an operation cannot run.
    """
    operation = study.operation(observed.operation)
    lane_of = lanes_of(observed, [state.name for state in states])
    first = {lane_of[state.name]: state for state in reversed(states)}
    lanes = {lane: first[lane] for lane in sorted(first)}
    took = {lane: observed.states[state.name].duration_ns for lane, state in lanes.items()}
    twin = min(took, key=lambda lane: took[lane])
    lanes[TWIN], took[TWIN] = lanes[twin], took[twin]
    turns = {lane: turn_of(str(lane), took[lane], drawn=True) for lane in lanes}
    slowest_ns = max((turns[lane].executions + turns[lane].warm) * took[lane] for lane in lanes)
    draws = _draws(slowest_ns)
    values = drawn(draw, operation, seed, rounds * draws)
    into = {
        lane: np.zeros((rounds, draws, turn.executions), np.int64) for lane, turn in turns.items()
    }
    orders = turn_orders(tuple(map(str, lanes)), np.random.default_rng([seed, rounds]))
    for index in range(rounds):
        here = {lane: latencies[index] for lane, latencies in into.items()}
        _round(study, operation, lanes, turns, orders, values[index * draws :][:draws], here)
    return Paired(
        operation=operation.name,
        lane_of=lane_of,
        rounds={lane: _rounds(into[lane]) for lane in lanes if lane != TWIN},
        executions_ns={
            lane: tuple(into[lane].reshape(-1).tolist()) for lane in lanes if lane != TWIN
        },
        twin_of=twin,
        twin=_rounds(into[TWIN]),
    )


def _draws(slowest_ns: int) -> int:
    """How many draws a round holds; one of what is slow, whose time hardly depends on luck."""
    if slowest_ns >= STEADY_NS:
        return 1
    return max(STEADY_DRAWS, repetitions(slowest_ns, turn_ns=TURN_NS, most=MOST_DRAWS))


def _rounds(latencies: Latencies) -> Rounds:
    return tuple(tuple(draws) for draws in sample_medians(latencies))


def _round(
    study: Study,
    operation: Operation,
    lanes: Mapping[int, DatabaseState],
    turns: Mapping[int, Turn],
    orders: Iterator[tuple[str, ...]],
    values: Sequence[Parameters],
    into: Mapping[int, Latencies],
) -> None:
    """Fill one round's latencies, lane by lane (draws, executions)."""
    engine = engine_of(study)
    open_lanes: dict[int, Connection] = {}
    try:
        for lane in map(int, next(orders)):
            open_lanes[lane] = lanes[lane].open()
        have = engine.parts(next(iter(open_lanes.values())))
        bound = hooks_of(study).bind(operation.name, have)
        with without_gc():
            for draw, each in enumerate(values):
                hashes = {}
                for lane in map(int, next(orders)):
                    with said(engine, operation, lanes[lane]):
                        answer = execute(
                            bound, open_lanes[lane], each, into[lane][draw], warm=turns[lane].warm
                        )
                    hashes[lanes[lane].name] = answer_hash(answer, ordered=bound.ordered)
                if len(set(hashes.values())) > 1:
                    raise BenchError(
                        f"{operation.name} is answered differently for {dict(each)} in the "
                        f"states {', '.join(hashes)}; check its ORDER BY for a unique last key.",
                        INVALID,
                    )
    finally:
        for connection in open_lanes.values():
            connection.close()
