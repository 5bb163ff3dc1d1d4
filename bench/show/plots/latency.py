"""Latency by percentile: the base against the arm at the same offered rate.

Room show.plots: values in, a Figure out. The share's axis is logarithmic in what
remains above it, so that 90, 99 and 99.9 % stand evenly apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from bench.report import palette
from bench.report.units import duration, rate, significant
from bench.show import sources
from bench.show.load import ALL, LABELS, Curve, LaneView, LoadView, RequestView, load_view, moved
from bench.show.load_words import effect_of, latency_title, operations_title
from bench.show.plots.canvas import Page, fit, page
from bench.show.plots.hover import points, tip
from bench.show.plots.panels import (
    ARM,
    BASE,
    EndLabel,
    Panel,
    Stroke,
    end_labels,
    halo,
    line_key,
    log_limits,
    panel,
    text_width,
    x_ticks,
)
from bench.show.report import Report

_SHARES = ((0.0, "0"), (0.5, "50"), (0.9, "90"), (0.99, "99"), (0.999, "99.9"), (0.9999, "99.99"))
_OVERALL = sources.at("load", "judged", "overall")
_AT = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def latency(report: Report, *, narrow: bool = False) -> Figure | None:
    """All requests: latency at each share of them; None without a load comparison."""
    load = load_view(report)
    if load is None or not any(load.percentiles.get(lane, {}).get(ALL) for lane in load.lanes):
        return None
    height = 210.0 if narrow else 240.0
    blank = page(
        narrow=narrow,
        title=latency_title(load),
        note=f"All requests, {_offered(load)} offered to both. Time since a request was due, by"
        " the share of requests that took no longer; lower is faster. Whiskers are 95 % intervals.",
        height=height,
        foot=34,
    )
    left, right = (48.0, 14.0) if narrow else (58.0, 86.0)
    reach = [
        end
        for lane in load.overall.lanes
        for ci in lane.since_due.ci95.values()
        for end in ci or ()
    ]
    drawn = _panel(blank, load, ALL, left, right, 0, height, reach)
    drawn.text(
        drawn.width / 2, -26, "% of requests took no longer", ha="center", color=palette.MUTED
    )
    _marks(drawn, load.overall, load)
    return blank.figure


def latency_operations(report: Report, *, narrow: bool = False) -> Figure | None:
    """The requests that moved most, each in a small panel; None where none moved."""
    load = load_view(report)
    chosen = moved(load) if load else ()
    if load is None or not chosen:
        return None
    columns = 1 if narrow else min(3, len(chosen))
    height, step = (84.0, 132.0) if narrow else (96.0, 146.0)
    lines = math.ceil(len(chosen) / columns)
    blank = page(
        narrow=narrow,
        title=operations_title(chosen),
        note="Time since a request was due, by the share of requests that took no longer."
        " Dots and figures: medians. Slower ones first."
        f" Dashed: {load.labels[load.base]}; solid: {load.labels[load.arm]}.",
        height=step * lines - 20,
        foot=10,
        gap=8,
    )
    room = blank.sheet.width / columns
    for position, request in enumerate(chosen):
        line, column = divmod(position, columns)
        drawn = _panel(
            blank, load, request.name,
            column * room + 46, blank.sheet.width - (column + 1) * room + 14,
            line * step + 20, height,
        )  # fmt: skip
        _small_labels(drawn, request)
    return blank.figure


def _offered(load: LoadView) -> str:
    return rate(load.plan.get("rate_per_second"))


def _x(share: float) -> float:
    return -math.log10(1 - min(share, 0.99999))


def _curves(load: LoadView, name: str) -> list[tuple[Stroke, str, Curve]]:
    strokes = zip((BASE, ARM), load.lanes, strict=True)
    return [(s, lane, load.percentiles.get(lane, {}).get(name, ())) for s, lane in strokes]


def _panel(
    blank: Page, load: LoadView, name: str, left: float, right: float, top: float, height: float,
    reach: Sequence[float] = (),
) -> Panel:  # fmt: skip
    """Both lanes' curves; `reach` names further times that the axis must hold."""
    curves = _curves(load, name)
    furthest = max(_x(share) for _, _, curve in curves for share, _ in curve)
    known = [ns for _, _, curve in curves for share, ns in curve if share >= 0.05]
    limits = log_limits([*known, *reach])
    drawn = panel(
        blank, left=left, right=right, top=top, height=height,
        xlim=(0, furthest + 0.06), ylim=limits, log=True, label=duration,
    )  # fmt: skip
    x_ticks(drawn, [(_x(s), words) for s, words in _SHARES if _x(s) <= furthest + 0.05])
    for stroke, lane, curve in curves:
        xs = [_x(share) for share, _ in curve]
        ys = [max(ns, limits[0]) for _, ns in curve]
        drawn.axes.plot(
            xs, ys,
            color=stroke.colour, linewidth=stroke.width, linestyle=stroke.dash, zorder=3,
        )  # fmt: skip
        label = load.labels[lane]
        told = [f"{label}: {significant(s * 100)} % within {duration(ns)}" for s, ns in curve]
        points(drawn.axes, xs, ys, told, sources.at("load", "percentiles", lane, name))
    return drawn


def _marks(drawn: Panel, request: RequestView, load: LoadView) -> None:
    """Dots, whiskers and figures at the judged quantiles; names at the ends of the lines."""
    wide = not drawn.sheet.narrow
    shown = ("p50", "p95", "p99", "p999") if wide else ("p50", "p99")
    for stroke, lane in zip((BASE, ARM), request.lanes, strict=True):
        other = next(found for found in request.lanes if found is not lane)
        for quantile in shown:
            _mark(drawn, stroke, lane, other, quantile)
    if wide:
        ends = [
            EndLabel(curve[-1][1], load.labels[lane], stroke.label, bold=True)
            for stroke, lane, curve in _curves(load, ALL)
            if curve
        ]
        end_labels(drawn, ends)
        return
    line_key(drawn, [(BASE, load.labels[load.base]), (ARM, load.labels[load.arm])])


def _mark(drawn: Panel, stroke: Stroke, lane: LaneView, other: LaneView, quantile: str) -> None:
    value, x = lane.since_due.values[quantile], _x(_AT[quantile])
    if not value or x > drawn.xlim[1]:
        return
    interval = lane.since_due.ci95[quantile]
    told = f"{lane.label}, {LABELS[quantile]}: {duration(value)}"
    if interval:
        told += f" ({duration(interval[0])} to {duration(interval[1])})"
        whisker = drawn.axes.plot(
            [x, x], interval,
            color=stroke.label, linewidth=1.1, marker="_", ms=6, mew=1.1, zorder=10,
        )  # fmt: skip
        tip(whisker, told, _OVERALL)
    dot = drawn.axes.plot(
        [x], [value],
        marker=stroke.marker, ms=5.5, mfc=stroke.colour, mec=palette.PAPER, mew=0.8,
        linestyle="none", zorder=11,
    )  # fmt: skip
    tip(dot, told, _OVERALL)
    above = value >= (other.since_due.values[quantile] or 0)
    words = f"{LABELS[quantile]} {duration(value)}"
    low, high = interval or (value, value)
    along, wide = drawn.along(x), text_width(words, drawn.sheet.small)
    # The curve rises to the right: above it there is room on the left, below it on the right.
    dx = -wide - 5 if above else 4
    edge = drawn.sheet.width - drawn.axes.get_position().x0 * drawn.sheet.width
    dx = min(max(dx, 3 - along), edge - 4 - along - wide)
    aside = above and dx < -wide
    drawn.text(
        along + dx,
        drawn.up(value if aside else high if above else low)
        + (7 if aside else 17 if above else -9),
        words,
        color=stroke.label,
        **halo(),
    )


def _small_labels(drawn: Panel, request: RequestView) -> None:
    """The request's title, its effect with both medians, and dots where these stand."""
    title = fit(request.title, drawn.sheet.text, drawn.width + 50)
    drawn.text(-40, drawn.height + 22, title, fontsize=drawn.sheet.text, fontweight="bold")
    medians = [lane.since_due.values["p50"] for lane in request.lanes]
    told = f"{duration(medians[0])} → {duration(medians[1])}, {effect_of(request)}"
    tone = palette.SLOWER if request.verdict == "slower" else palette.MUTED
    drawn.text(-40, drawn.height + 10, told, color=tone)
    for stroke, value in zip((BASE, ARM), medians, strict=True):
        if value:
            drawn.axes.plot(
                [_x(0.5)], [value],
                marker=stroke.marker, ms=5, mfc=stroke.colour, mec=palette.PAPER, mew=0.8,
                linestyle="none", zorder=5,
            )  # fmt: skip
