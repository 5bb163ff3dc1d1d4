"""Two lanes of load held against each other, quantile by quantile, and each against itself.

Blocks are the unit that is independent of each other: requests of one block share its queue and
the machine's mood. A group of blocks plays one tape as base, arm, arm, base. So it holds two
pairs of unlike lanes, in which a drift has opposite signs, and two of like ones, which tell what
the same lane on the same tape differs by in this hour.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.judge import resample, stats
from bench.judge.load_blocks import LoadBlock, times_of
from bench.judge.records import Rounds
from bench.results.load import ALL, Quantile

Group = tuple[LoadBlock, LoadBlock, LoadBlock, LoadBlock]
"""A group's blocks by place: base, arm, arm, base."""

QUANTILES: Mapping[Quantile, float] = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}
LEAST_BEYOND = 2
"""So many of each lane's requests must lie beyond a high quantile for a verdict on it: with
fewer it is the largest value, renamed."""
NOISE_IN_BOTH = 1 / math.sqrt(2)
_MOST_SPLITS = 32


@dataclass(frozen=True, slots=True)
class Paired:
    """One operation's times in nanoseconds: base[i] and arm[i] are those of the i-th pair.

    Blocks 2g and 2g + 1 of a lane are of the same group.
    """

    base: Rounds
    arm: Rounds


@dataclass(frozen=True, slots=True)
class Contrast:
    """A quantile's base / arm, and what like differs from like by: its A/A pairs."""

    ratio: stats.Speedup
    alike: stats.Speedup


def whole_groups(blocks: Sequence[LoadBlock], base: str, arm: str) -> tuple[Group, ...]:
    """The groups that have all four blocks in order; others cannot be compared."""
    found = []
    for _, group in itertools.groupby(
        sorted(blocks, key=lambda block: (block.group, block.place)), lambda block: block.group
    ):
        four = tuple(group)
        if [block.arm for block in four] == [base, arm, arm, base]:
            found.append((four[0], four[1], four[2], four[3]))
    return tuple(found)


def paired(groups: Sequence[Group], name: str) -> Paired:
    """An operation's times in those groups of which every block has some.

    What is rare is in some tapes and not in others: such a tape tells nothing of it, and
    neither does a group that lacks a partner.

    Raises:
        TooFewRounds: there are fewer than LEAST_ROUNDS pairs of blocks.
        ZeroTime: a time is zero or negative.
    """
    times = [[times_of(block.since_due_ns, name) for block in group] for group in groups]
    full = [four for four in times if all(four)]
    if 2 * len(full) < stats.LEAST_ROUNDS:
        raise stats.TooFewRounds(_too_few(name, times, len(full)))
    if min(min(block) for four in full for block in four) <= 0:
        raise stats.ZeroTime("A time of 0 ns was measured, so no ratio exists; use a finer clock.")
    return Paired(
        tuple(four[place] for four in full for place in (0, 3)),
        tuple(four[place] for four in full for place in (1, 2)),
    )


def _too_few(name: str, times: Sequence[Sequence[Sequence[int]]], full: int) -> str:
    least = math.ceil(stats.LEAST_ROUNDS / 2)
    base = sum(len(four[place]) for four in times for place in (0, 3))
    arm = sum(len(four[place]) for four in times for place in (1, 2))
    what = "all requests" if name == ALL else "it"
    return (
        f"{base:,} good answers of the base and {arm:,} of the arm are too few: a verdict needs "
        f"some of {what} in every block of {least} groups, and this load has {full} such "
        f"{'group' if full == 1 else 'groups'}; raise --groups, --seconds or --rate."
    )


def contrast(pair: Paired, quantile: Quantile, rng: np.random.Generator) -> Contrast:
    """A quantile of base / arm with its 95 % interval, and of like against like.

    Raises:
        NoSamples: too few requests lie beyond a quantile above the median.
    """
    share = QUANTILES[quantile]
    if share == 0.5:
        return _medians(pair)
    count = min(sum(map(len, pair.base)), sum(map(len, pair.arm)))
    needed = math.ceil(round(LEAST_BEYOND / (1 - share), 6))
    if count < needed:
        raise stats.NoSamples(
            f"{count:,} requests are too few for a verdict on this quantile, which needs "
            f"{needed:,} on each arm; raise --groups, --seconds or --rate."
        )
    return _tails(pair, share, rng)


def _medians(pair: Paired) -> Contrast:
    """The median of the log ratios of paired blocks' medians; so also for like blocks."""
    base, arm = (
        [math.log(stats.median(times)) for times in lane] for lane in (pair.base, pair.arm)
    )
    return Contrast(
        stats.speedup_of([first - last for first, last in zip(base, arm, strict=True)]),
        stats.speedup_of(
            [lane[at] - lane[at + 1] for lane in (base, arm) for at in range(0, len(lane), 2)]
        ),
    )


def _tails(pair: Paired, share: float, rng: np.random.Generator) -> Contrast:
    """The ratio of pooled quantiles; whole pairs of blocks are resampled for its interval.

    Cluster bootstrap as `resample.quantile_interval`, with expanded percentiles; both lanes take
    the same pairs, so what a tape or a minute does to both cancels.
    """
    count = len(pair.base)
    weights = resample.resamplings(count, rng)
    base = resample.resampled_quantiles(pair.base, share, weights)
    logs = np.log(base) - np.log(resample.resampled_quantiles(pair.arm, share, weights))
    tail = stats.expanded_tail(count)
    low, high = np.quantile(logs, [tail, 1 - tail])
    point = _log_ratio(pair.base, pair.arm, share)
    by_pair = [
        _log_ratio([one], [other], share) for one, other in zip(pair.base, pair.arm, strict=True)
    ]
    direction = stats.median_interval(by_pair)
    # The largest stall of all may make a pooled tail: where the pairs by themselves do not
    # agree on a direction (sign test), the interval leaves it open too.
    ends = [
        float(low),
        float(high),
        point,
        *((0.0,) if direction.low <= 0 <= direction.high else ()),
    ]
    found = stats.Speedup(
        math.exp(point),
        math.exp(min(ends)),
        math.exp(max(ends)),
        tuple(math.exp(log) for log in by_pair),
    )
    return Contrast(found, _tails_alike(pair, share, rng))


def _tails_alike(pair: Paired, share: float, rng: np.random.Generator) -> stats.Speedup:
    """Each lane's blocks split in halves that hold one block of each group, half against half.

    All such splits are made, or so many drawn where there are more than _MOST_SPLITS. Their
    range is the interval; the splits into first and second blocks give the ratio, so that of
    the run's floor one number for each operation is a single draw, as for medians.
    """
    groups = len(pair.base) // 2
    sides = [(0, *chosen) for chosen in itertools.product((0, 1), repeat=min(groups, 6) - 1)]
    if groups > 6:
        drawn = rng.integers(0, 2, (_MOST_SPLITS, groups))
        drawn[0] = 0
        sides = [tuple(chosen) for chosen in drawn.tolist()]
    logs = [
        [
            _log_ratio(
                [lane[2 * at + side] for at, side in enumerate(chosen)],
                [lane[2 * at + 1 - side] for at, side in enumerate(chosen)],
                share,
            )
            for chosen in sides
        ]
        for lane in (pair.base, pair.arm)
    ]
    reach = max(abs(value) for lane in logs for value in lane)
    ratio = math.exp(sum(abs(lane[0]) for lane in logs) / 2)
    rounds = tuple(math.exp(value) for lane in logs for value in lane)
    return stats.Speedup(ratio, math.exp(-reach), math.exp(reach), rounds)


def _log_ratio(base: Sequence[Sequence[int]], arm: Sequence[Sequence[int]], share: float) -> float:
    first, last = (
        stats.quantile(list(itertools.chain.from_iterable(lane)), share) for lane in (base, arm)
    )
    return math.log(first / last)


def band(minimum_effect: float, run_floor: float, own_floor: float) -> float:
    """What a whole interval has to exceed, a share, for a difference to be one.

    The largest of the named effect and of the noise floors, those to the power of 1 / sqrt(2).
    An interval holds the noise of all its pairs already, and a floor that of as many like
    pairs: demanding both in full adds two independent errors as if they always went the same
    way, where independent errors add by their squares. On a restless machine a doubling is then
    found half as often again, and like against like still raises fewer than 1 alarm in 1,000
    comparisons (tests/bench/test_judge_load_simulated.py).
    """
    noise = stats.band(0.0, run_floor, own_floor)
    return max(minimum_effect, math.expm1(NOISE_IN_BOTH * math.log1p(noise)))
