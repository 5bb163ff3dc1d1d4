"""From blocks of load to what load.json says of them: figures, verdicts, causes and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge import stats
from bench.judge.format import sentence_case, significant
from bench.judge.latencies import latency_quantiles
from bench.judge.load_blocks import (
    MOST_ERRORS_APART,
    LoadBlock,
    counters_of,
    errors_apart,
    errors_of,
    errors_sentence,
    names_of,
    scheduled_of,
    times_of,
    validity,
)
from bench.judge.load_ratios import Group, verdicts, whole_groups
from bench.results.comparison import DECIDED
from bench.results.load import (
    ALL,
    Curve,
    JudgedLoad,
    QuantileComparison,
    RequestLoad,
    SeriesFigures,
    TimelineSecond,
)

__all__ = ["ALL", "BlockTimes", "LoadBlock", "judge_load", "percentiles", "timeline", "validity"]

# Averages of one schedule on two databases of equal content; less apart is how retries fell.
_SAME = 0.02
_NONE: Mapping[str, str] = {}
POINTS = 60
_FINEST = 1e-4
_SECOND_NS = 1_000_000_000

Times = npt.NDArray[np.int64]


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

    Times judged are response times since a request was due, in nanoseconds. `http` gives each
    operation's endpoint by name. Blocks that lack a partner count in the figures of their arm and
    in no comparison. The verdict of an entry is that of its median.

    Raises:
        BenchError: both arms have one name, or one has no block.
    """
    by_arm = {name: [block for block in blocks if block.arm == name] for name in (base, arm)}
    if len(by_arm) < 2 or not all(by_arm.values()):
        raise BenchError(
            f"A load compares two arms and was given {base} and {arm}, of which one has no block; "
            "play both, an arm against itself under two names.",
            INVALID,
        )
    groups = whole_groups(blocks, base, arm)
    names = [ALL, *names_of([*by_arm[base], *by_arm[arm]])]
    judged = verdicts(groups, names, minimum_effect, rng)
    overall, *operations = (
        _request(by_arm, groups, name, judged.comparisons[name], rng, http.get(name))
        for name in names
    )
    return JudgedLoad(noise_floor=judged.noise_floor, overall=overall, operations=tuple(operations))


def _request(
    by_arm: Mapping[str, Sequence[LoadBlock]],
    groups: Sequence[Group],
    name: str,
    comparisons: tuple[QuantileComparison, ...],
    rng: np.random.Generator,
    http: str | None,
) -> RequestLoad:
    by_series = {arm: _series_figures(blocks, name, rng) for arm, blocks in by_arm.items()}
    base, arm = by_series.values()
    failed = errors_apart(groups, name)
    apart = abs(failed[0] - failed[1]) > MOST_ERRORS_APART
    median, p95 = comparisons[:2]
    moved = [c.verdict for c in (median, p95) if c.verdict in DECIDED]
    slower = moved[:1] == ["slower"]
    return RequestLoad(
        name=name,
        http=http,
        lanes=by_series,
        comparisons=comparisons,
        verdict=median.verdict,
        reason=errors_sentence(*failed) if apart else median.reason,
        cause=load_cause(base.counters, arm.counters, slower=slower) if moved else None,
    )


def _series_figures(
    blocks: Sequence[LoadBlock], name: str, rng: np.random.Generator
) -> SeriesFigures:
    """One operation on one arm, or all; requests per second are good answers by counted time."""
    since_due = [times_of(block.since_due_ns, name) for block in blocks]
    service = [times_of(block.service_ns, name) for block in blocks]
    seconds = sum(block.seconds for block in blocks)
    good = sum(map(len, since_due))
    return SeriesFigures(
        slots=scheduled_of(blocks, name),
        good=good,
        requests_per_second=good / seconds if seconds > 0 else None,
        errors=dict(sorted(errors_of(blocks, name).items())),
        since_due=latency_quantiles(since_due, rng),
        service=latency_quantiles(service, rng),
        counters=counters_of(blocks, name),
    )


def load_cause(
    base: Mapping[str, float] | None, arm: Mapping[str, float] | None, *, slower: bool
) -> str | None:
    """What moved in SQLite's work for one request, beside a shift of its latency.

    None where an arm was not counted. Where the work did not move as the time did, the sentence
    says so: under load a request also waits for the others.
    """
    if base is None or arm is None:
        return None
    moves = []
    for counter in ("vm_steps", "fullscan_steps", "sorts", "autoindexes"):
        old, new = base.get(counter, 0.0), arm.get(counter, 0.0)
        if abs(new - old) > _SAME * max(old, new):
            moves.append(_move(counter, old, new))
    words = sentence_case("; ".join(moves) or "SQLite's work for a request is the same") + "."
    old, new = base.get("vm_steps", 0.0), arm.get("vm_steps", 0.0)
    if old > 0 and (new / old > 1 + _SAME if slower else new / old < 1 - _SAME):
        return words
    more = "more" if slower else "less"
    return (
        f"{words} That does not tell where the time goes: it waits {more} behind other "
        f"requests, or a step costs {more}."
    )


def _move(counter: str, old: float, new: float) -> str:
    """A counter's average for a request in words, which has changed."""
    before, after = _whole(old), _whole(new)
    if counter == "vm_steps":
        if old <= 0:
            return f"SQLite takes {after} steps a request where it took none"
        times = f"{significant(new / old)} times the" if new > old else "fewer"
        return f"SQLite takes {times} steps a request ({after} for {before})"
    if counter == "fullscan_steps":
        if new <= 0:
            return f"no row is read by scanning a table any more ({before} before)"
        instead = f" instead of {before}" if old > 0 else ", where none was"
        return f"{after} rows are read by scanning tables{instead}"
    instead = f"a request instead of {significant(old)}"
    if counter == "sorts":
        if new <= 0:
            return "nothing is sorted any more"
        return f"it sorts {significant(new)} times {instead}"
    return f"automatic indexes take {significant(new)} rows {instead}"


def _whole(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else significant(value)


def percentiles(times_ns: Times) -> Curve:
    """About 60 exact quantiles, dense towards 0.9999.

    Each is the least time that so large a share of all reaches (type 1 of Hyndman and Fan
    1996), so every one was measured. What is left over shrinks geometrically, down to one
    request of all: beyond that only the largest would be repeated.
    """
    if not len(times_ns):
        return ()
    shares = np.unique(1 - np.geomspace(1, max(_FINEST, 1 / len(times_ns)), POINTS))
    values = stats.quantiles(times_ns, shares.tolist(), measured=True)
    pairs = zip(shares.tolist(), values, strict=True)
    return tuple((round(share, 6), int(value)) for share, value in pairs)


@dataclass(frozen=True)
class BlockTimes:
    """One block's requests as columns: nanoseconds from its start, and which got a good answer."""

    due_ns: Times
    ended_ns: Times
    good: npt.NDArray[np.bool_]


def timeline(blocks: Sequence[BlockTimes]) -> tuple[TimelineSecond, ...]:
    """An arm second by second since its blocks began: medians over blocks.

    Quantiles are of the response time of what was due in that second and got a good answer, None
    where there is none; `requests_per_second` the good answers that came in it; `errors` what was
    due in it and got none. A block that had ended by then answered nothing.
    """
    last_ns = max(
        (int(times.max(initial=-1)) for b in blocks for times in (b.due_ns, b.ended_ns[b.good])),
        default=-1,
    )
    return tuple(_second(blocks, second) for second in range(last_ns // _SECOND_NS + 1))


def _second(blocks: Sequence[BlockTimes], second: int) -> TimelineSecond:
    answered, failed = [], []
    quantiles: dict[float, list[float]] = {0.5: [], 0.99: []}
    for block in blocks:
        due_then = block.due_ns // _SECOND_NS == second
        answered.append(int(((block.ended_ns // _SECOND_NS == second) & block.good).sum()))
        failed.append(int((due_then & ~block.good).sum()))
        waits_ns = (block.ended_ns - block.due_ns)[due_then & block.good]
        for share, values in quantiles.items():
            if len(waits_ns):
                values.append(stats.quantile(waits_ns, share))
    p50_ns, p99_ns = (round(stats.median(v)) if v else None for v in quantiles.values())
    return TimelineSecond(
        second=second,
        requests_per_second=stats.median(answered),
        p50_ns=p50_ns,
        p99_ns=p99_ns,
        errors=stats.median(failed),
    )
