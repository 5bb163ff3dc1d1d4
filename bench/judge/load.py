"""From blocks of load to what load.json says of them: figures, verdicts and causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge import resample, stats
from bench.judge.format import significant
from bench.judge.load_blocks import (
    LoadBlock,
    counters_of,
    errors_of,
    names_of,
    slots_of,
    times_of,
    validity,
)
from bench.judge.load_ratios import QUANTILES, Group, whole_groups
from bench.judge.load_series import BlockTimes, percentiles, timeline
from bench.judge.load_verdicts import MOST_ERRORS_APART, errors_apart, errors_sentence, verdicts
from bench.judge.records import Rounds
from bench.results.load import (
    ALL,
    JudgedLoad,
    LaneFigures,
    LatencyQuantiles,
    QuantileComparison,
    RequestLoad,
)

__all__ = ["ALL", "BlockTimes", "LoadBlock", "judge_load", "percentiles", "timeline", "validity"]

# Fewer samples leave less than one beyond the quantile: it would be the largest, renamed.
LEAST = {"p50": 1, "p95": 20, "p99": 100, "p999": 1_000}
# Averages of one tape on two databases of equal content; less apart is how retries fell.
_SAME = 0.02
_NONE: Mapping[str, str] = {}


def judge_load(
    blocks: Sequence[LoadBlock],
    *,
    base: str,
    arm: str,
    minimum_effect: float,
    rng: np.random.Generator,
    http: Mapping[str, str] = _NONE,
) -> JudgedLoad:
    """Figures and verdicts of every operation and of all together.

    Times judged are those since a request was due, in nanoseconds; service time stands beside
    them. `http` gives each operation's endpoint by name. Blocks that lack a partner count in
    their lane's figures and in no comparison. The verdict of an entry is that of its median.

    Raises:
        BenchError: the lanes are one, or a lane has no block.
    """
    lanes = {lane: [block for block in blocks if block.arm == lane] for lane in (base, arm)}
    if len(lanes) < 2 or not all(lanes.values()):
        raise BenchError(
            f"A load compares two lanes and was given {base} and {arm}, of which one has no block; "
            "play both, an arm against itself under two names.",
            INVALID,
        )
    groups = whole_groups(blocks, base, arm)
    names = [ALL, *names_of([*lanes[base], *lanes[arm]])]
    found = verdicts(groups, names, minimum_effect, rng)
    overall, *operations = (
        _request(lanes, groups, name, found.comparisons[name], rng, http.get(name))
        for name in names
    )
    return JudgedLoad(noise_floor=found.noise_floor, overall=overall, operations=tuple(operations))


def _request(
    lanes: Mapping[str, Sequence[LoadBlock]],
    groups: Sequence[Group],
    name: str,
    comparisons: tuple[QuantileComparison, ...],
    rng: np.random.Generator,
    http: str | None,
) -> RequestLoad:
    figures = {lane: lane_figures(blocks, name, rng) for lane, blocks in lanes.items()}
    base, arm = figures.values()
    failed = errors_apart(groups, name)
    apart = abs(failed[0] - failed[1]) > MOST_ERRORS_APART
    median, p95 = comparisons[:2]
    moved = [c.verdict for c in (median, p95) if c.verdict in ("faster", "slower")]
    return RequestLoad(
        name=name,
        http=http,
        lanes=figures,
        comparisons=comparisons,
        verdict=median.verdict,
        reason=errors_sentence(*failed) if apart else median.reason,
        cause=load_cause(base.counters, arm.counters, slower=moved[0] == "slower")
        if moved
        else None,
    )


def lane_figures(blocks: Sequence[LoadBlock], name: str, rng: np.random.Generator) -> LaneFigures:
    """One operation on one lane, or all; requests per second are good answers by counted time."""
    since_due = tuple(times_of(block.since_due_ns, name) for block in blocks)
    service = tuple(times_of(block.service_ns, name) for block in blocks)
    seconds = sum(block.seconds for block in blocks)
    good = sum(map(len, since_due))
    return LaneFigures(
        slots=slots_of(blocks, name),
        good=good,
        requests_per_second=good / seconds if seconds > 0 else None,
        errors=dict(sorted(errors_of(blocks, name).items())),
        since_due=quantiles(since_due, rng),
        service=quantiles(service, rng),
        counters=counters_of(blocks, name),
    )


def quantiles(blocks: Rounds, rng: np.random.Generator) -> LatencyQuantiles:
    """Quantiles of pooled times by block, each with its 95 % interval.

    Whole blocks are resampled. Blocks without a time are left out of that: an operation that is
    rare is in some tapes and not in others, and says of its latency only what its own blocks do.
    With fewer than stats.LEAST_ROUNDS blocks left there is no interval. It tells of these
    tapes' requests and of how the machine wanders, not of tapes that were never drawn.
    """
    full = tuple(times for times in blocks if times)
    pooled = [time for times in full for time in times]
    found: dict[str, int | tuple[int, int] | None] = {}
    for quantile, share in QUANTILES.items():
        enough = len(pooled) >= LEAST[quantile]
        found[f"{quantile}_ns"] = round(stats.quantile(pooled, share)) if enough else None
        found[f"{quantile}_ci95_ns"] = _interval(full, share, rng) if enough else None
    return LatencyQuantiles.model_validate(
        {**found, "max_ns": max(pooled, default=None), "samples": len(pooled)}
    )


def _interval(blocks: Rounds, share: float, rng: np.random.Generator) -> tuple[int, int] | None:
    try:
        interval = resample.quantile_interval(blocks, share, rng)
    except stats.TooFewRounds:
        return None
    return round(interval.low), round(interval.high)


def load_cause(
    base: Mapping[str, float] | None, arm: Mapping[str, float] | None, *, slower: bool
) -> str | None:
    """What moved in SQLite's work for one request, beside a shift of its latency.

    None where a lane was not counted. Where the work did not move as the time did, the sentence
    says so: under load a request also waits for the others.
    """
    if base is None or arm is None:
        return None
    parts = [_steps(base, arm), _scanned(base, arm), _sorted(base, arm), _indexed(base, arm)]
    found = "; ".join(part for part in parts if part)
    moved = _ratio(base, arm, "vm_steps")
    explained = moved is not None and (moved > 1 + _SAME if slower else moved < 1 - _SAME)
    words = (
        f"{found[0].upper()}{found[1:]}." if found else "SQLite's work for a request is the same."
    )
    if explained:
        return words
    more = "more" if slower else "less"
    return (
        f"{words} That does not tell where the time goes: it waits {more} behind other "
        f"requests, or a step costs {more}."
    )


def _ratio(base: Mapping[str, float], arm: Mapping[str, float], key: str) -> float | None:
    old, new = base.get(key, 0.0), arm.get(key, 0.0)
    return new / old if old > 0 else None


def _moved(old: float, new: float) -> bool:
    return abs(new - old) > _SAME * max(old, new)


def _steps(base: Mapping[str, float], arm: Mapping[str, float]) -> str | None:
    old, new = base.get("vm_steps", 0.0), arm.get("vm_steps", 0.0)
    if not _moved(old, new):
        return None
    figures = f"({_whole(new)} for {_whole(old)})"
    if old <= 0:
        return f"SQLite takes {_whole(new)} steps a request where it took none"
    if new > old:
        return f"SQLite takes {significant(new / old)} times the steps a request {figures}"
    return f"SQLite takes fewer steps a request {figures}"


def _scanned(base: Mapping[str, float], arm: Mapping[str, float]) -> str | None:
    old, new = base.get("fullscan_steps", 0.0), arm.get("fullscan_steps", 0.0)
    if not _moved(old, new):
        return None
    if new <= 0:
        return f"no row is read by scanning a table any more ({_whole(old)} before)"
    if old <= 0:
        return f"{_whole(new)} rows are read by scanning tables, where none was"
    return f"{_whole(new)} rows are read by scanning tables instead of {_whole(old)}"


def _sorted(base: Mapping[str, float], arm: Mapping[str, float]) -> str | None:
    old, new = base.get("sorts", 0.0), arm.get("sorts", 0.0)
    if not _moved(old, new):
        return None
    if new <= 0:
        return "nothing is sorted any more"
    return f"it sorts {significant(new)} times a request instead of {significant(old)}"


def _indexed(base: Mapping[str, float], arm: Mapping[str, float]) -> str | None:
    old, new = base.get("autoindexes", 0.0), arm.get("autoindexes", 0.0)
    if not _moved(old, new):
        return None
    return f"automatic indexes take {significant(new)} rows a request instead of {significant(old)}"


def _whole(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else significant(value)
