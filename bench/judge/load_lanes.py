"""One lane's figures of one operation under load: quantiles, errors, counters.

Judging room: no file, no clock, no database may enter; randomness only from a Generator that
the caller passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.judge import resample, stats
from bench.judge.load_ratios import QUANTILES
from bench.judge.load_records import ALL, LoadBlock
from bench.judge.records import Rounds

# Fewer samples leave less than one beyond the quantile: it would be the largest, renamed.
LEAST = {"p50": 1, "p95": 20, "p99": 100, "p999": 1_000}


def lane_figures(
    blocks: Sequence[LoadBlock], name: str, rng: np.random.Generator
) -> dict[str, Any]:
    """What load.json says of one lane and operation, or of all; times in whole nanoseconds.

    `requests_per_second` are good answers by counted time. `counters` are averages of a
    request as the application counted, None where it did not.
    """
    since_due = _times([block.since_due_ns for block in blocks], name)
    seconds = sum(block.seconds for block in blocks)
    good = sum(map(len, since_due))
    return {
        "slots": slots_of(blocks, name),
        "good": good,
        "requests_per_second": good / seconds if seconds > 0 else None,
        "errors": dict(sorted(errors_of(blocks, name).items())),
        "since_due": quantiles(since_due, rng),
        "service": quantiles(_times([block.service_ns for block in blocks], name), rng),
        "counters": counters_of(blocks, name),
    }


def _times(columns: Sequence[Mapping[str, tuple[int, ...]]], name: str) -> Rounds:
    if name != ALL:
        return tuple(tuple(column.get(name, ())) for column in columns)
    return tuple(tuple(time for times in column.values() for time in times) for column in columns)


def quantiles(blocks: Rounds, rng: np.random.Generator) -> dict[str, Any]:
    """Quantiles of pooled times by block, each with its 95 % interval.

    Whole blocks are resampled. Blocks without a time are left out of that: an operation that is
    rare is in some tapes and not in others, and says of its latency only what its own blocks do.
    With fewer than stats.LEAST_ROUNDS blocks left there is no interval. It tells of these
    tapes' requests and of how the machine wanders, not of tapes that were never drawn.
    """
    full = tuple(times for times in blocks if times)
    pooled = [time for times in full for time in times]
    found: dict[str, Any] = {}
    for quantile, share in QUANTILES.items():
        enough = len(pooled) >= LEAST[quantile]
        found[f"{quantile}_ns"] = round(stats.quantile(pooled, share)) if enough else None
        found[f"{quantile}_ci95_ns"] = _ends(full, share, rng) if enough else None
    return {**found, "max_ns": max(pooled, default=None), "samples": len(pooled)}


def _ends(blocks: Rounds, share: float, rng: np.random.Generator) -> list[int] | None:
    try:
        interval = resample.quantile_interval(blocks, share, rng)
    except stats.TooFewRounds:
        return None
    return [round(interval.low), round(interval.high)]


def names_of(blocks: Sequence[LoadBlock]) -> list[str]:
    """Every operation of which a slot was due or an answer came, by name."""
    return sorted({name for one in blocks for name in (*one.slots, *one.since_due_ns, *one.errors)})


def slots_of(blocks: Sequence[LoadBlock], name: str) -> int:
    """How many were due of one operation, or of all."""
    return sum(
        sum(block.slots.values()) if name == ALL else block.slots.get(name, 0) for block in blocks
    )


def errors_of(blocks: Sequence[LoadBlock], name: str) -> Counter[str]:
    """How many got no good answer, by kind, of one operation or of all."""
    found: Counter[str] = Counter()
    for block in blocks:
        for operation, kinds in block.errors.items():
            if name in (ALL, operation):
                found.update(kinds)
    return found


def error_share(blocks: Sequence[LoadBlock], name: str) -> float:
    """The share of one operation's requests, or of all, that got no good answer."""
    failed = errors_of(blocks, name).total()
    good = sum(map(len, _times([block.since_due_ns for block in blocks], name)))
    return failed / (failed + good) if failed + good else 0.0


def counters_of(blocks: Sequence[LoadBlock], name: str) -> dict[str, float] | None:
    """The application's counters as averages of one request."""
    total: Counter[str] = Counter()
    for block in blocks:
        for operation, counted in block.counters.items():
            if name in (ALL, operation):
                total.update(counted)
    requests = total.pop("requests", 0)
    return {key: value / requests for key, value in sorted(total.items())} if requests else None
