"""What ablation and planner statistics are judged by: operations in states of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.judge import stats
from bench.judge.latencies import pooled
from bench.judge.noise import NO_CONTROLS, Controls, MissingNoiseFloor, noise_floor
from bench.judge.records import Counters
from bench.judge.stats import Rounds
from bench.results.model import NoiseFloor, Observation

# Steps are exact; below this share a change of them is not worth a word.
SAME_STEPS = 0.02


@dataclass(frozen=True, slots=True)
class Seen:
    """One operation in one state of a file: what does not depend on the clock.

    `program` numbers the distinct programs of the operation, 0 for the first seen: states with
    equal numbers do the same work. `samples` says whether SQLite plans anew for bound values
    here (sqlite_stat4), which costs time and no steps. `opened` are the tables and indexes that
    the program opens. `duration_ns` is about how long one execution takes; it tells how much can
    be timed, and no verdict rests on it.
    """

    counters: Counters
    plan: tuple[str, ...]
    answer: str
    program: int
    samples: bool
    opened: frozenset[str]
    duration_ns: int


@dataclass(frozen=True, slots=True)
class Observed:
    """One operation in all states that were looked at, by the state's name.

    `difference` says how the answers differ between states; None: they are equal. What differs
    is not judged.
    """

    operation: str
    kind: str
    states: Mapping[str, Seen]
    difference: str | None = None


@dataclass(frozen=True, slots=True)
class Paired:
    """One operation's paired times in each of its series.

    `series_of` gives for each state the series that did its work; `rounds[series]` are the medians
    of each parameter set's executions, in ns, with the same rounds and parameter sets in all
    series, and `executions_ns[series]` all timed executions. `control` is the second measurement of
    the series `control_of` (the A/A control).
    """

    operation: str
    series_of: Mapping[str, int]
    rounds: Mapping[int, Rounds]
    executions_ns: Mapping[int, tuple[int, ...]]
    control_of: int
    control: Rounds

    def has(self, *states: str) -> bool:
        """Whether all these states were timed."""
        return all(state in self.series_of for state in states)

    def same_work(self, base: str, state: str) -> bool:
        """Whether two states do the same work, so that what was timed once holds for both."""
        return self.series_of[base] == self.series_of[state]

    def speedup(self, base: str, state: str) -> stats.Speedup:
        """Time in one state / time in another; raises StatisticsError."""
        return stats.speedup(self.rounds[self.series_of[base]], self.rounds[self.series_of[state]])

    def median_ns(self, state: str) -> int | None:
        """The median of one state's samples, in ns; None where it was not timed."""
        if not self.has(state):
            return None
        return round(stats.median(pooled(self.rounds[self.series_of[state]])))

    def quantile_ns(self, state: str, share: float) -> int | None:
        """A quantile of all of one state's executions, in ns; None where it was not timed."""
        if not self.has(state):
            return None
        return round(stats.quantile(self.executions_ns[self.series_of[state]], share))


def observation(seen: Observed, state: str, paired: Paired | None) -> Observation:
    """What a document holds of an operation in one state."""
    counters = seen.states[state].counters
    return Observation(
        vm_steps=counters.vm_steps,
        fullscan_steps=counters.fullscan_steps,
        sorts=counters.sorts,
        autoindexes=counters.autoindexes,
        rows=counters.rows,
        program=seen.states[state].program,
        plan=seen.states[state].plan,
        median_ns=None if paired is None else paired.median_ns(state),
    )


def floor(timed: Sequence[Paired]) -> tuple[Controls, NoiseFloor]:
    """The A/A controls and their document; 0 and without operations where nothing was timed."""
    try:
        return noise_floor(
            {
                paired.operation: (
                    str(paired.control_of),
                    paired.rounds[paired.control_of],
                    paired.control,
                )
                for paired in timed
            }
        )
    except MissingNoiseFloor:
        return NO_CONTROLS, NoiseFloor(floor=0.0)
