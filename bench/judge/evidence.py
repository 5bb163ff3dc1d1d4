"""What ablation and the statistics matrix are judged by: operations in states of a file.

Who measures builds these records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.judge import stats
from bench.judge.noise import MissingNoiseFloor, noise_floor
from bench.judge.records import ArmSamples, Counters, Rounds
from bench.results.noise import NoiseFloor
from bench.results.observation import Observation

# Steps are exact; below this share a change of them is not worth a word.
SAME_STEPS = 0.02


@dataclass(frozen=True, slots=True)
class Seen:
    """One operation in one state of a file: what does not depend on the clock.

    `program` numbers the distinct programs of the operation, 0 for the first seen: states
    with equal numbers do the same work. `samples` says whether SQLite plans anew for bound
    values here (sqlite_stat4), which costs time and no steps. `opened` are the tables and
    indexes that the program opens. `duration_ns` is about how long one execution takes; it
    tells how much can be timed, and no verdict rests on it.
    """

    counters: Counters
    plan: tuple[str, ...]
    answer: str
    program: int
    samples: bool
    opened: frozenset[str]
    duration_ns: int

    def observation(self, median_ns: int | None = None) -> Observation:
        """What a document holds of it."""
        return Observation(
            vm_steps=self.counters.vm_steps,
            fullscan_steps=self.counters.fullscan_steps,
            sorts=self.counters.sorts,
            autoindexes=self.counters.autoindexes,
            rows=self.counters.rows,
            program=self.program,
            plan=self.plan,
            median_ns=median_ns,
        )


@dataclass(frozen=True, slots=True)
class Observed:
    """One operation in all states that were looked at, by the state's name.

    `difference` says how the answers differ between states; None: they are equal. What
    differs is not judged.
    """

    operation: str
    kind: str
    states: Mapping[str, Seen]
    difference: str | None = None


@dataclass(frozen=True, slots=True)
class Paired:
    """One operation's paired times in each of its lanes.

    `lane_of` gives for each state the lane that did its work; `rounds[lane]` are the medians
    of each draw's executions, in ns, with the same rounds and draws in all lanes, and
    `executions_ns[lane]` all timed executions. `twin` is the second measurement of the lane
    `twin_of` (the A/A pair).
    """

    operation: str
    lane_of: Mapping[str, int]
    rounds: Mapping[int, Rounds]
    executions_ns: Mapping[int, tuple[int, ...]]
    twin_of: int
    twin: Rounds

    def rounds_of(self, state: str) -> Rounds | None:
        """The times of one state; None where it was not timed."""
        lane = self.lane_of.get(state)
        return None if lane is None else self.rounds[lane]

    def median_ns(self, state: str) -> int | None:
        """The median of one state's samples, in ns; None where it was not timed."""
        rounds = self.rounds_of(state)
        if rounds is None:
            return None
        return round(stats.median([value for draws in rounds for value in draws]))

    def quantile_ns(self, state: str, share: float) -> int | None:
        """A quantile of all of one state's executions, in ns; None where it was not timed."""
        lane = self.lane_of.get(state)
        if lane is None:
            return None
        return round(stats.quantile(self.executions_ns[lane], share))


def floor(timed: Sequence[Paired]) -> NoiseFloor:
    """The noise floor of all A/A pairs; 0 and without operations where nothing was timed."""
    firsts, twins = {}, {}
    for paired in timed:
        arm = str(paired.twin_of)
        key = (paired.operation, arm)
        firsts[key] = ArmSamples(*key, paired.rounds[paired.twin_of])
        twins[key] = ArmSamples(*key, paired.twin, twin=True)
    try:
        return NoiseFloor.model_validate(noise_floor(firsts, twins))
    except MissingNoiseFloor:
        return NoiseFloor(floor=0.0)


def band_of(noise: NoiseFloor, operation: str, minimum_effect: float) -> float:
    """What a difference of this operation has to exceed, a share."""
    own = noise.operations.get(operation)
    return stats.band(minimum_effect, noise.floor, None if own is None else own.floor)
