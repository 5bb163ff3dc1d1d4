"""Capacity: the highest rate that holds the service level, against the shop's size."""

from __future__ import annotations

from matplotlib.figure import Figure

from bench.report import palette
from bench.report.arms import Arms
from bench.report.plots import panels
from bench.report.plots.canvas import page
from bench.report.plots.hover import tip
from bench.report.run_report import Report
from bench.report.sections.capacity import drawn as can_be_drawn
from bench.report.sections.capacity import height, holds_text, level_text, ordered, title
from bench.report.units import count, rate, whole
from bench.results.capacity import Capacity, Point

_NEEDED = panels.Stroke(palette.MUTED, palette.MUTED, 1.4, ":", "")
_MORE = panels.Stroke(palette.RECOMMENDED, palette.RECOMMENDED, 2.0, (0, (7, 1.5, 1.5, 1.5)), "s")


def capacity(report: Report, *, narrow: bool = False) -> Figure | None:
    """One line for each arm and the rate that a shop of that size needs; None without points."""
    found, arms = report.capacity, report.arms
    if found is None or not can_be_drawn(found):
        return None
    blank = page(
        narrow=narrow,
        title=title(found, arms),
        note=f"Highest rate of requests that holds {level_text(found.service_level)}, by size of"
        " the shop; higher is better. Open markers: ▲ at least that much, ▼ less than the lowest"
        " rate tried.",
        height=200 if narrow else 230,
        foot=40,
        gap=44 if narrow else 14,
    )
    sizes = sorted({(point.products, point.events) for point in found.points})
    values = [v for p in found.points for v in (height(p), p.needed_per_second)]
    left, right = (50.0, 22.0) if narrow else (58.0, 130.0)
    drawn = panels.panel(
        blank, left=left, right=right, top=0, height=200 if narrow else 230,
        xlim=_limits([float(products) for products, _ in sizes]), ylim=panels.log_limits(values, room=1.7),
        log=True, label=rate,
    )  # fmt: skip
    drawn.axes.set_xscale("log")
    panels.x_ticks(drawn, [(p, f"{_short(p)} products\n{_short(e)} events") for p, e in sizes])
    drawn.axes.minorticks_off()
    _draw(drawn, found, arms)
    return blank.figure


def _limits(products: list[float]) -> tuple[float, float]:
    return min(products) / 2.2, max(products) * 2.2


def _short(value: int) -> str:
    return count(value).replace("\N{NO-BREAK SPACE}", "")


def _strokes(found: Capacity) -> list[tuple[panels.Stroke, str]]:
    strokes = [panels.BASE, panels.ARM, *[_MORE] * max(0, len(found.arms) - 2)]
    return list(zip(strokes, found.arms, strict=False))


def _draw(drawn: panels.Panel, found: Capacity, arms: Arms) -> None:
    ends = []
    for stroke, arm in _strokes(found):
        points = [point for _, point in ordered(found) if point.arm == arm and height(point)]
        _line(drawn, stroke, points, arms.label(arm))
        for point in points:
            _figure(drawn, found, stroke, point)
        if points:
            ends.append(
                panels.EndLabel(height(points[-1]), arms.label(arm), stroke.label, bold=True)
            )
    needed = {
        point.products: point.needed_per_second
        for _, point in ordered(found)
        if point.needed_per_second
    }
    if needed:
        drawn.axes.plot(
            list(needed), list(needed.values()),
            color=_NEEDED.colour, linestyle=_NEEDED.dash, linewidth=1.8, zorder=2,
        )  # fmt: skip
        for products, value in needed.items():
            dash = drawn.axes.plot(
                [products], [value], color=_NEEDED.colour, marker="_", ms=9, mew=1.6, zorder=2
            )
            tip(dash, f"needed in the busiest hour\n{whole(products)} products: {rate(value)}")
        ends.append(panels.EndLabel(needed[max(needed)], "needed, busiest hour", palette.MUTED))
    if drawn.sheet.narrow:
        entries = [(stroke, arms.label(arm)) for stroke, arm in _strokes(found)]
        panels.line_key(drawn, [*entries, (_NEEDED, "needed")] if needed else entries, dy=26)
        return
    panels.end_labels(drawn, ends)


def _line(drawn: panels.Panel, stroke: panels.Stroke, points: list[Point], label: str) -> None:
    drawn.axes.plot(
        [point.products for point in points], panels.gaps(height(point) for point in points),
        color=stroke.colour, linewidth=stroke.width, linestyle=stroke.dash, zorder=3,
    )  # fmt: skip
    for point in points:
        below = point.holds_per_second is None
        bounded = below or point.at_least
        shape = "v" if below else "^"
        mark = drawn.axes.plot(
            [point.products], panels.gaps([height(point)]),
            marker=shape if bounded else stroke.marker,
            ms=8 if bounded else 6,
            mfc=palette.PAPER if bounded else stroke.colour,
            mec=stroke.label, mew=1.5, linestyle="none", zorder=4,
        )  # fmt: skip
        size = f"{whole(point.products)} products, {whole(point.events)} events"
        tip(mark, f"{label}: {holds_text(point)}\n{size}")


def _figure(drawn: panels.Panel, found: Capacity, stroke: panels.Stroke, point: Point) -> None:
    """The rate in words beside its marker: above the higher line, below the lower one."""
    rate_held = height(point) or 1
    others = [
        height(p) or 0 for p in found.points if p.products == point.products and p is not point
    ]
    above = all(rate_held >= other for other in others)
    x = drawn.axes.transData.transform((point.products, 1))[0]
    along = (x - drawn.axes.transAxes.transform((0, 0))[0]) / drawn.page.figure.dpi * 72
    drawn.text(
        along, drawn.up(rate_held) + (12 if above else -13), holds_text(point),
        color=stroke.label, ha="center", **panels.halo(),
    )  # fmt: skip
