"""Statistics of paired rounds: quantiles, ratios, intervals, noise floor, verdict.

Why the interval is built as it is. A run has few rounds (7 is the least), and
rounds are the unit that is independent: draws inside one round share the
machine's mood of that second. So rounds are resampled, never single draws. The
plain percentile bootstrap of a median of 7 covers only 87.5 % where it says
95 % (it drops the lowest and the highest round), so its percentiles are
expanded for small samples (Hesterberg 2015, "What Teachers Should Know About
the Bootstrap", section 4.3) and the interval is never narrower than the sign
test's, which covers a median whatever the distribution. The simulations that
prove coverage and false alarms stand in tests/bench/test_stats_simulated.py.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import binom, norm, t

from bench.judge.records import Rounds, Verdict

CONFIDENCE = 0.95
# The share of comparisons of like with like that may come out as a difference.
FALSE_ALARMS = 0.001
# With 5 rounds even the whole range covers a median in only 93.75 % of cases.
LEAST_ROUNDS = 6
NORMAL_95 = float(norm.ppf((1 + CONFIDENCE) / 2))


class StatisticsError(ValueError):
    """Samples on which a statistic is not defined; the text says what to measure again."""


class NoSamples(StatisticsError):
    """A statistic of nothing was asked for."""


class UnequalSamples(StatisticsError):
    """Two arms that were to be paired have different rounds or draws."""


class ZeroTime(StatisticsError):
    """A time of zero or below: the clock was too coarse, so no ratio exists."""


class TooFewRounds(StatisticsError):
    """Fewer rounds than an interval needs."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval; both ends in the unit of the values it came from."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Speedup:
    """Base time / arm time: above 1 the arm is faster.

    `ratio` is the exponential of the median per-round log ratio, `low` and
    `high` its 95 % interval, `rounds` the ratio of each round.
    """

    ratio: float
    low: float
    high: float
    rounds: tuple[float, ...]


def median(values: Sequence[float]) -> float:
    """The median; for an even number the mean of the two middle values.

    Raises:
        NoSamples: `values` is empty.
    """
    if len(values) == 0:
        raise NoSamples("There is no sample to take a median of; measure at least one.")
    return float(statistics.median(values))


def quantile(values: Sequence[float], share: float) -> float:
    """The quantile of type 7 (Hyndman and Fan 1996, Sample Quantiles in Statistical Packages).

    Linear interpolation between order statistics at (n - 1) * share, as numpy,
    R and spreadsheets do by default.

    Raises:
        NoSamples: `values` is empty.
        ValueError: `share` is outside 0..1.
    """
    if len(values) == 0:
        raise NoSamples("There is no sample to take a quantile of; measure at least one.")
    return float(np.quantile(np.asarray(values, dtype=np.float64), share, method="linear"))


def log_ratios(base: Rounds, arm: Rounds) -> tuple[float, ...]:
    """For each round the log of (median of base's draws / median of arm's draws).

    Raises:
        NoSamples: there is no round, or a round without draws.
        UnequalSamples: the arms differ in rounds or in draws of a round.
        ZeroTime: a time is zero or negative.
    """
    if [len(draws) for draws in base] != [len(draws) for draws in arm]:
        raise UnequalSamples(
            "The two arms were not measured on the same rounds and draws; "
            "measure both again in one run."
        )
    if not base or any(len(draws) == 0 for draws in base):
        raise NoSamples("A round holds no sample; measure every round at least once.")
    if min(min(draws) for rounds in (base, arm) for draws in rounds) <= 0:
        raise ZeroTime(
            "A time of 0 ns was measured, so no ratio exists; "
            "time several executions together or use a finer clock."
        )
    return tuple(
        math.log(median(ours) / median(theirs)) for ours, theirs in zip(base, arm, strict=True)
    )


def expanded_tail(count: int) -> float:
    """The level of a bootstrap interval's lower end for so many rounds, a share below 2.5 %."""
    tail = (1 - CONFIDENCE) / 2
    return float(norm.cdf(math.sqrt(count / (count - 1)) * t.ppf(tail, count - 1)))


@lru_cache(maxsize=256)
def interval_rank(count: int) -> int:
    """Which order statistic (1 = least) is the lower end of the interval of a median.

    The bootstrap distribution of a median needs no simulation: with n values,
    a resample's median is at or below the k-th least when at least half of its
    n picks are, so P = P(Bin(n, k / n) >= n / 2) (Efron 1979, "Bootstrap
    Methods", section 3; Maritz and Jarrett 1978). The rank is the least k
    where that reaches the expanded level Phi(-sqrt(n / (n - 1)) t_{n-1}), but
    no higher than the sign test allows: P(Bin(n, 1/2) < k) <= 2.5 %. By symmetry
    the upper end is the same rank from above. For an even n the lower of the
    two middle picks stands for the lower end and the upper one for the upper
    end: outwards, never inwards.

    Raises:
        TooFewRounds: `count` is below LEAST_ROUNDS.
    """
    if count < LEAST_ROUNDS:
        raise TooFewRounds(
            f"An interval needs at least {LEAST_ROUNDS} rounds, not {count}; measure more rounds."
        )
    tail = (1 - CONFIDENCE) / 2
    expanded = expanded_tail(count)
    half = (count + 1) // 2
    ranks = np.arange(1, half + 1)
    by_bootstrap = int(ranks[binom.sf(half - 1, count, ranks / count) >= expanded][0])
    by_sign = int(ranks[binom.cdf(ranks - 1, count, 0.5) <= tail][-1])
    return min(by_bootstrap, by_sign)


def median_interval(values: Sequence[float]) -> Interval:
    """The 95 % interval of the median of independent values; see `interval_rank`.

    Its ends are values that were measured, so it moves with the values under
    every monotone change of unit, and it always holds the median.

    Raises:
        TooFewRounds: there are fewer than LEAST_ROUNDS values.
    """
    rank = interval_rank(len(values))
    ordered = sorted(values)
    return Interval(ordered[rank - 1], ordered[-rank])


def speedup(base: Rounds, arm: Rounds) -> Speedup:
    """Base time / arm time over paired rounds, with its 95 % interval.

    Raises:
        NoSamples, UnequalSamples, ZeroTime: as `log_ratios`.
        TooFewRounds: there are fewer than LEAST_ROUNDS rounds.
    """
    return speedup_of(log_ratios(base, arm))


def speedup_of(logs: Sequence[float]) -> Speedup:
    """The speedup of per-round log ratios.

    Raises:
        TooFewRounds: there are fewer than LEAST_ROUNDS rounds.
    """
    interval = median_interval(logs)
    return Speedup(
        ratio=math.exp(median(logs)),
        low=math.exp(interval.low),
        high=math.exp(interval.high),
        rounds=tuple(math.exp(value) for value in logs),
    )


def floor_of(pair: Speedup) -> float:
    """The noise floor of one A/A pair, a share: how far from 1 its interval still reaches.

    0.03 says that two measurements of one arm may differ by a factor of 1.03 here.
    """
    return max(pair.high, 1 / pair.low) - 1


def spread_of_run(pairs: Sequence[Speedup]) -> float:
    """The robust standard deviation of the A/A log ratios of a run's operations, around 0.

    One restless operation does not speak for the quiet ones.

    Raises:
        NoSamples: there is no pair.
    """
    return robust_deviation([math.log(pair.ratio) for pair in pairs])


def robust_deviation(values: Sequence[float]) -> float:
    """1.4826 times the median of absolute values: a standard deviation around 0.

    Source: Rousseeuw and Croux 1993, "Alternatives to the Median Absolute Deviation".

    Raises:
        NoSamples: `values` is empty.
    """
    return 1.4826 * median([abs(value) for value in values])


def floor_of_run(pairs: Sequence[Speedup]) -> float:
    """The noise floor of a whole run, a share: one A/A ratio in a thousand exceeds 1 + floor.

    An operation's own A/A pair is a single draw of what two measurements of one
    arm differ by in this hour. All pairs of the run together tell how large that
    is, so a run where it is large cannot raise alarms by luck. Both measurements
    of a pair are taken on the same file, so what two copies of a file differ by (page
    layout, place on the disk) is not in it; the controls tell of that.

    Raises:
        NoSamples: there is no pair.
    """
    return math.expm1(float(norm.ppf(1 - FALSE_ALARMS / 2)) * spread_of_run(pairs))


def band(minimum_effect: float, run_floor: float, own_floor: float | None) -> float:
    """What a difference has to exceed, a share: the largest of named effect and noise floors.

    `own_floor` is that of the operation's own A/A pair; None where it has none.
    """
    return max(minimum_effect, run_floor, 0.0 if own_floor is None else own_floor)


def verdict(low: float, high: float, noise: float, minimum_effect: float) -> Verdict:
    """The verdict on a speedup's 95 % interval; `noise` and `minimum_effect` are shares.

    `faster` when the whole interval lies above 1 + noise, `slower` when it lies
    below 1 / (1 + noise); `same` when it lies within 1 / (1 + minimum_effect) and
    1 + minimum_effect; else `inconclusive`. `noise` comes from `band`, so what an
    A/A pair of this hour does by itself is never called an effect. It does
    not make anything equal: where the noise hides more than the minimum effect,
    a wide interval stays undecided.
    """
    if low > 1 + noise:
        return "faster"
    if high < 1 / (1 + noise):
        return "slower"
    if low >= 1 / (1 + minimum_effect) and high <= 1 + minimum_effect:
        return "same"
    return "inconclusive"
