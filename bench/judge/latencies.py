"""Latencies as documents hold them: quantiles with their intervals, in whole nanoseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

import numpy as np
import numpy.typing as npt

from bench.judge import stats
from bench.judge.records import ArmSamples, Counters
from bench.judge.stats import Interval, Rounds, expanded_tail
from bench.results.comparison import ArmFigures
from bench.results.load import LatencyQuantiles, Quantile

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
RESAMPLES = 1000

SHARES: Mapping[Quantile, float] = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}
# Fewer samples leave less than one beyond the quantile: it would be the largest, renamed.
LEAST: Mapping[Quantile, int] = {"p50": 1, "p95": 20, "p99": 100, "p999": 1_000}
_UNKNOWN = dict.fromkeys(field.name for field in fields(Counters))


def arm_figures(
    entry: ArmSamples, counted: Counters | None, plan: Sequence[str], rng: np.random.Generator
) -> ArmFigures:
    """One arm of an operation.

    The median and its interval are those of the parameter sets, each of which is the median of its
    repetitions: verdicts rest on them. p95, p99 and the largest value are those of all timed
    executions, so that a rare slow one is not smoothed away; `samples` counts them. Quantiles
    with fewer executions than LEAST are None, intervals with too few rounds.
    """
    timed = entry.timed()
    executions = pooled(timed)
    tail = len(executions) >= LEAST["p95"]
    return ArmFigures(
        median_ns=quantile_ns(pooled(entry.rounds), 0.5),
        ci95_ns=interval_ns(entry.rounds, 0.5, rng),
        p95_ns=quantile_ns(executions, 0.95, LEAST["p95"]),
        p95_ci95_ns=interval_ns(timed, 0.95, rng) if tail else None,
        p99_ns=quantile_ns(executions, 0.99, LEAST["p99"]),
        max_ns=max(executions, default=None),
        rounds=len(entry.rounds),
        samples=len(executions),
        plan=tuple(plan),
        **(_UNKNOWN if counted is None else asdict(counted)),
    )


def latency_quantiles(
    rounds: Rounds, rng: np.random.Generator, least: Mapping[Quantile, int] = LEAST
) -> LatencyQuantiles:
    """Quantiles of pooled times by round, each with its 95 % interval where there are enough.

    Rounds without a time are left out: what is rare is in some and not in others. The interval is
    a cluster bootstrap over rounds, None with fewer than stats.LEAST_ROUNDS of them.
    """
    full = [times for times in rounds if times]
    times = pooled(full)
    values: dict[str, int | tuple[int, int] | None] = {}
    for name, share in SHARES.items():
        enough = len(times) >= least[name]
        values[f"{name}_ns"] = quantile_ns(times, share, least[name])
        values[f"{name}_ci95_ns"] = interval_ns(full, share, rng) if enough else None
    return LatencyQuantiles.model_validate(
        {**values, "max_ns": max(times, default=None), "samples": len(times)}
    )


def pooled(rounds: Rounds) -> list[int]:
    """The times of all rounds."""
    return [time for times in rounds for time in times]


def quantile_ns(
    times: Sequence[int] | Whole, share: float, least: int = 1, *, measured: bool = False
) -> int | None:
    """A quantile in whole nanoseconds; None of fewer than `least` times."""
    if len(times) < least:
        return None
    return round(stats.quantiles(times, [share], measured=measured)[0])


def interval_ns(rounds: Rounds, share: float, rng: np.random.Generator) -> tuple[int, int] | None:
    """Its interval, None where too little was measured for one."""
    try:
        low, high = quantile_interval(rounds, share, rng)
    except (stats.NoSamples, stats.TooFewRounds):
        return None
    return round(low), round(high)


def quantile_interval(
    rounds: Rounds, share: float, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Interval:
    """The 95 % bootstrap interval of a quantile of one arm's pooled samples.

    Whole rounds are resampled with replacement (a cluster bootstrap, Davison and Hinkley 1997,
    "Bootstrap Methods and their Application", section 3.8); percentiles are expanded as in
    `interval_rank`, and the interval is widened where it must be to hold the quantile itself.

    Raises:
        NoSamples: there is no round, or a round without samples.
        TooFewRounds: there are fewer than LEAST_ROUNDS rounds.
    """
    stats.require_samples(rounds)
    count = len(rounds)
    stats.require_rounds(count)
    resampled = resampled_quantiles(rounds, share, resamplings(count, rng, resamples))
    tail = expanded_tail(count)
    low, high = stats.quantiles(resampled, [tail, 1 - tail])
    point = stats.quantile(pooled(rounds), share)
    return Interval(min(low, point), max(high, point))


def resamplings(count: int, rng: np.random.Generator, resamples: int = RESAMPLES) -> Whole:
    """How often each of so many rounds is in each resample: (resample, round)."""
    return rng.multinomial(count, np.full(count, 1 / count), size=resamples)


def resampled_quantiles(rounds: Rounds, share: float, weights: Whole) -> Floats:
    """A quantile of the pooled samples of each resample that `resamplings` chose.

    Two arms resampled by the same weights are resampled in pairs.
    """
    values = np.asarray(pooled(rounds), dtype=np.float64)
    owner = np.repeat(np.arange(len(rounds)), [len(samples) for samples in rounds])
    order = np.argsort(values, kind="stable")
    return _weighted_quantiles(values[order], owner[order], weights, share)


def _weighted_quantiles(values: Floats, owner: Whole, weights: Whole, share: float) -> Floats:
    """Type 7 quantiles of resamples, each given by how often it took each round.

    `values` are sorted and `owner` tells the round of each. `upto[i, r]` counts the values of
    round r among the first i + 1, so that a resample has reached upto[i] . weights values there;
    the place is found by bisection.
    """
    upto = np.cumsum(owner[:, None] == np.arange(weights.shape[1]), axis=0)
    position = ((weights @ upto[-1]) - 1) * share

    def at(rank: Floats) -> Floats:
        low = np.zeros(len(weights), dtype=np.int64)
        high = np.full(len(weights), len(values) - 1, dtype=np.int64)
        while np.any(low < high):
            middle = (low + high) // 2
            enough = np.einsum("ij,ij->i", upto[middle], weights) > rank
            high = np.where(enough, middle, high)
            low = np.where(enough, low, middle + 1)
        return values[low]

    below = np.floor(position)
    left = at(below)
    quantiles: Floats = left + (at(np.ceil(position)) - left) * (position - below)
    return quantiles
