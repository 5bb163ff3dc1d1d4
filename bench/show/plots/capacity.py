"""Capacity: the highest rate that holds the service level, against the shop's size.

Room show.plots: values in, a Figure out.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from bench.report import palette
from bench.report.units import count, rate, whole
from bench.show.capacity import CapacityView, PointView, capacity_view
from bench.show.load_words import capacity_title
from bench.show.plots.canvas import page
from bench.show.plots.hover import tip
from bench.show.plots.panels import (
    ARM,
    BASE,
    EndLabel,
    Panel,
    Stroke,
    end_labels,
    gaps,
    halo,
    line_key,
    log_limits,
    panel,
    x_ticks,
)
from bench.show.report import Report

_NEEDED = Stroke(palette.MUTED, palette.MUTED, 1.4, ":", "")
_MORE = Stroke(palette.RECOMMENDED, palette.RECOMMENDED, 2.0, (0, (7, 1.5, 1.5, 1.5)), "s")


def capacity(report: Report, *, narrow: bool = False) -> Figure | None:
    """One line for each arm and the rate that a shop of that size needs; None without points."""
    found = capacity_view(report)
    if found is None or not any(_height(point) for point in found.points):
        return None
    blank = page(
        narrow=narrow,
        title=capacity_title(found),
        note=f"Highest rate of requests that holds {found.level}, by size of the shop; higher is"
        " better. Open markers: ▲ at least that much, ▼ less than the lowest rate tried.",
        height=200 if narrow else 230,
        foot=40,
        gap=44 if narrow else 14,
    )
    sizes = sorted({(point.products, point.events) for point in found.points})
    values = [v for p in found.points for v in (_height(p), p.needed)]
    left, right = (50.0, 22.0) if narrow else (58.0, 130.0)
    drawn = panel(
        blank, left=left, right=right, top=0, height=200 if narrow else 230,
        xlim=_limits([float(products) for products, _ in sizes]), ylim=log_limits(values, room=1.7),
        log=True, label=rate,
    )  # fmt: skip
    drawn.axes.set_xscale("log")
    x_ticks(drawn, [(p, f"{_short(p)} products\n{_short(e)} events") for p, e in sizes])
    drawn.axes.minorticks_off()
    _draw(drawn, found)
    return blank.figure


def _limits(products: list[float]) -> tuple[float, float]:
    return min(products) / 2.2, max(products) * 2.2


def _short(value: int) -> str:
    return count(value).replace("\N{NO-BREAK SPACE}", "")


def _height(point: PointView) -> float | None:
    """Where a point stands: its rate, or the lowest that was tried and not held."""
    return point.holds if point.holds is not None else point.lowest


def _strokes(found: CapacityView) -> list[tuple[Stroke, str]]:
    strokes = [BASE, ARM, *[_MORE] * max(0, len(found.arms) - 2)]
    return list(zip(strokes, found.arms, strict=False))


def _draw(drawn: Panel, found: CapacityView) -> None:
    ends = []
    for stroke, arm in _strokes(found):
        points = [point for point in found.of(arm) if _height(point)]
        _line(drawn, stroke, points)
        for point in points:
            _figure(drawn, found, stroke, point)
        if points:
            ends.append(EndLabel(_height(points[-1]), found.labels[arm], stroke.label, bold=True))
    needed = {p.products: p.needed for p in found.points if p.needed}
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
        ends.append(EndLabel(needed[max(needed)], "needed, busiest hour", palette.MUTED))
    if drawn.sheet.narrow:
        entries = [(stroke, found.labels[arm]) for stroke, arm in _strokes(found)]
        line_key(drawn, [*entries, (_NEEDED, "needed")] if needed else entries, dy=26)
        return
    end_labels(drawn, ends)


def _line(drawn: Panel, stroke: Stroke, points: list[PointView]) -> None:
    drawn.axes.plot(
        [point.products for point in points], gaps(_height(point) for point in points),
        color=stroke.colour, linewidth=stroke.width, linestyle=stroke.dash, zorder=3,
    )  # fmt: skip
    for point in points:
        below = point.holds is None or point.at_most
        bounded = below or point.at_least
        shape = "v" if below else "^"
        mark = drawn.axes.plot(
            [point.products], gaps([_height(point)]),
            marker=shape if bounded else stroke.marker,
            ms=8 if bounded else 6,
            mfc=palette.PAPER if bounded else stroke.colour,
            mec=stroke.label, mew=1.5, linestyle="none", zorder=4,
        )  # fmt: skip
        size = f"{whole(point.products)} products, {whole(point.events)} events"
        tip(mark, f"{point.label}: {point.words}\n{size}")


def _figure(drawn: Panel, found: CapacityView, stroke: Stroke, point: PointView) -> None:
    """The rate in words beside its marker: above the higher line, below the lower one."""
    height = _height(point)
    others = [
        _height(p) or 0 for p in found.points if p.products == point.products and p is not point
    ]
    above = height is not None and all(height >= other for other in others)
    x = drawn.axes.transData.transform((point.products, 1))[0]
    along = (x - drawn.axes.transAxes.transform((0, 0))[0]) / drawn.page.figure.dpi * 72
    drawn.text(
        along, drawn.up(height or 1) + (12 if above else -13), point.words,
        color=stroke.label, ha="center", **halo(),
    )  # fmt: skip
