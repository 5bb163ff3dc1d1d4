"""The gate's verdict on times: rounds of two sides and an A/A pair, looked at again and again.

A gate looks at many operations, and at an undecided one several times. Each look at each
operation is a chance of a false alarm, so each gets an equal share of what the whole run is
allowed (Bonferroni's inequality; Dunn 1961, "Multiple Comparisons Among Means"; as alpha
spending over looks: Lan and DeMets 1983, "Discrete Sequential Boundaries for Clinical Trials").
Intervals are the sign test's (Conover 1999, "Practical Nonparametric Statistics", section 3.2):
they hold for rounds of any distribution. Rounds within one generation of processes share what
those processes happened to get of the machine, which no number of rounds averages out: so an
alarm needs two generations that agree, and has to exceed what the A/A pairs of the run show;
and a pass has to leave room for what one generation may have got.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

from scipy.optimize import bisect
from scipy.stats import beta, binom, chi2, norm

from bench.judge import stats
from bench.judge.stats import Interval, Speedup
from bench.results.gate import GateNoise, PairNoise, TimeComparison, TimeVerdict

FALSE_ALARMS_OF_RUN = 0.01
"""How probable a false alarm may be in a whole run, over all operations and looks."""
WRONG_PASSES = 0.025
"""How probable it may be that an operation at its limit passes, over all looks."""
MOST_LOOKS = 6
LEAST_GENERATIONS = 2
"""How many generations of processes have to agree on a regression, or an improvement."""
UNDERRATED = 0.1
"""How probable it may be that the spread of processes is taken as less than it is. Where rounds
scatter three times as much with heavy tails it is a fifth (simulated); passes stay rare there."""


Plan = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timed:
    """What was timed of one operation.

    `heads[g][r]` is log(head / base) of round r in generation g of the processes, `twins[g][r]`
    the same for the base's second process. `base_ns` and `head_ns` are the rounds' times, `draws`
    the rounds' parameter sets. `plans` are base's and head's for each set; empty: not known.
    """

    name: str
    heads: tuple[tuple[float, ...], ...]
    twins: tuple[tuple[float, ...], ...]
    base_ns: tuple[int, ...]
    head_ns: tuple[int, ...]
    draws: tuple[tuple[int, ...], ...] = ()
    plans: tuple[tuple[Plan, Plan], ...] = ()

    @property
    def base_median_ns(self) -> float:
        """The typical time of the base; 0 without a round."""
        return stats.median(self.base_ns) if self.base_ns else 0.0

    @property
    def rounds(self) -> int:
        """How many rounds there are in all."""
        return sum(map(len, self.heads))

    def until(self, look: int) -> Timed:
        """What was known of it after so many looks; its medians stay those of all rounds."""
        return replace(self, heads=self.heads[:look], twins=self.twins[:look])


@dataclass(frozen=True, slots=True)
class Noise:
    """What A/A pairs show: `floor` a share, of the run and of each operation's own `pairs`.

    `spread` is the standard deviation of log(second / first) between processes of one code,
    for one generation of them.
    """

    floor: float
    pairs: dict[str, Speedup]
    spread: float = 0.0

    def own(self, name: str) -> float | None:
        """The floor of an operation's own pair, a share; None without one."""
        return stats.floor_of(self.pairs[name]) if name in self.pairs else None

    def document(self) -> GateNoise:
        """Return `noise_floor` of gate.json."""
        pairs = {
            name: PairNoise(
                ratio=pair.ratio, ci95=(pair.low, pair.high), floor=stats.floor_of(pair)
            )
            for name, pair in self.pairs.items()
        }
        return GateNoise(floor=self.floor, operations=pairs)


def alarm_tail(operations: int) -> float:
    """The one-sided level of each look at each operation, so that the run keeps its promise."""
    return FALSE_ALARMS_OF_RUN / (max(1, operations) * MOST_LOOKS)


@lru_cache(maxsize=4096)
def _rank(count: int, tail: float) -> int:
    """The greatest k with P(Bin(count, 1/2) < k) <= tail; 0 where there is none."""
    rank = int(binom.ppf(tail, count, 0.5)) if count else 0
    while rank > 0 and binom.cdf(rank - 1, count, 0.5) > tail:
        rank -= 1
    return rank


def interval_at(values: Sequence[float], tail: float) -> Interval | None:
    """The sign test's interval of the median; each end misses it with at most `tail`.

    None where there are too few values for that level.
    """
    rank = _rank(len(values), tail)
    if rank == 0:
        return None
    ordered = sorted(values)
    return Interval(ordered[rank - 1], ordered[-rank])


def noise_of(timed: Sequence[Timed]) -> Noise:
    """What the A/A pairs of all operations show that have rounds enough for an interval."""
    pairs = {
        one.name: stats.speedup_of(tuple(chain.from_iterable(one.twins)))
        for one in timed
        if sum(map(len, one.twins)) >= stats.LEAST_ROUNDS
    }
    if not pairs:
        return Noise(0.0, pairs)
    generations = [values for one in timed for values in one.twins if values]
    return Noise(stats.floor_of_run(list(pairs.values())), pairs, between(generations))


def between(generations: Sequence[Sequence[float]]) -> float:
    """An upper bound of the standard deviation of what generations of processes differ by.

    Each holds the log ratios of the rounds of one pair of processes of one code. Their medians
    scatter by that and by the chance of their rounds, whose share is known (`standard_error`)
    and is taken off. The estimate is the variance at which a typical median is as far from 0 as
    it should be (Paule and Mandel 1982, "Consensus Values and Weighting Factors", with a median
    in the place of the sum, so that one restless operation does not speak for all); the bound
    takes for typical what the median of so many squares falls below in UNDERRATED of cases (it
    is a Beta quantile of theirs; David and Nagaraja 2003, "Order Statistics", section 2.1). So a
    few generations, or generations of few rounds, are no evidence that processes are alike.
    """
    known = [values for values in generations if len(values) >= _FOR_AN_ERROR]
    if not known:
        return 0.0
    medians = [stats.median(values) for values in known]
    errors = [standard_error(values) for values in known]
    middle = (len(known) + 1) / 2
    least = float(chi2.ppf(beta.ppf(UNDERRATED, middle, middle), 1))

    def excess(spread: float) -> float:
        far = [
            (value / math.hypot(spread, error)) ** 2
            if spread or error
            else (math.inf if value else 0.0)
            for value, error in zip(medians, errors, strict=True)
        ]
        return stats.median(far) - least

    if excess(0.0) <= 0:
        return 0.0
    # At that end every square is below a hundredth of `least`, so the sign changes in between.
    return float(bisect(excess, 0.0, 10 * max(map(abs, medians)) / math.sqrt(least)))


_FOR_AN_ERROR = 2


def standard_error(values: Sequence[float]) -> float:
    """The standard error of the median of independent values, from two of them in order.

    McKean and Schrader 1984, "A Comparison of Methods for Studentizing the Sample Median", with
    the exact level of the two in the place of 95 %. Infinite for fewer than two values.
    """
    count = len(values)
    if count < 2:
        return math.inf
    rank = max(1, _rank(count, 0.025))
    level = float(binom.cdf(rank - 1, count, 0.5))
    ordered = sorted(values)
    return (ordered[-rank] - ordered[rank - 1]) / (2 * -float(norm.ppf(level)))


def shared(generations: Sequence[Sequence[float]], spread: float) -> float:
    """The standard deviation of what all rounds of a generation have in common, in their median.

    Rounds of a generation share what its processes happened to get; `spread` is the standard
    deviation of that, drawn anew for each generation, and each weighs as many rounds as it has.
    """
    counts = [len(values) for values in generations]
    return spread * math.sqrt(sum(count**2 for count in counts)) / sum(counts)


def verdict_of(
    timed: Timed, limit: float, noise: Noise, operations: int, *, final: bool = True
) -> TimeVerdict:
    """The verdict after one look; `final` says that no other follows.

    `regression`: the interval at the run's alarm level lies above 1 + band, and the median of
    each generation above 1 + limit. `improved`: the same on the other side. `pass`: the
    interval lies below 1 + limit, also when its upper end is moved by what the processes may
    have got by chance, and so does the noise of the run and of the operation's own pair; what
    may turn out to be an improvement passes at the last look only. `limit` is a share.
    """
    values = tuple(chain.from_iterable(timed.heads))
    own = noise.own(timed.name)
    if own is None:
        return "inconclusive"
    band = math.log1p(stats.band(limit, noise.floor, own))
    alarm = interval_at(values, alarm_tail(operations))
    if alarm is not None and len(timed.heads) >= LEAST_GENERATIONS:
        medians = [stats.median(values) for values in timed.heads]
        if alarm.low > band and min(medians) > math.log1p(limit):
            return "regression"
        if alarm.high < -band and max(medians) < -math.log1p(limit):
            return "improved"
    inside = interval_at(values, WRONG_PASSES / MOST_LOOKS)
    if inside is None:
        return "inconclusive"
    noise_share = max(own, noise.floor)
    beyond = math.log1p(noise_share) if noise_share > limit else 0.0
    chance = float(norm.ppf(1 - WRONG_PASSES / MOST_LOOKS)) * shared(timed.heads, noise.spread)
    if inside.high + chance + beyond < math.log1p(limit):
        promising = stats.median(values) < -math.log1p(limit)
        return "inconclusive" if promising and not final else "pass"
    return "inconclusive"


def verdicts_of(
    timed: Sequence[Timed], limit_of: Callable[[Timed], float], *, final: bool = True
) -> dict[str, TimeVerdict]:
    """The verdict on each operation by name, look after look.

    What a look passed stays so, since each look has its part of WRONG_PASSES, while nothing
    newer was measured of the operation and the noise of the run and its own allow a pass.
    Later looks, at what is restless, say more of the noise; what differs, and what is still
    open, is held against all that is known of it by then. An operation's looks are its
    generations: of one that was opened again, the second may be the run's third.
    """
    passed: set[str] = set()
    looks = max((len(one.heads) for one in timed), default=0)
    noise = Noise(0.0, {})
    for look in range(1, looks + 1):
        last = final and look == looks
        known = [one.until(look) for one in timed]
        noise = noise_of(known)
        passed |= {
            one.name
            for one, whole in zip(known, timed, strict=True)
            if len(whole.heads) == look
            and verdict_of(one, limit_of(one), noise, len(timed), final=last) == "pass"
        }
    return {
        one.name: "pass"
        if one.name in passed and max(noise.floor, noise.own(one.name) or 0.0) <= limit_of(one)
        else verdict_of(one, limit_of(one), noise, len(timed), final=final)
        for one in timed
    }


def time_document(
    timed: Timed, limit: float, noise: Noise, operations: int, verdict: TimeVerdict | None
) -> TimeComparison:
    """Return `time` of an operation in gate.json, with the interval at 95 % for the eye.

    `alarm` is the interval at the level that the run's promise asks for.
    """
    values = tuple(chain.from_iterable(timed.heads))
    own = noise.own(timed.name)
    alarm = interval_at(values, alarm_tail(operations))
    ci95 = stats.median_interval(values) if len(values) >= stats.LEAST_ROUNDS else None
    return TimeComparison(
        base_median_ns=round(stats.median(timed.base_ns)),
        head_median_ns=round(stats.median(timed.head_ns)),
        ratio=math.exp(stats.median(values)),
        ci95=ratios(ci95),
        alarm=ratios(alarm),
        limit=limit,
        noise=stats.band(0.0, noise.floor, own),
        rounds=len(values),
        generations=len(timed.heads),
        ratio_rounds=tuple(map(math.exp, values)),
        base_rounds_ns=timed.base_ns,
        head_rounds_ns=timed.head_ns,
        verdict=verdict,
    )


def ratios(interval: Interval | None) -> tuple[float, float] | None:
    """An interval of logarithms as one of ratios."""
    return None if interval is None else (math.exp(interval.low), math.exp(interval.high))


def apart(one: float, other: float) -> tuple[str, str]:
    """Two unequal shares as per cents, with as many places as tell them apart."""
    for places in range(2, 8):
        told = f"{one:.{places}%}", f"{other:.{places}%}"
        if told[0] != told[1]:
            break
    return told
