"""The planner's statistics in every state that somebody might leave them in: measured on one arm.

Measuring room: talks to one private file; judges nothing and shows nothing. Each state is
gathered once, by the statements that a user would run, and its rows are kept; afterwards
they are put in and out again, so that all states of one file can take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from bench.analysis.observations import observe
from bench.analysis.timing import lanes_of, time_programs
from bench.engines.sqlite.connection import connect
from bench.engines.sqlite.index_hiding import PrivateFile, State
from bench.engines.sqlite.statistics import NONE, Statistics, capture, put
from bench.judge.evidence import Observed, Paired
from bench.judge.matrix import StatisticsRecord
from bench.micro.paired import STEADY_NS
from bench.results.statistics import State as GatheredState
from bench.study import Operation, Study
from bench.study.hooks import Draw, hooks_of

# Operations as quick as this get the study's quick rounds.
QUICK_NS = 5_000_000
# What every state answers by the same long program is timed for its figure only.
FIGURE_ROUNDS = 3
LIMITS = (
    "Writes are observed and rolled back, and not timed: statistics change what a write looks up, "
    "not what it has to keep up.",
    "States that run the same program are timed as one; where samples of values make SQLite plan "
    "a short query anew at each execution they are timed apart.",
)
UNTIMED = "writes are observed and rolled back, not timed"


@dataclass(frozen=True, slots=True)
class StateSpec:
    """One way to gather statistics: a name, words for it, and the statements."""

    name: str
    title: str
    statements: tuple[str, ...] = ()


# What Cloudflare's page on D1 advises after CREATE INDEX is plain `PRAGMA optimize`
# (https://developers.cloudflare.com/d1/best-practices/use-indexes/). Since 3.46 SQLite runs
# it with an analysis limit of 2,000 (mask bit 0x10, on by default), and looks at a table
# that the connection has not queried if one of its indexes has no statistics yet
# (https://www.sqlite.org/pragma.html#pragma_optimize).
STATES: tuple[StateSpec, ...] = (
    StateSpec("none", "no statistics"),
    StateSpec("optimize", "PRAGMA optimize", ("PRAGMA optimize",)),
    StateSpec(
        "limited", "ANALYZE with a limit of 2,000", ("PRAGMA analysis_limit = 2000", "ANALYZE")
    ),
    StateSpec("full", "ANALYZE without samples", ("ANALYZE", "DELETE FROM sqlite_stat4")),
    StateSpec("samples", "ANALYZE with samples of values", ("ANALYZE",)),
)
# What SQLite advises where a long-lived connection is opened: a mask that leaves the limit's
# bit out. It is gathered and held against the states, and not measured again.
BESIDE: tuple[StateSpec, ...] = (
    StateSpec("optimize_on_open", "PRAGMA optimize=0x10002", ("PRAGMA optimize=0x10002",)),
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """The statistics that one way of gathering left, and what gathering them took."""

    spec: StateSpec
    statistics: Statistics
    duration_ns: int

    def count(self, table: str) -> int:
        """How many rows it left in a statistics table."""
        return len(dict(self.statistics.rows).get(table, ()))

    def rows_per_key(self) -> dict[str, int]:
        """Of each index the rows for one value of its first column, as sqlite_stat1 tells.

        The text in `stat` is a list: rows of the index, then rows for one value of the first
        column, of the first two, and so on (https://www.sqlite.org/fileformat2.html#stat1tab).
        """
        rows = dict(self.statistics.rows).get("sqlite_stat1", ())
        lists = {str(index): str(stat).split() for _, index, stat in rows if index is not None}
        return {index: int(words[1]) for index, words in lists.items() if len(words) > 1}


def gather(
    path: Path,
    specs: tuple[StateSpec, ...] = STATES,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Gathered, ...]:
    """Gather each state in turn, on a file that may be written to; it has no statistics after.

    Each on a connection of its own: the limit of one must not reach the next, and PRAGMA
    optimize depends on what its connection has asked before.
    """
    return tuple(_gathered(path, specs, progress))


def _gathered(
    path: Path, specs: tuple[StateSpec, ...], progress: Callable[[str], None]
) -> Iterator[Gathered]:
    for spec in specs:
        progress(f"gathering {spec.title}")
        _forget(path)
        connection = connect(path)
        try:
            begun = time.perf_counter_ns()
            _run(connection, spec)
            duration_ns = time.perf_counter_ns() - begun
            yield Gathered(spec, capture(connection), duration_ns if spec.statements else 0)
        finally:
            connection.close()
            _forget(path)


def _run(connection: apsw.Connection, spec: StateSpec) -> None:
    for statement in spec.statements:
        connection.execute(statement).fetchall()


def _forget(path: Path) -> None:
    """Leave no row of statistics in the file."""
    connection = connect(path)
    try:
        put(connection, NONE)
    finally:
        connection.close()


def same_as(gathered: tuple[Gathered, ...], one: Gathered) -> str | None:
    """The first state before this one that left exactly the same rows."""
    for other in gathered:
        if other.spec.name == one.spec.name:
            return None
        if other.statistics == one.statistics:
            return other.spec.name
    return None


def measure_matrix(
    path: Path,
    study: Study,
    draw: Draw,
    dataset: Mapping[str, Any],
    *,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
) -> StatisticsRecord:
    """Gather every state on the judged arm's file, and measure every operation in each.

    `path` is a copy that belongs to the run and that nobody else has open; it holds afterwards
    what it held, without statistics.

    Raises:
        BenchError: an operation cannot run, or two states answer it differently.
    """
    gathered = gather(path, (*STATES, *BESIDE), progress=progress)
    with PrivateFile(path) as file:
        states = [
            file.state(one.spec.name, statistics=one.statistics)
            for one in gathered
            if one.spec in STATES
        ]
        observed = observe(
            states, study.operations, draw, hooks_of(study).bind, seed=seed, progress=progress
        )
        timed = dict(_timed(study, observed, states, draw, seed, progress))
    known = [_state(gathered, one) for one in gathered]
    return StatisticsRecord(
        study=study,
        dataset=dataset,
        arm=study.judged,
        sqlite_version=apsw.sqlite_lib_version(),
        states=tuple(known[: len(STATES)]),
        beside=tuple(known[len(STATES) :]),
        observed=tuple(observed),
        timed=timed,
        untimed={one.operation: UNTIMED for one in observed if one.kind == "write"},
        limits=LIMITS,
    )


def _timed(
    study: Study,
    observed: Sequence[Observed],
    states: Sequence[State],
    draw: Draw,
    seed: int,
    progress: Callable[[str], None],
) -> Iterator[tuple[str, Paired]]:
    reads = [one for one in observed if one.kind == "read" and one.difference is None]
    for number, one in enumerate(reads, 1):
        progress(f"timing {one.operation} in {len(states)} states ({number} of {len(reads)})")
        operation: Operation = study.operation(one.operation)
        rounds = rounds_of(study, one, [state.name for state in states])
        yield (
            one.operation,
            time_programs(
                operation, one, states, draw, hooks_of(study).bind, seed=seed, rounds=rounds
            ),
        )


def rounds_of(study: Study, observed: Observed, states: Sequence[str]) -> int:
    """How many rounds an operation gets: few where nothing is to be told apart and it is long."""
    longest_ns = max(observed.states[state].duration_ns for state in states)
    lanes = set(lanes_of(observed, states).values())
    if len(lanes) == 1 and longest_ns >= STEADY_NS:
        return FIGURE_ROUNDS
    return study.quick_rounds if longest_ns < QUICK_NS else study.rounds


def _state(gathered: tuple[Gathered, ...], one: Gathered) -> GatheredState:
    return GatheredState(
        name=one.spec.name,
        title=one.spec.title,
        statements=one.spec.statements,
        duration_ns=one.duration_ns,
        rows=one.count("sqlite_stat1"),
        samples=one.count("sqlite_stat4"),
        rows_per_key=dict(sorted(one.rows_per_key().items())),
        same_as=same_as(gathered, one),
    )
