"""The gate's verdict on times: rounds of two sides and an A/A control, analysed up to six times.

A gate judges many operations, and an undecided one several times. Each interim analysis of each
operation is a chance of a false alarm, so each gets an equal share of what the whole run is allowed
(Bonferroni's inequality; Dunn 1961, "Multiple Comparisons Among Means"; as alpha spending over
interim analyses: Lan and DeMets 1983, "Discrete Sequential Boundaries for Clinical Trials"). Rounds
of one batch of processes share what those processes happened to get of the machine, which no number
of rounds averages out: so an alarm needs two batches that agree, and has to exceed what the A/A
controls of the run show; and a pass has to leave room for what one batch may have got.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from scipy.optimize import bisect
from scipy.stats import beta, binom, chi2, norm

from bench.judge import stats
from bench.judge.gate_answers import parameters_text
from bench.judge.gate_seen import Seen
from bench.judge.noise import NO_CONTROLS, Controls
from bench.judge.stats import Interval, interval_at
from bench.results.gate import PlanGroup, PlanPair, TimeComparison, TimeVerdict

FALSE_ALARMS_OF_RUN = 0.01
"""How probable a false alarm may be in a whole run, over all operations and analyses."""
WRONG_PASSES = 0.025
"""How probable it may be that an operation at its limit passes, over all analyses."""
MOST_ANALYSES = 6
LEAST_BATCHES = 2
"""How many batches of processes have to agree on a regression, or an improvement."""
UNDERRATED = 0.1
"""How probable it may be that the spread of processes is taken as less than it is. Where rounds
scatter three times as much with heavy tails it is a fifth (simulated); passes stay rare there."""
SHOWN_PARAMETERS = 3


Plan = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timed:
    """What was timed of one operation.

    `heads[g][r]` is log(head / base) of round r in batch g of the processes, `controls[g][r]` the
    same for the base's second process. `base_ns` and `head_ns` are the rounds' times, `set_indexes`
    the rounds' parameter sets. `plans` are base's and head's for each set; empty: not known.
    """

    name: str
    heads: tuple[tuple[float, ...], ...]
    controls: tuple[tuple[float, ...], ...]
    base_ns: tuple[int, ...]
    head_ns: tuple[int, ...]
    set_indexes: tuple[tuple[int, ...], ...] = ()
    plans: tuple[tuple[Plan, Plan], ...] = ()

    @property
    def base_median_ns(self) -> float:
        """The typical time of the base; 0 without a round."""
        return stats.median(self.base_ns) if self.base_ns else 0.0

    @property
    def logs(self) -> tuple[float, ...]:
        """The log ratios of all rounds."""
        return tuple(chain.from_iterable(self.heads))

    @property
    def rounds(self) -> int:
        """How many rounds there are in all."""
        return sum(map(len, self.heads))

    def until(self, analyses: int) -> Timed:
        """What was known of it after so many analyses; its medians stay those of all rounds."""
        return replace(self, heads=self.heads[:analyses], controls=self.controls[:analyses])


def alarm_tail(operations: int) -> float:
    """The one-sided level of each analysis of each operation."""
    return FALSE_ALARMS_OF_RUN / (max(1, operations) * MOST_ANALYSES)


def noise_of(timed: Sequence[Timed]) -> Controls:
    """What the A/A controls of all operations show that have rounds enough for an interval."""
    pairs = {
        operation.name: stats.speedup_of(tuple(chain.from_iterable(operation.controls)))
        for operation in timed
        if sum(map(len, operation.controls)) >= stats.LEAST_ROUNDS
    }
    if not pairs:
        return NO_CONTROLS
    batches = [values for operation in timed for values in operation.controls if values]
    return Controls.of(pairs, between(batches))


def between(batches: Sequence[Sequence[float]]) -> float:
    """An upper bound of the standard deviation of what batches of processes differ by.

    Each holds the log ratios of the rounds of one pair of processes of one code. Their medians
    scatter by that and by the chance of their rounds, whose share is known (`standard_error`)
    and is taken off. The estimate is the variance at which a typical median is as far from 0 as
    it should be (Paule and Mandel 1982, "Consensus Values and Weighting Factors", with a median
    in the place of the sum, so that one noisy operation does not speak for all); the bound
    takes for typical what the median of so many squares falls below in UNDERRATED of cases (it
    is a Beta quantile of theirs; David and Nagaraja 2003, "Order Statistics", section 2.1). So a
    few batches, or batches of few rounds, are no evidence that processes are alike.
    """
    known = [values for values in batches if len(values) > 1]
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


def standard_error(values: Sequence[float]) -> float:
    """The standard error of the median of independent values, from two of them in order.

    McKean and Schrader 1984, "A Comparison of Methods for Studentizing the Sample Median", with
    the exact level of the two in the place of 95 %. Infinite for fewer than two values.
    """
    count = len(values)
    if count < 2:
        return math.inf
    rank = max(1, stats.sign_rank(count, 0.025))
    level = float(binom.cdf(rank - 1, count, 0.5))
    ordered = sorted(values)
    return (ordered[-rank] - ordered[rank - 1]) / (2 * -float(norm.ppf(level)))


def shared(batches: Sequence[Sequence[float]], spread: float) -> float:
    """The standard deviation of what all rounds of a batch have in common, in their median.

    Rounds of a batch share what its processes happened to get; `spread` is the standard deviation
    of that, drawn anew for each batch, and each weighs as many rounds as it has.
    """
    counts = [len(values) for values in batches]
    return spread * math.sqrt(sum(count**2 for count in counts)) / sum(counts)


def verdict_of(
    timed: Timed, limit: float, controls: Controls, operations: int, *, final: bool = True
) -> TimeVerdict:
    """The verdict after one analysis; `final` says that no other follows.

    `regression`: the interval at the run's alarm level lies above the decision threshold, and the
    median of each batch above the limit. `improved`: the same on the other side. `pass`: the
    interval lies below the limit, also when its upper end is moved by what the processes may have
    got by chance, and so does the noise of the run and of the operation's own control; what may
    turn out to be an improvement passes at the last analysis only. `limit` is a share.
    """
    if controls.own_floor(timed.name) is None:
        return "inconclusive"
    values, allowed = timed.logs, math.log1p(limit)
    threshold = math.log1p(controls.threshold(timed.name, limit))
    interval = interval_at(values, alarm_tail(operations))
    if interval is not None and len(timed.heads) >= LEAST_BATCHES:
        medians = [stats.median(values) for values in timed.heads]
        if interval.low > threshold and min(medians) > allowed:
            return "regression"
        if interval.high < -threshold and max(medians) < -allowed:
            return "improved"
    inside = interval_at(values, WRONG_PASSES / MOST_ANALYSES)
    if inside is None:
        return "inconclusive"
    noise = controls.noise(timed.name)
    beyond = math.log1p(noise) if noise > limit else 0.0
    chance = float(norm.ppf(1 - WRONG_PASSES / MOST_ANALYSES)) * shared(
        timed.heads, controls.spread
    )
    promising = stats.median(values) < -allowed and not final
    passes = inside.high + chance + beyond < allowed and not promising
    return "pass" if passes else "inconclusive"


def verdicts_of(
    timed: Sequence[Timed], limit_of: Callable[[Timed], float], *, final: bool = True
) -> dict[str, TimeVerdict]:
    """The verdict on each operation by name, analysis after analysis.

    What one analysis passed stays so, since each has its part of WRONG_PASSES, while nothing
    newer was measured of the operation and the noise of the run and its own allow a pass. Later
    analyses, of noisy operations, say more of the noise; what differs, and what is still open, is
    held against all that is known of it by then. An operation's analyses are its batches: of one
    that was opened again, the second may be the run's third.
    """
    passed: set[str] = set()
    analyses = max((len(operation.heads) for operation in timed), default=0)
    controls = NO_CONTROLS

    def verdict(operation: Timed, final: bool) -> TimeVerdict:
        return verdict_of(operation, limit_of(operation), controls, len(timed), final=final)

    for analysis in range(1, analyses + 1):
        known = [operation.until(analysis) for operation in timed]
        controls = noise_of(known)
        passed |= {
            operation.name
            for operation, whole in zip(known, timed, strict=True)
            if len(whole.heads) == analysis
            and verdict(operation, final and analysis == analyses) == "pass"
        }
    return {
        operation.name: "pass"
        if operation.name in passed and controls.noise(operation.name) <= limit_of(operation)
        else verdict(operation, final)
        for operation in timed
    }


def time_document(
    timed: Timed, limit: float, controls: Controls, operations: int, verdict: TimeVerdict | None
) -> TimeComparison:
    """Return `time` of an operation in gate.json, with the interval at 95 % for the eye.

    `alarm` is the interval at the level that the run's promise asks for.
    """
    values = timed.logs
    return TimeComparison(
        base_median_ns=round(stats.median(timed.base_ns)),
        head_median_ns=round(stats.median(timed.head_ns)),
        ratio=math.exp(stats.median(values)),
        ci95=interval_95(values),
        alarm=ratios(interval_at(values, alarm_tail(operations))),
        limit=limit,
        noise=controls.noise(timed.name),
        rounds=len(values),
        generations=len(timed.heads),
        ratio_rounds=tuple(map(math.exp, values)),
        base_rounds_ns=timed.base_ns,
        head_rounds_ns=timed.head_ns,
        verdict=verdict,
    )


def interval_95(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of a ratio from log ratios; None of too few."""
    return ratios(stats.median_interval(values) if len(values) >= stats.LEAST_ROUNDS else None)


def ratios(interval: Interval | None) -> tuple[float, float] | None:
    """An interval of logarithms as one of ratios."""
    return None if interval is None else (math.exp(interval[0]), math.exp(interval[1]))


def by_plan(
    base: Sequence[Seen],
    head: Sequence[Seen],
    timed: Timed | None,
    parameters: Sequence[Mapping[str, Any]],
    *,
    limit_of: Callable[[float], float],
    operations: int,
) -> tuple[PlanGroup, ...]:
    """Return `by_plan` of an operation: a group for each pair of plans; () for one alone.

    `limit_of` is the share that a time of so many ns may grow, the noise included; a group is
    `slower` that exceeds it at the level of the alarms of so many `operations`, in all batches.
    """
    known = {seen.draw: seen for seen in base if seen.driver == "sql"}
    pairs = {
        seen.draw: (known[seen.draw], seen)
        for seen in head
        if seen.driver == "sql" and seen.draw in known
    }
    plans = {set_index: (old.plan, new.plan) for set_index, (old, new) in pairs.items()}
    if timed is not None and any(old and new for old, new in timed.plans):
        plans = dict(enumerate(timed.plans))
    groups: dict[tuple[Plan, Plan], list[int]] = {}
    for set_index, both in plans.items():
        if all(both):
            groups.setdefault(both, []).append(set_index)
    if len(groups) < 2 or not parameters:
        return ()
    tail = alarm_tail(max(1, operations) * len(groups))
    judged = []
    for (old_plan, new_plan), set_indexes in groups.items():
        counted = next((pairs[set_index] for set_index in set_indexes if set_index in pairs), None)
        shown = [parameters_text(parameters[set_index]) for set_index in sorted(set_indexes)]
        group = PlanGroup(
            parameters=tuple(shown[:SHOWN_PARAMETERS]),
            draws=len(set_indexes),
            plans=PlanPair(base=old_plan, head=new_plan),
            base=None if counted is None else counted[0].counted(),
            head=None if counted is None else counted[1].counted(),
            ratio=None, ci95=None, limit=None, slower=False,
        )  # fmt: skip
        judged.append(
            group if timed is None else _with_times(group, timed, set_indexes, limit_of, tail)
        )
    return tuple(judged)


def _with_times(
    group: PlanGroup,
    timed: Timed,
    set_indexes: Sequence[int],
    limit_of: Callable[[float], float],
    tail: float,
) -> PlanGroup:
    """A group with the ratio of its rounds, its interval, its limit, and whether it is slower."""
    batches = [
        [
            value
            for value, set_index in zip(heads, timed_sets, strict=True)
            if set_index in set_indexes
        ]
        for heads, timed_sets in zip(timed.heads, timed.set_indexes, strict=False)
    ]
    values = [value for batch in batches for value in batch]
    if not values:
        return group
    timed_sets = [set_index for batch in timed.set_indexes for set_index in batch]
    base_ns = [
        ns
        for ns, set_index in zip(timed.base_ns, timed_sets, strict=True)
        if set_index in set_indexes
    ]
    limit = limit_of(stats.median(base_ns))
    interval = stats.interval_at(values, tail)
    medians = [stats.median(batch) for batch in batches if batch]
    times = {
        "ratio": math.exp(stats.median(values)),
        "ci95": interval_95(values),
        "limit": limit,
        "slower": interval is not None
        and len(medians) >= LEAST_BATCHES
        and min(interval.low, *medians) > math.log1p(limit),
    }
    return group.model_copy(update=times)
