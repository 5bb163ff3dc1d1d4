"""One arm's figures: quantiles with their intervals, counters and plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from bench.judge import resample, stats
from bench.judge.records import ArmSamples, Counters, Rounds
from bench.results.comparison import ArmFigures

# So few executions lie beyond a quantile with less that it would be the largest, renamed:
# one in twenty beyond the p95, one in a hundred beyond the p99.
LEAST_FOR_P95 = 20
LEAST_FOR_P99 = 100


def arm_figures(
    entry: ArmSamples, counted: Counters | None, plan: Sequence[str], rng: np.random.Generator
) -> ArmFigures:
    """One arm of an operation; times in whole nanoseconds.

    The median and its interval are those of the draws, each of which is the median of its
    repetitions: they are what verdicts rest on. p95, p99 and the largest value are those of
    all timed executions, so that a rare slow one is not smoothed away; `samples` counts them.
    p95 is None below LEAST_FOR_P95 executions and p99 below LEAST_FOR_P99; intervals are None
    where there are too few rounds for one.
    """
    drawn = [latency for draws in entry.rounds for latency in draws]
    timed = entry.timed()
    pooled = [latency for executions in timed for latency in executions]
    tail = len(pooled) >= LEAST_FOR_P95
    counters = {
        field.name: None if counted is None else getattr(counted, field.name)
        for field in fields(Counters)
    }
    return ArmFigures(
        median_ns=_point(drawn, 0.5),
        ci95_ns=_ends(entry.rounds, 0.5, rng),
        p95_ns=_point(pooled, 0.95) if tail else None,
        p95_ci95_ns=_ends(timed, 0.95, rng) if tail else None,
        p99_ns=_point(pooled, 0.99) if len(pooled) >= LEAST_FOR_P99 else None,
        max_ns=max(pooled, default=None),
        rounds=len(entry.rounds),
        samples=len(pooled),
        plan=tuple(plan),
        **counters,
    )


def _point(pooled: Sequence[int], share: float) -> int | None:
    return round(stats.quantile(pooled, share)) if pooled else None


def _ends(rounds: Rounds, share: float, rng: np.random.Generator) -> tuple[int, int] | None:
    """The interval in whole nanoseconds, or None where too little was measured for one."""
    try:
        interval = resample.quantile_interval(rounds, share, rng)
    except (stats.NoSamples, stats.TooFewRounds):
        return None
    return (round(interval.low), round(interval.high))
