"""What ablation measures, and what the loss of an index does to one operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from bench.judge import stats
from bench.judge.evidence import SAME_STEPS, Observed, Paired, Seen
from bench.judge.format import significant, span
from bench.judge.noise import Controls
from bench.results.ablation import Effect, EffectWord
from bench.results.comparison import Verdict
from bench.results.model import DatasetSummary
from bench.study import Study

ALL, NONE = "all", "none"
Moved = Literal["helps", "harms", "none"]


def without(*names: str) -> str:
    """The name of the state in which these indexes are left out."""
    return f"without {' and '.join(names)}"


def only(name: str) -> str:
    """The name of the state in which this one of the judged indexes is there and no other."""
    return f"only {name}"


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """One index that is judged.

    `sought_by` names the read operations that look for its first column, or sort or group by
    it, whatever index serves them; `size_bytes` None: unknown.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    sought_by: tuple[str, ...]
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class IndexPair:
    """Two indexes of one table that can replace each other, and why that is thought."""

    names: tuple[str, str]
    why: str


@dataclass(frozen=True, slots=True)
class AblationRecord:
    """Each operation in each state, and paired times where the states differ.

    Every operation was seen in the states ALL and NONE, `without` and `only` of each index,
    and `without` both of each pair.
    """

    study: Study
    dataset: DatasetSummary
    arm: str
    sqlite_version: str
    indexes: tuple[IndexFacts, ...]
    pairs: tuple[IndexPair, ...]
    operations: tuple[Observed, ...]
    timed: tuple[Paired, ...]


def pairs_of(
    indexes: Sequence[IndexFacts], operations: Sequence[Observed]
) -> tuple[IndexPair, ...]:
    """The pairs to be left out together: where one may hide what the loss of the other does.

    That is so where the columns of one begin with those of the other, and where operations are
    answered by either.
    """
    pairs = []
    for first, second in combinations(indexes, 2):
        if first.table != second.table:
            continue
        names = first.name, second.name
        short, long = sorted((first, second), key=lambda index: len(index.columns))
        # Reads that are answered by the one in some state and by the other in another.
        served = []
        for seen in operations:
            opened = [state.opened & set(names) for state in seen.states.values()]
            if seen.kind == "read" and {names[0]} in opened and {names[1]} in opened:
                served.append(seen.operation)
        if long.columns[: len(short.columns)] == short.columns:
            columns = ", ".join(short.columns)
            why = f"{long.name} begins with the columns of {short.name} ({columns})."
        elif served:
            why = f"The planner takes one where it lacks the other: {', '.join(served)}."
        else:
            continue
        pairs.append(IndexPair(names, why))
    return tuple(pairs)


@dataclass(frozen=True, slots=True)
class Sides:
    """One operation in two states: with the indexes `names` that are judged, and without them.

    `speedup` is time without them / time with them, None where they were not timed apart.
    """

    operation: str
    names: tuple[str, ...]
    have: Seen
    lack: Seen
    speedup: stats.Speedup | None

    @property
    def steps(self) -> tuple[int, int]:
        """The steps with the indexes and without them."""
        return self.have.counters.vm_steps, self.lack.counters.vm_steps


def speedup_between(paired: Paired | None, have: str, lack: str) -> stats.Speedup | None:
    """Time in the state `lack` / time in `have`; None where both were not timed apart."""
    if paired is None or not paired.has(have, lack) or paired.same_work(have, lack):
        return None
    try:
        return paired.speedup(lack, have)
    except stats.StatisticsError:
        return None


def effect(sides: Sides, controls: Controls, minimum_effect: float) -> Effect:
    """Judge one loss.

    The counters decide, unless the times contradict them with their whole interval: steps
    are not equally dear, for one that looks a row up waits where one in a scan does not.
    """
    have, lack = sides.steps
    ratio = lack / max(have, 1)
    if sides.have.program == sides.lack.program:
        return Effect(effect="none", steps_ratio=ratio)
    counted = by_counters(sides.have, sides.lack)
    speedup, timed = sides.speedup, _BY_TIMES["inconclusive"]
    if speedup is not None:
        threshold = controls.threshold(sides.operation, minimum_effect)
        timed = _BY_TIMES[stats.verdict(*speedup.ci95, threshold, minimum_effect)]
    word = timed if timed != "none" else counted
    moves = word != "none"
    return Effect(
        effect=word,
        steps_ratio=ratio,
        speedup=None if speedup is None else speedup.ratio,
        ci95=None if speedup is None else speedup.ci95,
        confirmed=timed == word if moves and speedup is not None else None,
        reason=_reason(sides, word, counted) if moves else None,
    )


_BY_TIMES: Mapping[Verdict, Moved] = {
    "faster": "helps", "slower": "harms", "same": "none", "inconclusive": "none",
}  # fmt: skip


def by_counters(have: Seen, lack: Seen) -> Moved:
    """What the counters alone say of the indexes that `have` has and `lack` lacks.

    Steps first; where those are the same, a sort or a full scan that was not there before.
    """
    ratio = lack.counters.vm_steps / max(have.counters.vm_steps, 1)
    if ratio > 1 + SAME_STEPS:
        return "helps"
    if ratio < 1 / (1 + SAME_STEPS):
        return "harms"
    with_them, left = _burdens(have), _burdens(lack)
    return "helps" if left > with_them else "harms" if left < with_them else "none"


def _burdens(seen: Seen) -> int:
    """How many of these an answer costs: a sort, a full scan, an index made for the occasion."""
    counters = seen.counters
    return sum(map(bool, (counters.sorts, counters.fullscan_steps, counters.autoindexes)))


def _reason(sides: Sides, word: EffectWord, counted: EffectWord) -> str:
    """One sentence on the loss, and the plan's first new line."""
    have, lack = sides.steps
    times = _times(sides.speedup)
    if counted not in (word, "none"):
        fewer, dear = ("more", "cheap") if counted == "helps" else ("fewer", "dear")
        change = (
            f"takes {fewer} steps ({lack:,} instead of {have:,}) and yet {times}: "
            f"these steps are {dear}, so the times decide."
        )
    elif counted == "none":
        change = f"takes about as many steps ({lack:,} instead of {have:,}) and {times}."
    else:
        change = f"takes {lack:,} steps instead of {have:,}{f' and {times}' if times else ''}."
    gained = [line.strip() for line in sides.lack.plan if line not in sides.have.plan]
    instead = f" The plan then says: {gained[0]}." if gained else ""
    return f"Without {' and '.join(sides.names)}, {sides.operation} {change}{instead}"


def _times(speedup: stats.Speedup | None) -> str:
    """What the loss does to the time, in words; empty where no time was taken."""
    if speedup is None:
        return ""
    if speedup.ratio < 1:
        interval = span(1 / speedup.high, 1 / speedup.low)
        return f"is {significant(1 / speedup.ratio)} times as fast (interval {interval})"
    interval = span(speedup.low, speedup.high)
    return f"{significant(speedup.ratio)} times as long (interval {interval})"
