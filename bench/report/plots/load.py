"""A load on base and arm at the same offered rate: latency by percentile, and second by second.

The axis of shares is logarithmic in what remains above a share, so that 90, 99 and 99.9 % stand
evenly apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from matplotlib.figure import Figure

from bench.report import palette, provenance
from bench.report.arms import Arms
from bench.report.plots import panels
from bench.report.plots.canvas import Page, fit, page
from bench.report.plots.hover import points, tip
from bench.report.plots.marks import whisker
from bench.report.plots.panels import ARM, BASE, EndLabel, Panel, Stroke
from bench.report.run_report import Report
from bench.report.sections import load as section
from bench.report.units import duration, rate, significant
from bench.results.load import ALL, Curve, LatencyQuantiles, Load, RequestLoad, TimelineSecond

_SHARES = ((0.0, "0"), (0.5, "50"), (0.9, "90"), (0.99, "99"), (0.999, "99.9"), (0.9999, "99.99"))
_OVERALL = provenance.at("load", "judged", "overall")
_AT = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}
Lines = Sequence[tuple[Stroke, str, tuple[TimelineSecond, ...]]]
_UPPER, _LOWER, _BETWEEN = 120.0, 74.0, 36


def latency(report: Report, *, narrow: bool = False) -> Figure | None:
    """All requests: latency at each share of them; None without a load comparison."""
    load, arms = report.load, report.arms
    if load is None or not section.curves(load, ALL):
        return None
    height = 210.0 if narrow else 240.0
    blank = page(
        narrow=narrow,
        title=section.latency_title(load),
        note=f"All requests, {rate(load.plan.rate_per_second)} offered to both. Time since a"
        " request was due, by the share of requests that took no longer; lower is faster."
        " Whiskers are 95 % intervals.",
        height=height,
        foot=34,
    )
    left, right = (48.0, 14.0) if narrow else (58.0, 86.0)
    reach = [
        end
        for _, quantiles in section.series_of(load, load.judged.overall)
        for quantile in section.LABELS
        for end in quantiles.since_due.interval(quantile) or ()
    ]
    panel = _panel(blank, load, arms, ALL, left, right, 0, height, reach)
    panel.foot("% of requests took no longer")
    _marks(panel, load, arms)
    return blank.figure


def latency_operations(report: Report, *, narrow: bool = False) -> Figure | None:
    """The requests that moved most, each in a small panel; None where none moved."""
    load, arms = report.load, report.arms
    chosen = section.moved(load) if load else []
    if load is None or not chosen:
        return None
    titles = report.comparison.titles
    columns = 1 if narrow else min(3, len(chosen))
    height, step = (84.0, 132.0) if narrow else (96.0, 146.0)
    blank = page(
        narrow=narrow,
        title=section.requests_title(chosen, titles),
        note="Time since a request was due, by the share of requests that took no longer."
        " Dots and figures: medians. Slower ones first."
        f" Dashed: {arms.label(load.base)}; solid: {arms.label(load.arm)}.",
        height=step * math.ceil(len(chosen) / columns) - 20,
        foot=10,
        gap=8,
    )
    room = blank.sheet.width / columns
    for position, request in enumerate(chosen):
        line, column = divmod(position, columns)
        left, right = column * room + 46, blank.sheet.width - (column + 1) * room + 14
        panel = _panel(blank, load, arms, request.name, left, right, line * step + 20, height)
        _small_labels(panel, load, request, section.request_title(request.name, titles))
    return blank.figure


def _x(share: float) -> float:
    return -math.log10(1 - min(share, 0.99999))


def _curves(load: Load, name: str) -> list[tuple[Stroke, str, Curve]]:
    strokes = zip((BASE, ARM), load.series, strict=True)
    return [(s, series, load.percentiles.get(series, {}).get(name, ())) for s, series in strokes]


def _panel(
    blank: Page, load: Load, arms: Arms, name: str, left: float, right: float, top: float,
    height: float, reach: Sequence[float] = (),
) -> Panel:  # fmt: skip
    """Both series' curves; `reach` names further times that the axis must hold."""
    lines = _curves(load, name)
    furthest = max(_x(share) for _, _, curve in lines for share, _ in curve)
    known = [ns for _, _, curve in lines for share, ns in curve if share >= 0.05]
    limits = panels.log_limits([*known, *reach])
    panel = panels.panel(
        blank, left=left, right=right, top=top, height=height,
        xlim=(0, furthest + 0.06), ylim=limits, log=True, label=duration,
    )  # fmt: skip
    panel.x_ticks([(_x(s), words) for s, words in _SHARES if _x(s) <= furthest + 0.05])
    for stroke, series, curve in lines:
        xs = [_x(share) for share, _ in curve]
        ys = [max(ns, limits[0]) for _, ns in curve]
        stroke.line(panel.axes, xs, ys)
        label = arms.label(series)
        tip_texts = [f"{label}: {significant(s * 100)} % within {duration(ns)}" for s, ns in curve]
        points(panel.axes, xs, ys, tip_texts, provenance.at("load", "percentiles", series, name))
    return panel


def _marks(panel: Panel, load: Load, arms: Arms) -> None:
    """Dots, whiskers and figures at the judged quantiles; names at the ends of the lines."""
    wide = not panel.sheet.narrow
    shown = ("p50", "p95", "p99", "p999") if wide else ("p50", "p99")
    (base, first), (arm, last) = section.series_of(load, load.judged.overall)
    for quantile in shown:
        _mark(panel, BASE, arms.label(base), first.since_due, last.since_due, quantile)
        _mark(panel, ARM, arms.label(arm), last.since_due, first.since_due, quantile)
    if not wide:
        panel.line_key([(BASE, arms.label(base)), (ARM, arms.label(arm))])
        return
    ends = [
        EndLabel(curve[-1][1], arms.label(series), stroke.label, bold=True)
        for stroke, series, curve in _curves(load, ALL)
        if curve
    ]
    panel.end_labels(ends)


def _mark(
    panel: Panel, stroke: Stroke, label: str, times: LatencyQuantiles, other: LatencyQuantiles,
    quantile: str,
) -> None:  # fmt: skip
    value, x = times.value(quantile), _x(_AT[quantile])
    if not value or x > panel.xlim[1]:
        return
    interval = times.interval(quantile)
    tip_text = f"{label}, {section.LABELS[quantile]}: {duration(value)}"
    if interval:
        tip_text += f" ({duration(interval[0])} to {duration(interval[1])})"
        ends = {"size": 6, "width": 1.1, "layer": 10}
        bar = whisker(panel.axes, [x, x], interval, stroke.label, marker="_", **ends)
        tip(bar, tip_text, _OVERALL)
    dot = stroke.dot(panel.axes, x, value, ms=5.5, mec=palette.PAPER, mew=0.8, zorder=11)
    tip(dot, tip_text, _OVERALL)
    above = value >= (other.value(quantile) or 0)
    words = f"{section.LABELS[quantile]} {duration(value)}"
    low, high = interval or (value, value)
    along, wide = panel.along(x), panels.text_width(words, panel.sheet.small)
    # The curve rises to the right: above it there is room on the left, below it on the right.
    dx = -wide - 5 if above else 4
    edge = panel.sheet.width - panel.axes.get_position().x0 * panel.sheet.width
    dx = min(max(dx, 3 - along), edge - 4 - along - wide)
    beside = above and dx < -wide
    up, dy = (value, 7) if beside else (high, 17) if above else (low, -9)
    panel.text(along + dx, panel.up(up) + dy, words, color=stroke.label, **panels.halo())


def _small_labels(panel: Panel, load: Load, request: RequestLoad, title: str) -> None:
    """The request's title, its effect with both medians, and dots where these stand."""
    title = fit(title, panel.sheet.text, panel.width + 50)
    panel.text(-40, panel.height + 22, title, fontsize=panel.sheet.text, fontweight="bold")
    medians = [quantiles.since_due.p50_ns for _, quantiles in section.series_of(load, request)]
    text = f"{duration(medians[0])} → {duration(medians[1])}, {section.median_effect(request)}"
    tone = palette.SLOWER if request.verdict == "slower" else palette.MUTED
    panel.text(-40, panel.height + 10, text, color=tone)
    for stroke, value in zip((BASE, ARM), medians, strict=True):
        if value:
            stroke.dot(panel.axes, _x(0.5), value, ms=5, mec=palette.PAPER, mew=0.8, zorder=5)


def timeline(report: Report, *, narrow: bool = False) -> Figure | None:
    """Both series' p50 and p99 and their throughput, second by second; None without them."""
    load, arms = report.load, report.arms
    if load is None or not any(load.timeline.get(series) for series in load.series):
        return None
    lines: Lines = [
        (stroke, arms.label(series), load.timeline.get(series, ()))
        for stroke, series in zip((panels.BASE, panels.ARM), load.series, strict=True)
    ]
    entries = [entry for _, _, line in lines for entry in line]
    note = "Median over the blocks of each lane, by second of the block. Thick: p99; thin: p50."
    if any(entry.errors for entry in entries):
        note += " × marks a second with errors."
    # Room above the upper panel: for its heading, and on a telephone for the key.
    head = 34.0 if narrow else 18.0
    left, right = (48.0, 14.0) if narrow else (58.0, 86.0)
    blank = page(
        narrow=narrow, title=section.timeline_title(load, arms), note=note,
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
    for stroke, _, line in lines:
        _lines(upper, lower, stroke, line)
    _labels(upper, lower, lines, offered)
    _tips(upper, lower, load, arms)
    return blank.figure


def _tips(upper: Panel, lower: Panel, load: Load, arms: Arms) -> None:
    """Each second's column tells what both series measured in it."""
    texts: dict[int, list[str]] = {}
    places: dict[int, list[str]] = {}
    for series in load.series:
        for position, entry in enumerate(load.timeline.get(series, ())):
            text = f"{arms.label(series)}: {panels.second_text(entry)}"
            texts.setdefault(entry.second, [f"second {entry.second}"]).append(text)
            source = provenance.at("load", "timeline", series, position)
            places.setdefault(entry.second, []).append(source)
    tip_texts, sources = map("\n".join, texts.values()), map(" ".join, places.values())
    panels.second_tips((upper, lower), [*texts], [*tip_texts], [*sources])


def _lines(upper: Panel, lower: Panel, stroke: Stroke, line: Sequence[TimelineSecond]) -> None:
    middles = [entry.second + 0.5 for entry in line]
    stroke.line(upper.axes, middles, panels.gaps(e.p99_ns for e in line), linewidth=2.2)
    stroke.line(upper.axes, middles, panels.gaps(e.p50_ns for e in line), linewidth=1.0)
    rates = panels.gaps(entry.requests_per_second for entry in line)
    stroke.line(lower.axes, middles, rates, linewidth=1.8)
    panels.error_marks(lower, line, ms=6, mew=1.6, color=stroke.label, zorder=5)


def _labels(upper: Panel, lower: Panel, lines: Lines, offered: float) -> None:
    if upper.sheet.narrow:
        upper.line_key([(replace(stroke, width=2.2), label) for stroke, label, _ in lines], dy=25)
        return
    ends, rates = [], []
    for stroke, label, line in lines:
        if line:
            last = line[-1]
            ends.append(EndLabel(last.p99_ns, f"{label} p99", stroke.label, bold=True))
            ends.append(EndLabel(last.p50_ns, f"{label} p50", stroke.label))
            rates.append(EndLabel(last.requests_per_second, label, stroke.label, bold=True))
    upper.end_labels(ends)
    lower.end_labels([*rates, EndLabel(offered, "offered", palette.MUTED)])
