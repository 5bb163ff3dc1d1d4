"""Latency and throughput of the load comparison over the seconds of a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from matplotlib.figure import Figure

from bench.report import palette, provenance
from bench.report.arms import Arms
from bench.report.plots import panels
from bench.report.plots.canvas import page
from bench.report.plots.hover import spans
from bench.report.plots.panels import EndLabel, Panel, Stroke
from bench.report.run_report import Report
from bench.report.sections.load import timeline_title
from bench.report.units import duration, rate, significant
from bench.results.load import Load, TimelineSecond

Lanes = Sequence[tuple[Stroke, str, tuple[TimelineSecond, ...]]]
_UPPER, _LOWER, _BETWEEN = 120.0, 74.0, 36


def timeline(report: Report, *, narrow: bool = False) -> Figure | None:
    """Both lanes' p50 and p99 and their throughput, second by second; None without them."""
    load, arms = report.load, report.arms
    if load is None or not any(load.timeline.get(lane) for lane in load.lanes):
        return None
    lanes: Lanes = [
        (stroke, arms.label(lane), load.timeline.get(lane, ()))
        for stroke, lane in zip((panels.BASE, panels.ARM), load.lanes, strict=True)
    ]
    entries = [entry for _, _, line in lanes for entry in line]
    note = "Median over the blocks of each lane, by second of the block. Thick: p99; thin: p50."
    if any(entry.errors for entry in entries):
        note += " × marks a second with errors."
    # Room above the upper panel: for its heading, and on a telephone for the key.
    head = 34.0 if narrow else 18.0
    left, right = (48.0, 14.0) if narrow else (58.0, 86.0)
    blank = page(
        narrow=narrow, title=timeline_title(load, arms), note=note,
        height=head + _UPPER + _BETWEEN + _LOWER, foot=34, gap=6,
    )  # fmt: skip
    offered = load.plan.rate_per_second
    xlim = (0.0, max(entry.second for entry in entries) + 1)
    times = [value for entry in entries for value in (entry.p50_ns, entry.p99_ns)]
    most = max([*(entry.requests_per_second for entry in entries), offered, 1])
    upper = panels.panel(
        blank, left=left, right=right, top=head, height=_UPPER, xlim=xlim,
        ylim=panels.log_limits(times), log=True, label=duration,
    )  # fmt: skip
    lower = panels.panel(
        blank, left=left, right=right, top=head + _UPPER + _BETWEEN, height=_LOWER, xlim=xlim,
        ylim=(0, most * 1.12), log=False, label=significant,
    )  # fmt: skip
    ticks = panels.linear_ticks(*xlim, most=6 if narrow else 12)
    for target in (upper, lower):
        target.x_ticks([(tick, significant(tick)) for tick in ticks])
    lower.foot("seconds since the block began")
    upper.heading("Time since due")
    lower.heading("Requests answered a second")
    lower.axes.axhline(offered, color=palette.CONTROL, linewidth=1.2, linestyle=":", zorder=2)
    for stroke, _, line in lanes:
        _lines(upper, lower, stroke, line)
    _labels(upper, lower, lanes, offered)
    _tips(upper, lower, load, arms)
    return blank.figure


def _tips(upper: Panel, lower: Panel, load: Load, arms: Arms) -> None:
    """Each second's column tells what both lanes measured in it."""
    seconds: dict[float, list[str]] = {}
    places: dict[float, list[str]] = {}
    for lane in load.lanes:
        for place, entry in enumerate(load.timeline.get(lane, ())):
            source = provenance.at("load", "timeline", lane, place)
            places.setdefault(entry.second, []).append(source)
            failed = f", {significant(entry.errors)} errors" if entry.errors else ""
            seconds.setdefault(entry.second, []).append(
                f"{arms.label(lane)}: p50 {duration(entry.p50_ns)}, p99 {duration(entry.p99_ns)}, "
                f"{rate(entry.requests_per_second)}{failed}"
            )
    edges = [(second, second + 1) for second in seconds]
    told = [f"second {s:g}\n" + "\n".join(lines) for s, lines in seconds.items()]
    for target in (upper, lower):
        spans(target.axes, edges, told, [" ".join(places[second]) for second in seconds])


def _lines(upper: Panel, lower: Panel, stroke: Stroke, line: Sequence[TimelineSecond]) -> None:
    middles = [entry.second + 0.5 for entry in line]
    stroke.line(upper.axes, middles, panels.gaps(e.p99_ns for e in line), linewidth=2.2)
    stroke.line(upper.axes, middles, panels.gaps(e.p50_ns for e in line), linewidth=1.0)
    rates = panels.gaps(entry.requests_per_second for entry in line)
    stroke.line(lower.axes, middles, rates, linewidth=1.8)
    failed = [(entry.second + 0.5, entry.requests_per_second) for entry in line if entry.errors]
    lower.axes.plot(
        [x for x, _ in failed], [y for _, y in failed],
        marker="x", ms=6, mew=1.6, color=stroke.label, linestyle="none", zorder=5,
    )  # fmt: skip


def _labels(upper: Panel, lower: Panel, lanes: Lanes, offered: float) -> None:
    if upper.sheet.narrow:
        upper.line_key([(replace(stroke, width=2.2), label) for stroke, label, _ in lanes], dy=25)
        return
    ends, rates = [], []
    for stroke, label, line in lanes:
        if line:
            last = line[-1]
            ends.append(EndLabel(last.p99_ns, f"{label} p99", stroke.label, bold=True))
            ends.append(EndLabel(last.p50_ns, f"{label} p50", stroke.label))
            rates.append(EndLabel(last.requests_per_second, label, stroke.label, bold=True))
    upper.end_labels(ends)
    lower.end_labels([*rates, EndLabel(offered, "offered", palette.MUTED)])
