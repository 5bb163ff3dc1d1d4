"""Statistics of paired rounds: quantiles, ratios, intervals, noise floor, verdict.

A run has few rounds (7 is the least). They are the independent unit, since the samples of one
round share the machine's state of that second: rounds are resampled, never single samples. The
plain percentile bootstrap of a median of 7 covers only 87.5 % where it says 95 %, so its
percentiles are expanded for small samples (Hesterberg 2015, "What Teachers Should Know About the
Bootstrap", section 4.3) and the interval is never narrower than the sign test's, which covers a
median whatever the distribution. tests/bench/test_stats_simulated.py simulates coverage and
false alarms.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, norm, t

from bench.results.comparison import Verdict

Rounds = Sequence[Sequence[int]]
"""Latencies in nanoseconds: `rounds[r][i]` is the i-th of round r."""

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
# The share of comparisons of like with like that may come out as a difference.
FALSE_ALARMS = 0.001
# With 5 rounds even the whole range covers a median in only 93.75 % of cases.
LEAST_ROUNDS = 6
NORMAL_95 = float(norm.ppf((1 + CONFIDENCE) / 2))


class StatisticsError(ValueError):
    """Samples on which a statistic is not defined; the text says what to measure again."""


class NoSamples(StatisticsError):
    """There is no sample."""


class UnequalSamples(StatisticsError):
    """Two arms that were to be paired have different rounds or samples."""


class ZeroTime(StatisticsError):
    """A time of zero or below: the clock was too coarse, so no ratio exists."""


class TooFewRounds(StatisticsError):
    """Fewer rounds than an interval needs."""


class Interval(NamedTuple):
    """A closed interval; both ends in the unit of the values."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Speedup:
    """Base time / arm time: above 1 the arm is faster.

    `ratio` is the exponential of the median per-round log ratio, `low` and `high` its 95 %
    interval, `rounds` the ratio of each round.
    """

    ratio: float
    low: float
    high: float
    rounds: tuple[float, ...]

    @property
    def ci95(self) -> tuple[float, float]:
        """The interval as documents hold it."""
        return self.low, self.high

    @property
    def floor(self) -> float:
        """The noise floor of an A/A control (`floor_of`)."""
        return floor_of(self)


def median(values: Sequence[float]) -> float:
    """The median, for an even number the mean of the two middle values; NoSamples of none."""
    if len(values) == 0:
        raise NoSamples("There is no sample to take a median of; measure at least one.")
    return float(statistics.median(values))


def quantiles(
    values: Sequence[float] | npt.NDArray[Any], shares: Sequence[float], *, measured: bool = False
) -> list[float]:
    """Quantiles by the types of Hyndman and Fan 1996, Sample Quantiles in Statistical Packages.

    Type 7: linear interpolation between order statistics at (n - 1) * share, as numpy, R and
    spreadsheets do by default. `measured`: type 1, the least value that so large a share of all
    does not exceed, so that it was measured.

    Raises:
        NoSamples: `values` is empty.
        ValueError: a share is outside 0..1.
    """
    if len(values) == 0:
        raise NoSamples("There is no sample to take a quantile of; measure at least one.")
    method: Literal["inverted_cdf", "linear"] = "inverted_cdf" if measured else "linear"
    array = np.asarray(values, dtype=np.float64)
    return [float(value) for value in np.quantile(array, shares, method=method)]


def quantile(values: Sequence[float] | npt.NDArray[Any], share: float) -> float:
    """One quantile of type 7; raises as `quantiles` does."""
    return quantiles(values, [share])[0]


def log_ratios(base: Rounds, arm: Rounds) -> tuple[float, ...]:
    """For each round the log of (median of base's samples / median of arm's samples).

    Raises:
        NoSamples: there is no round, or a round without samples.
        UnequalSamples: the arms differ in rounds or in samples of a round.
        ZeroTime: a time is zero or negative.
    """
    if [len(times) for times in base] != [len(times) for times in arm]:
        raise UnequalSamples(
            "The two arms were not measured on the same rounds and draws; "
            "measure both again in one run."
        )
    require_samples(base)
    if min(min(times) for rounds in (base, arm) for times in rounds) <= 0:
        raise ZeroTime(
            "A time of 0 ns was measured, so no ratio exists; "
            "time several executions together or use a finer clock."
        )
    return tuple(
        math.log(median(first) / median(second)) for first, second in zip(base, arm, strict=True)
    )


def require_samples(rounds: Rounds) -> None:
    """Raise NoSamples where there is no round, or a round without samples."""
    if not rounds or any(len(times) == 0 for times in rounds):
        raise NoSamples("A round holds no sample; measure every round at least once.")


def require_rounds(count: int) -> None:
    """Raise TooFewRounds below LEAST_ROUNDS."""
    if count < LEAST_ROUNDS:
        raise TooFewRounds(
            f"An interval needs at least {LEAST_ROUNDS} rounds, not {count}; measure more rounds."
        )


def expanded_tail(count: int) -> float:
    """The level of a bootstrap interval's lower end for so many rounds, a share below 2.5 %."""
    return float(norm.cdf(math.sqrt(count / (count - 1)) * t.ppf(TAIL, count - 1)))


@lru_cache(maxsize=4096)
def sign_rank(count: int, tail: float) -> int:
    """The greatest k with P(Bin(count, 1/2) < k) <= tail; 0 where there is none.

    The k-th least value is the lower end of the sign test's interval of the median.
    """
    rank = int(binom.ppf(tail, count, 0.5)) if count else 0
    while rank > 0 and binom.cdf(rank - 1, count, 0.5) > tail:
        rank -= 1
    return rank


@lru_cache(maxsize=256)
def interval_rank(count: int) -> int:
    """Which order statistic (1 = least) is the lower end of the interval of a median.

    The bootstrap distribution of a median needs no simulation: with n values, a resample's median
    is at or below the k-th least when at least half of its n picks are, so
    P = P(Bin(n, k / n) >= n / 2) (Efron 1979, "Bootstrap Methods", section 3; Maritz and Jarrett
    1978). The rank is the least k where that reaches the expanded level
    Phi(-sqrt(n / (n - 1)) t_{n-1}), but no higher than the sign test allows. The upper end is
    the same rank from above. For an even n the lower of the two middle picks counts for the lower
    end and the upper one for the upper end: outwards, never inwards.

    Raises:
        TooFewRounds: `count` is below LEAST_ROUNDS.
    """
    require_rounds(count)
    half = (count + 1) // 2
    ranks = np.arange(1, half + 1)
    reached = binom.sf(half - 1, count, ranks / count) >= expanded_tail(count)
    return min(int(ranks[reached][0]), sign_rank(count, TAIL))


def median_interval(values: Sequence[float]) -> Interval:
    """The 95 % interval of the median of independent values; see `interval_rank`.

    Its ends are values that were measured, so it moves with the values under every monotone
    change of unit, and it always holds the median.

    Raises:
        TooFewRounds: there are fewer than LEAST_ROUNDS values.
    """
    return _between_ranks(values, interval_rank(len(values)))


def interval_at(values: Sequence[float], tail: float) -> Interval | None:
    """The sign test's interval of the median; each end misses it with at most `tail`.

    None where there are too few values for that level. Source: Conover 1999, "Practical
    Nonparametric Statistics", section 3.2.
    """
    rank = sign_rank(len(values), tail)
    return _between_ranks(values, rank) if rank else None


def _between_ranks(values: Sequence[float], rank: int) -> Interval:
    ordered = sorted(values)
    return Interval(ordered[rank - 1], ordered[-rank])


def speedup(base: Rounds, arm: Rounds) -> Speedup:
    """Base time / arm time over paired rounds; raises as `log_ratios` and `speedup_of`."""
    return speedup_of(log_ratios(base, arm))


def speedup_of(logs: Sequence[float]) -> Speedup:
    """The speedup of per-round log ratios; TooFewRounds below LEAST_ROUNDS of them."""
    low, high = map(math.exp, median_interval(logs))
    return Speedup(math.exp(median(logs)), low, high, tuple(map(math.exp, logs)))


def floor_of(control: Speedup) -> float:
    """The noise floor of one A/A control, a share: how far from 1 its interval still reaches.

    0.03 says that two measurements of one arm may differ by a factor of 1.03 here.
    """
    return max(control.high, 1 / control.low) - 1


def spread_of_run(controls: Sequence[Speedup]) -> float:
    """The robust standard deviation of the log ratios of A/A controls, around 0.

    1.4826 times the median of absolute values (Rousseeuw and Croux 1993, "Alternatives to the
    Median Absolute Deviation"), so that one noisy operation does not speak for the quiet ones.

    Raises:
        NoSamples: there is no control.
    """
    return 1.4826 * median([abs(math.log(control.ratio)) for control in controls])


def floor_of_run(controls: Sequence[Speedup]) -> float:
    """The noise floor of a whole run, a share: one A/A ratio in a thousand exceeds 1 + floor.

    One operation's own control is a single sample of what two measurements of one arm differ by in
    this hour; all controls together tell how large that is. Both measurements of a control are
    taken on the same file, so what two copies of a file differ by (page layout, place on the
    disk) is not in it; the control operations tell of that.

    Raises:
        NoSamples: there is no control.
    """
    return math.expm1(float(norm.ppf(1 - FALSE_ALARMS / 2)) * spread_of_run(controls))


def verdict(low: float, high: float, threshold: float, minimum_effect: float) -> Verdict:
    """The verdict on a speedup's 95 % interval; `threshold` and `minimum_effect` are shares.

    `faster` when the whole interval lies above 1 + threshold, `slower` when it lies below
    1 / (1 + threshold); `same` when it lies within 1 / (1 + minimum_effect) and
    1 + minimum_effect; else `inconclusive`. The threshold holds the noise floor
    (`Controls.threshold`), so what an A/A control does by itself is never called an effect. It
    does not make anything equal: where noise hides more than the minimum effect, a wide interval
    stays undecided.
    """
    if low > 1 + threshold:
        return "faster"
    if high < 1 / (1 + threshold):
        return "slower"
    if low >= 1 / (1 + minimum_effect) and high <= 1 + minimum_effect:
        return "same"
    return "inconclusive"
