"""Part 5 of the report, what a visitor feels, as rows and cells for every format.

Room show: words what load.json, live.json and capacity.json hold; nothing is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report import palette, units
from bench.report.blocks import Block
from bench.report.sections.online_migration import live_blocks
from bench.results.live import OnlineMigration
from bench.show.capacity import CapacityView, PointView, capacity_view
from bench.show.evidence_parts import titles_of
from bench.show.load import (
    LABELS,
    QUANTILES,
    LaneView,
    LoadView,
    RequestView,
    Spread,
    load_view,
)
from bench.show.load_words import answers, ratio_interval, ratio_words
from bench.show.report import Report
from bench.show.wording import scalar

Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Felt:
    """What part 5 shows; a view is None where its document was not made."""

    load: LoadView | None
    live: OnlineMigration | None
    live_blocks: Sequence[Block]
    capacity: CapacityView | None

    @property
    def answers(self) -> tuple[str, ...]:
        """What it begins with, one sentence for each document."""
        return answers(self.live, self.load, self.capacity)


def felt(report: Report) -> Felt | None:
    """What a visitor feels, None for a run that measured nothing of it.

    Raises:
        BenchError: a document lacks what is shown.
    """
    titles = titles_of(report.comparison["operations"])
    blocks = () if report.live is None else tuple(live_blocks(report.live, titles))
    found = Felt(load_view(report), report.live, blocks, capacity_view(report))
    return found if found.load or found.live or found.capacity else None


def quantile_cells(load: LoadView, request: RequestView) -> tuple[Row, ...]:
    """p50, p95 and p99 of the time since due, each as `12 ms → 140 µs`."""
    base, arm = (request.lane(lane) for lane in load.lanes)
    return tuple((LABELS[q], _pair(base, arm, q)) for q in QUANTILES[:3])


def _pair(base: LaneView | None, arm: LaneView | None, quantile: str) -> str:
    values = [lane.since_due.values[quantile] if lane else None for lane in (base, arm)]
    if values == [None, None]:
        return units.DASH
    return f"{units.duration(values[0])} → {units.duration(values[1])}"


def effect_cells(request: RequestView) -> tuple[palette.Verdict, str, str]:
    """A request's verdict with the median's effect in words, and its interval."""
    ratio = request.ratio("p50")
    shown = palette.verdict(request.verdict)
    decided = ratio is not None and request.verdict in ("faster", "slower")
    return shown, ratio_words(ratio) if decided else shown.word, ratio_interval(ratio)


def details(load: LoadView, request: RequestView) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each lane's label and cells, in the order of DETAILS."""
    return tuple(
        (
            lane.label,
            (
                units.whole(lane.slots),
                units.rate(lane.requests_per_second),
                *(_with_interval(lane.since_due, q) for q in QUANTILES),
                units.duration(lane.since_due.max_ns),
                *(units.duration(lane.service.values[q]) for q in ("p50", "p99")),
                errors_text(lane.errors),
            ),
        )
        for lane in request.lanes
    )


DETAILS = (
    "requests", "answered", "p50", "p95", "p99", "p99.9", "longest", "service p50", "service p99",
    "errors",
)  # fmt: skip


def _with_interval(spread: Spread, quantile: str) -> str:
    value, interval = spread.values[quantile], spread.ci95[quantile]
    if value is None or interval is None:
        return units.duration(value)
    low, high = map(units.duration, interval)
    return f"{units.duration(value)} ({low} to {high})"


def errors_text(errors: Mapping[str, int]) -> str:
    """Errors by kind, such as `3 timed out`; `none` where there are none."""
    return ", ".join(f"{units.whole(n)} {kind}" for kind, n in errors.items()) or "none"


def ratio_lines(request: RequestView) -> tuple[str, ...]:
    """Every quantile's comparison in words."""
    return tuple(
        f"{LABELS.get(r.quantile, r.quantile)}: {ratio_words(r)} ({ratio_interval(r)})"
        for r in request.ratios
        if r.speedup is not None
    )


def counters_line(request: RequestView) -> str:
    """The server's counters for one request, base → arm; empty where none were kept."""
    if len(request.lanes) != 2:
        return ""
    base, arm = (lane.counters for lane in request.lanes)
    parts = [
        f"{name.replace('_', ' ')} {units.count(base[name])} → {units.count(arm[name])}"
        for name in base
        if name in arm and name != "requests"
    ]
    return f"For one request: {', '.join(parts)}." if parts else ""


def _span(plan: Mapping[str, Any], key: str) -> str:
    value = plan.get(key)
    return units.DASH if value is None else units.duration(value * 1e9)


def load_facts(load: LoadView) -> tuple[Row, ...]:
    """How the load was made: plan, places, the generator's own cost, validity."""
    plan = load.plan
    generator: Mapping[str, Any] = load.document.get("generator") or {}
    place: Mapping[str, Any] = load.document.get("placement") or {}
    cost: Mapping[str, Any] = generator.get("own_cost") or {}
    rules: Mapping[str, Any] = load.document.get("invariants") or {}
    rows = (
        ("offered", f"{units.rate(plan.get('rate_per_second'))}, {scalar(plan.get('spacing'))}"),
        ("a block", f"{_span(plan, 'seconds')}, and {_span(plan, 'warm_up_seconds')} of warm-up"),
        ("groups of blocks", f"{scalar(plan.get('groups'))}, each A B B A on one tape of requests"),
        ("requests of a block", scalar(plan.get("slots_per_block"))),
        ("seed", scalar(plan.get("seed"))),
        ("generator's core", scalar(place.get("player_core"))),
        ("server's cores", _listed(place.get("server_cores"))),
        ("generator's own cost", _own_cost(cost)),
        ("generator's processor use", f"at most {units.share(generator.get('cpu_share_max'))}"),
        ("late, never sent", f"{scalar(generator.get('late'))}, {scalar(generator.get('missed'))}"),
        ("valid", "yes" if load.valid else "no"),
        ("rules of the shop", _rules_text(load.held, rules.get("checked"))),
    )
    return tuple(row for row in rows if row[1] not in ("", units.DASH))


def _listed(value: Sequence[Any] | None) -> str:
    return ", ".join(map(str, value)) if value else units.DASH


def _own_cost(cost: Mapping[str, Any]) -> str:
    if cost.get("p50_ns") is None:
        return units.DASH
    return (
        f"p50 {units.duration(cost['p50_ns'])}, p99 {units.duration(cost.get('p99_ns'))} at "
        f"{units.rate(cost.get('rate_per_second'))} against an endpoint that does nothing"
    )


def _rules_text(held: bool, checked: Any) -> str:
    asked = f" ({units.whole(checked)} checks)" if checked else ""
    return f"{'all hold' if held else 'violated'} afterwards{asked}"


_LIMITED = {
    "p99": "latency", "errors": "errors", "generator": "the generator, not the server",
    "ceiling": "where the search ends", "floor": "not even the lowest rate is held",
}  # fmt: skip


def point_cells(point: PointView) -> tuple[str, ...]:
    """Needed and held rate of a point, and what limits it."""
    return (
        units.rate(point.needed),
        point.words,
        _LIMITED.get(point.limited_by, point.limited_by),
    )


def probe_lines(point: PointView) -> tuple[str, ...]:
    """Every rate that was tried, in words."""
    lines = []
    for probe in sorted(point.probes, key=lambda p: p.rate_per_second):
        outcome = ("held" if probe.held else "not held") if probe.valid else "invalid"
        lines.append(
            f"{units.rate(probe.rate_per_second)}: {outcome}, p50 {units.duration(probe.p50_ns)}, "
            f"p99 {units.duration(probe.p99_ns)}, errors {units.share(probe.error_share)}"
        )
    return tuple(lines)
