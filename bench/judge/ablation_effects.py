"""What the loss of an index does to one operation: counters decide, paired times confirm.

Judging room: no file, no clock, no database may enter, and no randomness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.judge import stats
from bench.judge.evidence import SAME_STEPS, Paired, Seen
from bench.judge.figures import significant, span

EffectWord = Literal["helps", "harms", "none", "masked"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What indexes do to an operation, told by what their loss does.

    `steps_ratio` is steps without them / steps with them; `speedup` time without / time with
    them, with its 95 % interval: above 1 they help. `confirmed` says whether the times bear
    the word out; None where there is nothing to confirm or nothing was timed.
    """

    word: EffectWord
    steps_ratio: float
    speedup: stats.Speedup | None = None
    confirmed: bool | None = None
    reason: str | None = None


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
        return Effect("none", ratio)
    counted = by_counters(sides.have, sides.lack)
    speedup = _speedup(sides)
    told = _by_times(sides, speedup)
    word = told if told != "none" else counted
    if word == "none":
        return Effect("none", ratio, speedup)
    confirmed = None if speedup is None else told == word
    return Effect(word, ratio, speedup, confirmed, _reason(sides, word, counted, speedup))


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
    felt = _felt(speedup)
    if counted not in (word, "none"):
        fewer, dear = ("more", "cheap") if counted == "helps" else ("fewer", "dear")
        said = (
            f"takes {fewer} steps ({lack:,} instead of {have:,}) and yet {felt}: "
            f"these steps are {dear}, so the times decide."
        )
    elif counted == "none":
        said = f"takes about as many steps ({lack:,} instead of {have:,}) and {felt}."
    else:
        said = f"takes {lack:,} steps instead of {have:,}{f' and {felt}' if felt else ''}."
    return f"Without {names}, {operation} {said}{_instead(sides.have.plan, sides.lack.plan)}"


def _felt(speedup: stats.Speedup | None) -> str:
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
