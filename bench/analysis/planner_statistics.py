"""The planner's statistics in every state that somebody might leave them in: measured on one arm.

Each state is gathered once, by the statements that a user would run, and kept; afterwards they are
put in and out again, so that all states of one file can take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.analysis.observations import observe
from bench.analysis.timing import series_of, time_programs
from bench.engines.base import DatabaseState
from bench.engines.records import GatheredStatistics
from bench.engines.registry import engine_of
from bench.judge.evidence import Observed, Paired
from bench.judge.planner_statistics import StatisticsRecord
from bench.measure.timing import STEADY_NS
from bench.results.model import DatasetSummary
from bench.results.statistics import State as GatheredState
from bench.study import Study
from bench.study.hooks import ParameterSampler, hooks_of

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


def same_as(gathered: Sequence[GatheredStatistics], entry: GatheredStatistics) -> str | None:
    """The first state before this one that left exactly the same statistics."""
    for other in gathered:
        if other.spec.name == entry.spec.name:
            return None
        if other.statistics == entry.statistics:
            return other.spec.name
    return None


def measure_planner_statistics(
    path: Path,
    study: Study,
    sample_parameters: ParameterSampler,
    dataset: DatasetSummary,
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
    engine = engine_of(study)
    measured, beside = engine.gather_statistics(path, progress)
    gathered = (*measured, *beside)
    with engine.private_copy(path) as file:
        states = [file.state(entry.spec.name, statistics=entry.statistics) for entry in measured]
        observed = observe(
            engine, states, study.operations, sample_parameters, hooks_of(study).bind,
            seed=seed, progress=progress,
        )  # fmt: skip
        timed = dict(_timed(study, observed, states, sample_parameters, seed, progress))
    return StatisticsRecord(
        study=study,
        dataset=dataset,
        arm=study.judged,
        sqlite_version=engine.version(),
        states=tuple(_state(gathered, entry) for entry in measured),
        beside=tuple(_state(gathered, entry) for entry in beside),
        observed=tuple(observed),
        timed=timed,
        untimed={entry.operation: UNTIMED for entry in observed if entry.kind == "write"},
        limits=LIMITS,
    )


def _timed(
    study: Study,
    observed: Sequence[Observed],
    states: Sequence[DatabaseState],
    sample_parameters: ParameterSampler,
    seed: int,
    progress: Callable[[str], None],
) -> Iterator[tuple[str, Paired]]:
    reads = [entry for entry in observed if entry.kind == "read" and entry.difference is None]
    for number, entry in enumerate(reads, 1):
        progress(f"timing {entry.operation} in {len(states)} states ({number} of {len(reads)})")
        rounds = rounds_of(study, entry, [state.name for state in states])
        yield (
            entry.operation,
            time_programs(study, entry, states, sample_parameters, seed=seed, rounds=rounds),
        )


def rounds_of(study: Study, observed: Observed, states: Sequence[str]) -> int:
    """How many rounds an operation gets: few where nothing is to be told apart and it is long."""
    longest_ns = max(observed.states[state].duration_ns for state in states)
    series = set(series_of(observed, states).values())
    if len(series) == 1 and longest_ns >= STEADY_NS:
        return FIGURE_ROUNDS
    return study.quick_rounds if longest_ns < QUICK_NS else study.rounds


def _state(gathered: Sequence[GatheredStatistics], entry: GatheredStatistics) -> GatheredState:
    return GatheredState(
        name=entry.spec.name,
        title=entry.spec.title,
        statements=entry.spec.statements,
        duration_ns=entry.duration_ns,
        rows=entry.rows,
        samples=entry.samples,
        rows_per_key=dict(sorted(entry.rows_per_key.items())),
        same_as=same_as(gathered, entry),
    )
