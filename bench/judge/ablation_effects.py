"""What ablation measures, and what the loss of an index does to one operation.

`bench.analysis.ablation` builds the records. Counters decide an effect, paired times confirm it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from bench.judge import stats
from bench.judge.evidence import SAME_STEPS, Observed, Paired, Seen
from bench.judge.format import significant, span
from bench.results.ablation import Effect, EffectWord
from bench.study import Study

ALL, NONE = "all", "none"


def without(*names: str) -> str:
    """The name of the state in which these indexes are left out."""
    return f"without {' and '.join(names)}"


def alone(name: str) -> str:
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
    """Two indexes of one table that can stand in for each other, and why that is thought."""

    names: tuple[str, str]
    why: str


@dataclass(frozen=True, slots=True)
class AblationRecord:
    """Each operation in each state, and paired times where the states differ.

    Every operation was seen in the states ALL and NONE, `without` and `alone` of each index,
    and `without` both of each pair.
    """

    study: Study
    dataset: Mapping[str, Any]
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

    That is so where the columns of one begin with those of the other, and where an operation
    is answered by the one in some state and by the other in another.
    """
    pairs = []
    for one, other in combinations(indexes, 2):
        if one.table != other.table:
            continue
        short, long = sorted((one, other), key=lambda index: len(index.columns))
        served = [seen.operation for seen in operations if _in_turn(seen, one.name, other.name)]
        if long.columns[: len(short.columns)] == short.columns:
            columns = ", ".join(short.columns)
            why = f"{long.name} begins with the columns of {short.name} ({columns})."
        elif served:
            why = f"The planner takes one where it lacks the other: {', '.join(served)}."
        else:
            continue
        pairs.append(IndexPair((one.name, other.name), why))
    return tuple(pairs)


def _in_turn(seen: Observed, one: str, other: str) -> bool:
    if seen.kind != "read":
        return False
    opened = [state.opened for state in seen.states.values()]
    return any(one in names and other not in names for names in opened) and any(
        other in names and one not in names for names in opened
    )


@dataclass(frozen=True, slots=True)
class Sides:
    """One operation in two states: with the indexes that are judged, and without them."""

    operation: str
    names: tuple[str, ...]
    have: Seen
    lack: Seen
    timed: tuple[Paired, str, str] | None
    """Paired times and the names of the two states, `have` first."""
    band: float
    minimum_effect: float


def effect(sides: Sides) -> Effect:
    """Judge one loss.

    The counters decide, unless the times contradict them with their whole interval: steps
    are not equally dear, for one that looks a row up waits where one in a scan does not.
    """
    ratio = sides.lack.counters.vm_steps / max(sides.have.counters.vm_steps, 1)
    if sides.have.program == sides.lack.program:
        return Effect(effect="none", steps_ratio=ratio)
    counted = by_counters(sides.have, sides.lack)
    speedup = _speedup(sides)
    timed = _by_times(sides, speedup)
    word = timed if timed != "none" else counted
    moves = word != "none"
    return Effect(
        effect=word,
        steps_ratio=ratio,
        speedup=None if speedup is None else speedup.ratio,
        ci95=None if speedup is None else (speedup.low, speedup.high),
        confirmed=timed == word if moves and speedup is not None else None,
        reason=_reason(sides, word, counted, speedup) if moves else None,
    )


def by_counters(have: Seen, lack: Seen) -> Literal["helps", "harms", "none"]:
    """What the counters alone say of the indexes that `have` has and `lack` lacks.

    Steps first; where those are the same, a sort or a full scan that was not there before.
    """
    ratio = lack.counters.vm_steps / max(have.counters.vm_steps, 1)
    if ratio > 1 + SAME_STEPS:
        return "helps"
    if ratio < 1 / (1 + SAME_STEPS):
        return "harms"
    with_them, left = _burdens(have), _burdens(lack)
    if left > with_them:
        return "helps"
    return "harms" if left < with_them else "none"


def _burdens(seen: Seen) -> int:
    """How many of these an answer costs: a sort, a full scan, an index made for the occasion."""
    counters = seen.counters
    return sum(map(bool, (counters.sorts, counters.fullscan_steps, counters.autoindexes)))


def _speedup(sides: Sides) -> stats.Speedup | None:
    if sides.timed is None:
        return None
    paired, have, lack = sides.timed
    with_them, left = paired.rounds_of(have), paired.rounds_of(lack)
    if with_them is None or left is None or paired.lane_of[have] == paired.lane_of[lack]:
        return None
    try:
        return stats.speedup(left, with_them)
    except stats.StatisticsError:
        return None


def _by_times(sides: Sides, speedup: stats.Speedup | None) -> Literal["helps", "harms", "none"]:
    if speedup is None:
        return "none"
    verdict = stats.verdict(speedup.low, speedup.high, sides.band, sides.minimum_effect)
    return "helps" if verdict == "faster" else "harms" if verdict == "slower" else "none"


def _reason(
    sides: Sides, word: EffectWord, counted: EffectWord, speedup: stats.Speedup | None
) -> str:
    """One sentence on the loss, and the plan's first new line."""
    names, operation = " and ".join(sides.names), sides.operation
    have, lack = sides.have.counters.vm_steps, sides.lack.counters.vm_steps
    times = _times(speedup)
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
    return f"Without {names}, {operation} {change}{_instead(sides.have.plan, sides.lack.plan)}"


def _times(speedup: stats.Speedup | None) -> str:
    """What the loss does to the time, in words; empty where no time was taken."""
    if speedup is None:
        return ""
    if speedup.ratio < 1:
        interval = span(1 / speedup.high, 1 / speedup.low)
        return f"is {significant(1 / speedup.ratio)} times as fast (interval {interval})"
    interval = span(speedup.low, speedup.high)
    return f"{significant(speedup.ratio)} times as long (interval {interval})"


def _instead(have: Sequence[str], lack: Sequence[str]) -> str:
    """What the plan does without the index, by the first line that it did not have before."""
    gained = [line.strip() for line in lack if line not in have]
    return f" The plan then says: {gained[0]}." if gained else ""
