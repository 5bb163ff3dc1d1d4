"""What is said of load, capacity and the live migration: titles and sentences from values.

Room show: values in, text out. A title says what its picture shows; where nothing
was judged it says so instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.report import units
from bench.report.sections import online_migration
from bench.results.live import OnlineMigration
from bench.show.capacity import CapacityView, capacity_view
from bench.show.load import ALL, LABELS, LoadView, RatioView, RequestView, load_view, moved
from bench.show.report import Report

_TOLD = ("p95", "p99", "p50", "p999")


def invalid_sentence(load: LoadView) -> str:
    """Why the verdicts of a load are withheld; empty where they count."""
    if not load.held:
        return "The load broke rules of the shop, so nothing is judged"
    return "" if load.valid else "This load is invalid, so nothing is judged"


def latency_title(load: LoadView) -> str:
    """What the picture of all requests shows: the most telling quantile that moved."""
    if not load.judged:
        return invalid_sentence(load)
    for quantile in _TOLD:
        ratio = load.overall.ratio(quantile)
        if ratio and ratio.verdict in ("faster", "slower"):
            return _moved(load, ratio)
    for quantile in _TOLD:
        ratio = load.overall.ratio(quantile)
        if ratio and ratio.verdict == "same":
            return f"{LABELS[quantile]} of all requests stayed at {_pair(load, quantile)[1]}"
    first, last = _pair(load, "p50")
    return f"The load does not decide: median of all requests {first} and {last}"


def _moved(load: LoadView, ratio: RatioView) -> str:
    word = "fell" if ratio.verdict == "faster" else "rose"
    first, last = _pair(load, ratio.quantile)
    return f"{LABELS[ratio.quantile]} of all requests {word} from {first} to {last}"


def _pair(load: LoadView, quantile: str) -> tuple[str, str]:
    base, arm = (load.overall.lane(lane) for lane in load.lanes)
    return (
        units.duration(base.since_due.values[quantile] if base else None),
        units.duration(arm.since_due.values[quantile] if arm else None),
    )


def counted(number: int, one: str, many: str) -> str:
    """A number with its word, such as `1 request` or `3 requests`."""
    return f"{units.whole(number)} {one if number == 1 else many}"


def operations_title(chosen: Sequence[RequestView]) -> str:
    """What the small pictures show."""
    worst = next((r for r in chosen if r.verdict == "slower"), None)
    if worst is not None:
        return f"{worst.title} got slower: {effect_of(worst)} in the median"
    return f"{chosen[0].title} gained most: {effect_of(chosen[0])} in the median"


def effect_of(request: RequestView) -> str:
    """A request's effect on the median in words: `2.3× slower`."""
    return ratio_words(request.ratio("p50"))


def timeline_title(load: LoadView) -> str:
    """What the picture over time shows."""
    if not load.judged:
        return invalid_sentence(load)
    base, arm = (load.overall.lane(lane) for lane in load.lanes)
    first = units.rate(base.requests_per_second if base else None)
    last = units.rate(arm.requests_per_second if arm else None)
    served = f"{load.labels[load.base]} served {first}, {load.labels[load.arm]} {last}"
    offered = units.rate(load.plan.get("rate_per_second"))
    return f"Of {offered} offered, {served}" if load.plan.get("rate_per_second") else served


def capacity_title(capacity: CapacityView) -> str:
    """What the capacity curves show at the largest size that was searched."""
    largest = max((p.products for p in capacity.points), default=0)
    parts = [
        f"{point.label} holds {point.words}"
        for point in capacity.points
        if point.products == largest
    ]
    return f"With {units.whole(largest)} products {', '.join(parts)}"


def ratio_words(ratio: RatioView | None) -> str:
    """A comparison's effect in words; the verdict alone where it has no direction."""
    if ratio is None:
        return units.DASH
    if ratio.verdict in ("faster", "slower"):
        return units.effect(ratio.speedup)
    return ratio.verdict


def ratio_interval(ratio: RatioView | None) -> str:
    """The 95 % interval in the verdict's direction, or as bare ratios."""
    if ratio is None or ratio.ci95 is None:
        return units.DASH
    low, high = ratio.ci95
    if ratio.verdict in ("faster", "slower"):
        return units.effect_interval(ratio.speedup, low, high)
    return f"{units.span(low, high)}×"


def answers(
    live: OnlineMigration | None, load: LoadView | None, capacity: CapacityView | None
) -> tuple[str, ...]:
    """The answers that part 5 begins with, one sentence each."""
    found = []
    if live is not None:
        found.append(online_migration.live_answer(live))
    if load is not None:
        found.append(f"{latency_title(load)}{_same_rate(load)}.")
    if capacity is not None and capacity.points:
        found.append(f"{capacity_title(capacity)} ({capacity.level}).")
    return tuple(found)


def _same_rate(load: LoadView) -> str:
    rate = load.plan.get("rate_per_second")
    return f", at {units.rate(rate)} offered to both" if rate and load.judged else ""


def alternatives(report: Report) -> dict[str, str]:
    """What each picture of load shows, for who cannot see it; only those that there are."""
    load, live, capacity = load_view(report), report.live, capacity_view(report)
    found: dict[str, str] = {}
    if load is not None:
        chosen = moved(load)
        if any(load.percentiles.get(lane, {}).get(ALL) for lane in load.lanes):
            found["latency"] = f"Latency by percentile. {latency_title(load)}."
        if chosen:
            found["latency-requests"] = f"Latency by percentile. {operations_title(chosen)}."
        if any(load.timeline.get(lane) for lane in load.lanes):
            found["timeline"] = f"Latency and throughput over time. {timeline_title(load)}."
    if capacity is not None and any(p.holds or p.lowest for p in capacity.points):
        found["capacity"] = f"Capacity by size. {capacity_title(capacity)}."
    told = {name: f"{text} The table below holds the figures." for name, text in found.items()}
    if live is not None and online_migration.drawn(live):
        told["live"] = online_migration.alternative(live)
    return told
