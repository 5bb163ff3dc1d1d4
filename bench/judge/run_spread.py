"""Several runs a side: what the speedups of two sides differ by beyond what runs of one side do.

The rounds of one run share its hour, its files and its place in memory, so their spread says
nothing of what another run would find. The run is the unit here: the sides' mean log speedups are
held against the spread between runs of one side. Few runs tell that spread badly, so each
variance, as a multiple of what the runs' own intervals imply, is shrunk towards what is usual
among all of them: the moderated t statistic of Smyth 2004, "Linear Models and Empirical Bayes
Methods for Assessing Differential Expression in Microarray Experiments", sections 3 to 6. It is
never taken for less than the runs' own intervals imply. `FALSE_ALARMS` is divided among the
speedups as Bonferroni's inequality allows: half of it among those that the study asks for, half
among the others.
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
from bench.judge.records import Verdict

# The share of comparisons of like sides in which anything is called slower or faster.
FALSE_ALARMS = 0.01
LEAST_RUNS = 2
# Below a standard deviation of 0.1 % intervals are those of the clock's steps.
_LEAST_VARIANCE = 1e-6
# However alike the variances look, no more is borrowed than so many degrees of freedom.
_MOST_PRIOR = 30.0

Logs = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RunSpeedups:
    """The speedups that one run measured, and their 95 % intervals."""

    ratios: Sequence[float]
    intervals: Sequence[tuple[float, float]]


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
) -> list[Change]:
    """The change of each speedup from the runs of `base` to those of `head`.

    Every run has the same speedups in the same order, all above 0; `primary` holds the places of
    those that the study asks for. `slower` and `faster` where the interval of all together leaves
    out 1 and the ratio is beyond the minimum effect, `same` where the 95 % interval is within the
    minimum effect.

    Raises:
        bench.judge.stats.NoSamples: a side has fewer than LEAST_RUNS runs.
    """
    if min(len(base), len(head)) < LEAST_RUNS:
        raise stats.NoSamples(f"The spread between runs needs {LEAST_RUNS} runs a side.")
    sides = [np.log(np.array([run.ratios for run in side], np.float64)) for side in (base, head)]
    if sides[0].shape[1] == 0:
        return []
    difference = sides[1].mean(axis=0) - sides[0].mean(axis=0)
    freedom = len(base) + len(head) - 2
    deviations = [((side - side.mean(axis=0)) ** 2).sum(axis=0) for side in sides]
    within = _within([*base, *head])
    multiple, trusted = _shrunk((deviations[0] + deviations[1]) / freedom / within, freedom)
    variance = within * np.maximum(multiple, 1)
    error = np.sqrt(variance * (1 / len(base) + 1 / len(head)))
    together = t.isf(_levels(len(difference), primary) / 2, trusted)
    alone = float(t.isf((1 - stats.CONFIDENCE) / 2, trusted))
    return [
        _change(float(value), float(wide), alone, float(sure), math.log1p(minimum_effect))
        for value, wide, sure in zip(difference, error, together, strict=True)
    ]


def _levels(count: int, primary: Collection[int]) -> Logs:
    """The level of each of `count` tests; they sum to FALSE_ALARMS."""
    first = np.isin(np.arange(count), list(primary))
    if not 0 < first.sum() < count:
        return np.full(count, FALSE_ALARMS / count)
    levels: Logs = np.where(first, 0.5 / first.sum(), 0.5 / (count - first.sum())) * FALSE_ALARMS
    return levels


def _change(value: float, error: float, alone: float, together: float, effect: float) -> Change:
    verdict: Verdict = "inconclusive"
    if abs(value) > max(together * error, effect):
        verdict = "faster" if value > 0 else "slower"
    elif abs(value) + alone * error <= effect:
        verdict = "same"
    low, high = value - alone * error, value + alone * error
    return Change(math.exp(value), math.exp(low), math.exp(high), verdict)


def _within(runs: Sequence[RunSpeedups]) -> Logs:
    """The mean variance of each log speedup that the runs' own intervals imply."""
    ends = np.log(np.array([run.intervals for run in runs], dtype=np.float64))
    found: Logs = (((ends[:, :, 1] - ends[:, :, 0]) / (2 * stats.NORMAL_95)) ** 2).mean(axis=0)
    return np.maximum(found, _LEAST_VARIANCE)


def _shrunk(variances: Logs, freedom: int) -> tuple[Logs, float]:
    """Variances moved towards the usual one, and the degrees of freedom that they then have.

    The usual variance and the weight of it, in degrees of freedom, come from the mean and the
    variance of the logs (Smyth 2004, section 6.2).
    """
    floor = max(float(np.median(variances)), 1e-12) * 1e-6
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
