"""Latency and throughput of the load comparison over the seconds of a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from matplotlib.figure import Figure

from bench.report import palette, provenance
from bench.report.arms import Arms
from bench.report.plots import panels
from bench.report.plots.canvas import Page, page
from bench.report.plots.hover import spans
from bench.report.run_report import Report
from bench.report.sections.load import timeline_title
from bench.report.units import duration, rate, significant
from bench.results.load import Load, TimelineSecond

Lanes = Sequence[tuple[panels.Stroke, str, tuple[TimelineSecond, ...]]]


def timeline(report: Report, *, narrow: bool = False) -> Figure | None:
    """Both lanes' p50 and p99 and their throughput, second by second; None without them."""
    load, arms = report.load, report.arms
    if load is None:
        return None
    lanes: Lanes = [
        (stroke, arms.label(lane), load.timeline.get(lane, ()))
        for stroke, lane in zip((panels.BASE, panels.ARM), load.lanes, strict=True)
    ]
    if not any(found for _, _, found in lanes):
        return None
    heights = (120.0, 74.0)
    blank = page(
        narrow=narrow,
        title=timeline_title(load, arms),
        note="Median over the blocks of each lane, by second of the block. Thick: p99; thin: p50."
        + (" × marks a second with errors." if _errors(lanes) else ""),
        height=_head(narrow) + heights[0] + 36 + heights[1],
        foot=34,
        gap=6,
    )
    _draw(blank, load, arms, lanes, heights)
    return blank.figure


def _head(narrow: bool) -> float:
    """Room above the upper panel: for its heading, and on a telephone for the key."""
    return 34.0 if narrow else 18.0


def _errors(lanes: Lanes) -> bool:
    return any(entry.errors for _, _, found in lanes for entry in found)


def _draw(blank: Page, load: Load, arms: Arms, lanes: Lanes, heights: tuple[float, float]) -> None:
    left, right = (48.0, 14.0) if blank.sheet.narrow else (58.0, 86.0)
    head = _head(blank.sheet.narrow)
    entries = [entry for _, _, found in lanes for entry in found]
    times = [value for entry in entries for value in (entry.p50_ns, entry.p99_ns)]
    xlim = (0.0, max(entry.second for entry in entries) + 1)
    upper = panels.panel(
        blank, left=left, right=right, top=head, height=heights[0], xlim=xlim,
        ylim=panels.log_limits(times), log=True, label=duration,
    )  # fmt: skip
    rates = [entry.requests_per_second for entry in entries]
    offered = load.plan.rate_per_second
    lower = panels.panel(
        blank, left=left, right=right, top=head + heights[0] + 36, height=heights[1], xlim=xlim,
        ylim=(0, max([*rates, offered, 1]) * 1.12), log=False, label=significant,
    )  # fmt: skip
    for target in (upper, lower):
        _seconds_axis(target)
    lower.text(
        lower.width / 2, -26, "seconds since the block began", ha="center", color=palette.MUTED
    )
    upper.heading("Time since due")
    lower.heading("Requests answered a second")
    lower.axes.axhline(offered, color=palette.CONTROL, linewidth=1.2, linestyle=":", zorder=2)
    for stroke, _, found in lanes:
        _lines(upper, lower, stroke, found)
    _labels(upper, lower, lanes, offered)
    _tips(upper, lower, load, arms)


def _tips(upper: panels.Panel, lower: panels.Panel, load: Load, arms: Arms) -> None:
    """Each second's column tells what both lanes measured in it."""
    seconds: dict[float, list[str]] = {}
    places: dict[float, list[str]] = {}
    for lane in load.lanes:
        for place, entry in enumerate(load.timeline.get(lane, ())):
            places.setdefault(entry.second, []).append(
                provenance.at("load", "timeline", lane, place)
            )
            failed = f", {significant(entry.errors)} errors" if entry.errors else ""
            seconds.setdefault(entry.second, []).append(
                f"{arms.label(lane)}: p50 {duration(entry.p50_ns)}, p99 {duration(entry.p99_ns)}, "
                f"{rate(entry.requests_per_second)}{failed}"
            )
    edges = [(second, second + 1) for second in seconds]
    told = [f"second {s:g}\n" + "\n".join(lines) for s, lines in seconds.items()]
    for target in (upper, lower):
        spans(target.axes, edges, told, [" ".join(places[second]) for second in seconds])


def _seconds_axis(target: panels.Panel) -> None:
    ticks = panels.linear_ticks(*target.xlim, most=6 if target.sheet.narrow else 12)
    panels.x_ticks(target, [(tick, significant(tick)) for tick in ticks])


def _lines(
    upper: panels.Panel, lower: panels.Panel, stroke: panels.Stroke, found: Sequence[TimelineSecond]
) -> None:
    middles = [entry.second + 0.5 for entry in found]
    shared = {"color": stroke.colour, "linestyle": stroke.dash, "zorder": 3}
    upper.axes.plot(middles, panels.gaps(e.p99_ns for e in found), linewidth=2.2, **shared)
    upper.axes.plot(middles, panels.gaps(e.p50_ns for e in found), linewidth=1.0, **shared)
    lower.axes.plot(
        middles, panels.gaps(e.requests_per_second for e in found), linewidth=1.8, **shared
    )
    failed = [(entry.second + 0.5, entry.requests_per_second) for entry in found if entry.errors]
    lower.axes.plot(
        [x for x, _ in failed], [y for _, y in failed],
        marker="x", ms=6, mew=1.6, color=stroke.label, linestyle="none", zorder=5,
    )  # fmt: skip


def _labels(upper: panels.Panel, lower: panels.Panel, lanes: Lanes, offered: float) -> None:
    if upper.sheet.narrow:
        entries = [(replace(stroke, width=2.2), label) for stroke, label, _ in lanes]
        panels.line_key(upper, entries, dy=25)
        return
    ends, rates = [], []
    for stroke, label, found in lanes:
        if found:
            last = found[-1]
            ends += [
                panels.EndLabel(last.p99_ns, f"{label} p99", stroke.label, bold=True),
                panels.EndLabel(last.p50_ns, f"{label} p50", stroke.label),
            ]
            rates.append(panels.EndLabel(last.requests_per_second, label, stroke.label, bold=True))
    panels.end_labels(upper, ends)
    rates.append(panels.EndLabel(offered, "offered", palette.MUTED))
    panels.end_labels(lower, rates)
