"""Two arms under load held against each other, quantile by quantile, and each against itself.

Blocks are the independent unit: requests of one block share its queue and the machine's state.
A group of blocks plays one schedule as base, arm, arm, base. So it holds two pairs of unlike
arms, in which a drift has opposite signs, and two A/A controls, which tell what the same arm with
the same schedule differs by in this hour.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.judge import stats
from bench.judge.latencies import SHARES, pooled, resampled_quantiles, resamplings
from bench.judge.load_blocks import LoadBlock, times_of
from bench.judge.stats import Rounds
from bench.results.load import ALL, Quantile

Group = tuple[LoadBlock, LoadBlock, LoadBlock, LoadBlock]
"""A group's blocks by place: base, arm, arm, base."""

LEAST_BEYOND = 2
"""So many of each arm's requests must lie beyond a high quantile for a verdict on it: with
fewer it is the largest value, renamed."""
NOISE_IN_BOTH = 1 / math.sqrt(2)
_MOST_SPLITS = 32


@dataclass(frozen=True, slots=True)
class Paired:
    """One operation's times in nanoseconds: base[i] and arm[i] are those of the i-th pair.

    Blocks 2g and 2g + 1 of an arm are of the same group.
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
    ordered = sorted(blocks, key=lambda block: (block.group, block.place))
    groups = []
    for _, group in itertools.groupby(ordered, lambda block: block.group):
        four = tuple(group)
        if [block.arm for block in four] == [base, arm, arm, base]:
            groups.append((four[0], four[1], four[2], four[3]))
    return tuple(groups)


def paired(groups: Sequence[Group], name: str) -> Paired:
    """An operation's times in those groups of which every block has some.

    What is rare is in some schedules and not in others, which tell nothing of it.

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
    share = SHARES[quantile]
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
    base = [math.log(stats.median(times)) for times in pair.base]
    arm = [math.log(stats.median(times)) for times in pair.arm]
    pairs = range(0, len(base), 2)
    return Contrast(
        stats.speedup_of([first - second for first, second in zip(base, arm, strict=True)]),
        stats.speedup_of([logs[at] - logs[at + 1] for logs in (base, arm) for at in pairs]),
    )


def _tails(pair: Paired, share: float, rng: np.random.Generator) -> Contrast:
    """The ratio of pooled quantiles; whole pairs of blocks are resampled for its interval.

    Cluster bootstrap as `quantile_interval`, with expanded percentiles; both arms take
    the same pairs, so what a schedule or a minute does to both cancels.
    """
    count = len(pair.base)
    weights = resamplings(count, rng)
    base = resampled_quantiles(pair.base, share, weights)
    logs = np.log(base) - np.log(resampled_quantiles(pair.arm, share, weights))
    tail = stats.expanded_tail(count)
    low, high = np.quantile(logs, [tail, 1 - tail]).tolist()
    point = _log_ratio(pair.base, pair.arm, share)
    by_pair = [
        _log_ratio([first], [second], share)
        for first, second in zip(pair.base, pair.arm, strict=True)
    ]
    ends = [low, high, point]
    direction = stats.median_interval(by_pair)
    if direction.low <= 0 <= direction.high:
        # The largest outage of all may make a pooled tail: where the pairs by themselves do not
        # agree on a direction (sign test), the interval leaves it open too.
        ends.append(0.0)
    ratio = stats.Speedup(
        math.exp(point),
        math.exp(min(ends)),
        math.exp(max(ends)),
        tuple(math.exp(log) for log in by_pair),
    )
    return Contrast(ratio, _tails_alike(pair, share, rng))


def _tails_alike(pair: Paired, share: float, rng: np.random.Generator) -> stats.Speedup:
    """Each arm's blocks split in halves that hold one block of each group, half against half.

    All such splits are made, or so many random ones where there are more than _MOST_SPLITS. Their
    range is the interval; the splits into first and second blocks give the ratio, so that of
    the run's floor one number for each operation is a single draw, as for medians.
    """
    groups = len(pair.base) // 2
    sides = [(0, *chosen) for chosen in itertools.product((0, 1), repeat=min(groups, 6) - 1)]
    if groups > 6:
        drawn = rng.integers(0, 2, (_MOST_SPLITS, groups))
        drawn[0] = 0
        sides = [tuple(chosen) for chosen in drawn.tolist()]

    def halves(blocks: Rounds, chosen: Sequence[int]) -> float:
        first = [blocks[2 * group + side] for group, side in enumerate(chosen)]
        second = [blocks[2 * group + 1 - side] for group, side in enumerate(chosen)]
        return _log_ratio(first, second, share)

    logs = [[halves(blocks, chosen) for chosen in sides] for blocks in (pair.base, pair.arm)]
    values = [*logs[0], *logs[1]]
    reach = max(map(abs, values))
    ratio = math.exp((abs(logs[0][0]) + abs(logs[1][0])) / 2)
    return stats.Speedup(
        ratio, math.exp(-reach), math.exp(reach), tuple(math.exp(value) for value in values)
    )


def _log_ratio(base: Rounds, arm: Rounds, share: float) -> float:
    first, second = (stats.quantile(pooled(times), share) for times in (base, arm))
    return math.log(first / second)


def threshold(minimum_effect: float, noise: float) -> float:
    """What a whole interval has to exceed, a share, for a difference to be one.

    The minimum effect, or the noise floor to the power of 1 / sqrt(2). An interval holds the
    noise of all its pairs already, and a floor that of as many like pairs: demanding both in full
    adds two independent errors as if they always went the same way, where independent errors add
    by their squares. On a restless machine a doubling is then found half as often again, and like
    against like still raises fewer than 1 alarm in 1,000 comparisons
    (tests/bench/test_judge_load_simulated.py).
    """
    return max(minimum_effect, math.expm1(NOISE_IN_BOTH * math.log1p(noise)))
