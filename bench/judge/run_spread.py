"""Several runs a side: what the speedups of two sides differ by beyond what runs of one side do.

The rounds of one run share its hour, its files and its place in memory, so their spread says
nothing of what another run would find. The run is the unit here: the sides' mean log speedups are
held against the spread between runs of one side. All runs answer the same parameters in the same
round, so each counts with those that all have. A mean of logs: a processor that is shared has two
paces, and the median of few rounds jumps between them (a quarter of 133 speedups differed by 6 %
and more between 15 equal runs in medians, by 4.8 % in means).

Few runs tell their spread badly, so each variance, as a multiple of what the rounds of the runs
imply, is shrunk towards what is usual among all of them: the moderated t statistic of Smyth 2004,
"Linear Models and Empirical Bayes Methods for Assessing Differential Expression in Microarray
Experiments", sections 3 to 6. It is never taken for less than the rounds imply. A few speedups
tell nothing of what is usual, and those that are the same in every run (arms of one program, timed
once) nothing of a spread. `FALSE_ALARMS` is divided among the others as Bonferroni's inequality
allows: half of it among those that the study asks for, half among the rest.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from scipy.stats import t

from bench.judge import stats
from bench.results.comparison import Verdict

LEAST_RUNS = 2
# Below a standard deviation of 0.1 % rounds differ by the clock's steps.
_LEAST_VARIANCE = 1e-6
# However alike the variances look, no more is borrowed than so many degrees of freedom, and
# nothing of fewer operations; pairs of arms of one operation share an arm, and look alike by that.
_MOST_PRIOR = 30.0
_LEAST_OPERATIONS = 10

Logs = npt.NDArray[np.float64]
RunSpeedups = Sequence[Logs]
"""One run: of each speedup the log for every parameter set, of shape (rounds, sets)."""


@dataclass(frozen=True, slots=True)
class Change:
    """Head's speedup / base's (below 1 the arm has become slower against its own base arm).

    `low` and `high` are its 95 % interval; `verdict` comes from the wider interval that holds
    for all speedups together.
    """

    ratio: float
    low: float
    high: float
    verdict: Verdict


def changes(
    base: Sequence[RunSpeedups],
    head: Sequence[RunSpeedups],
    minimum_effect: float,
    primary: Collection[int] = (),
    *,
    operations: int,
) -> list[Change]:
    """The change of each speedup from the runs of `base` to those of `head`.

    Every run has the same speedups in the same order, of so many `operations`; `primary` holds
    the places of those that the study asks for. `slower` and `faster` where the interval of all
    together leaves out 1 and the ratio is beyond the minimum effect, `same` where the 95 %
    interval is within the minimum effect.

    Raises:
        bench.judge.stats.NoSamples: a side has fewer than LEAST_RUNS runs.
    """
    if min(len(base), len(head)) < LEAST_RUNS:
        raise stats.NoSamples(f"The spread between runs needs {LEAST_RUNS} runs a side.")
    if not base[0]:
        return []
    rounds = []
    for logs in zip(*base, *head, strict=True):
        # The mean of each round over the sets that all runs have: of shape (runs, rounds).
        count, sets = np.min([values.shape for values in logs], axis=0)
        rounds.append(np.array([values[:count, :sets].mean(axis=1) for values in logs]))
    means = np.array([values.mean(axis=1) for values in rounds]).T
    sides = (means[: len(base)], means[len(base) :])
    difference = sides[1].mean(axis=0) - sides[0].mean(axis=0)
    freedom = len(base) + len(head) - 2
    deviations = [((side - side.mean(axis=0)) ** 2).sum(axis=0) for side in sides]
    within = np.maximum([_within(values) for values in rounds], _LEAST_VARIANCE)
    variances = (deviations[0] + deviations[1]) / freedom
    varying = variances > 0
    multiple, trusted = np.ones(len(within)), float(freedom)
    if varying.any():
        multiple[varying], trusted = _shrunk(
            (variances / within)[varying], freedom, unpooled=operations < _LEAST_OPERATIONS
        )
    variance = within * np.maximum(multiple, 1)
    error = np.sqrt(variance * (1 / len(base) + 1 / len(head)))
    together = t.isf(_levels(varying, primary) / 2, trusted)
    single = float(t.isf((1 - stats.CONFIDENCE) / 2, trusted))
    return [
        _change(float(value), float(wide), single, float(sure), math.log1p(minimum_effect))
        for value, wide, sure in zip(difference, error, together, strict=True)
    ]


def _levels(varying: npt.NDArray[np.bool_], primary: Collection[int]) -> Logs:
    """The level of each test; those of speedups that vary sum to FALSE_ALARMS."""
    first = np.isin(np.arange(len(varying)), list(primary))
    primaries, others = int((first & varying).sum()), int((~first & varying).sum())
    if not primaries or not others:
        return np.full(len(varying), stats.FALSE_ALARMS / max(1, primaries + others))
    levels: Logs = np.where(first, 0.5 / primaries, 0.5 / others) * stats.FALSE_ALARMS
    return levels


def _change(value: float, error: float, single: float, together: float, effect: float) -> Change:
    verdict: Verdict = "inconclusive"
    if abs(value) > max(together * error, effect):
        verdict = "faster" if value > 0 else "slower"
    elif abs(value) + single * error <= effect:
        verdict = "same"
    low, high = value - single * error, value + single * error
    return Change(math.exp(value), math.exp(low), math.exp(high), verdict)


def _within(values: Logs) -> float:
    """The variance of a run's mean that its rounds imply, from values of shape (runs, rounds).

    What a round's parameters make of all runs alike is no spread of them.
    """
    runs, rounds = values.shape
    if rounds < 2:
        return 0.0
    residuals = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    total = float((residuals**2).sum())
    return total / float((runs - 1) * (rounds - 1) * rounds)


def _shrunk(variances: Logs, freedom: int, *, unpooled: bool) -> tuple[Logs, float]:
    """Variances moved towards the usual one, and the degrees of freedom that they then have.

    `unpooled`: nothing is known of what is usual, and each stands for itself.

    The usual variance and the weight of it, in degrees of freedom, come from the mean and the
    variance of the logs (Smyth 2004, section 6.2).
    """
    if unpooled:
        return variances, float(freedom)
    floor = max(stats.median(variances.tolist()), 1e-12) * 1e-6
    logs = np.log(np.maximum(variances, floor)) - digamma(freedom / 2) + math.log(freedom / 2)
    excess = (float(logs.var(ddof=1)) if len(logs) > 1 else 0.0) - float(polygamma(1, freedom / 2))
    prior = _MOST_PRIOR
    if excess > 0:
        prior = min(prior, 2 * _inverse_trigamma(excess))
    usual = math.exp(float(logs.mean()) + float(digamma(prior / 2)) - math.log(prior / 2))
    return (prior * usual + freedom * variances) / (prior + freedom), prior + freedom


def _inverse_trigamma(value: float) -> float:
    """The x at which the trigamma function has a value above 0."""

    def apart(x: float) -> Any:
        return polygamma(1, x) - value

    return float(brentq(apart, 1e-4, 1e8)) if 1e-8 < value < 1e8 else (1e8 if value < 1 else 1e-4)
