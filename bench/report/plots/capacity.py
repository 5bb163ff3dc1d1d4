"""Capacity: the highest rate that holds the service level, against the size of the data."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from bench.judge.sizes import noun_of, rows_text
from bench.report import palette
from bench.report.arms import Arms
from bench.report.plots import panels
from bench.report.plots.canvas import page
from bench.report.plots.hover import tip
from bench.report.plots.panels import EndLabel, Panel, Stroke
from bench.report.run_report import Report
from bench.report.sections import capacity as section
from bench.report.sections.capacity import height, holds_text
from bench.report.units import rate, short_count
from bench.results.capacity import Capacity, Point

_NEEDED = Stroke(palette.MUTED, palette.MUTED, 1.4, ":", "")
_MORE = Stroke(palette.RECOMMENDED, palette.RECOMMENDED, 2.0, (0, (7, 1.5, 1.5, 1.5)), "s")


def capacity(report: Report, *, narrow: bool = False) -> Figure | None:
    """One line for each arm and the rate that data of that size needs; None without points."""
    document, arms = report.capacity, report.arms
    if document is None or not section.drawn(document):
        return None
    high = 200 if narrow else 230
    blank = page(
        narrow=narrow,
        title=section.title(document, arms),
        note=f"Highest rate of requests that holds {section.level_text(document.service_level)}, by"
        " size of the data; higher is better. Open markers: ▲ at least that much, ▼ less than the"
        " lowest rate tried.",
        height=high,
        foot=40,
        gap=44 if narrow else 14,
    )
    tables = section.tables_of(document, arms)
    ticks = {p.rows[tables[0]]: _tick(arms, tables, p) for _, p in section.ordered(document)}
    values = [v for p in document.points for v in (height(p), p.needed_per_second)]
    left, right = (50.0, 22.0) if narrow else (58.0, 130.0)
    drawn = panels.panel(
        blank, left=left, right=right, top=0, height=high,
        xlim=(min(ticks) / 2.2, max(ticks) * 2.2), ylim=panels.log_limits(values, room=1.7),
        log=True, label=rate,
    )  # fmt: skip
    drawn.log_x(list(ticks.items()))
    strokes = [panels.BASE, panels.ARM, *[_MORE] * max(0, len(document.arms) - 2)]
    lanes = list(zip(strokes, document.arms, strict=False))
    ends = []
    for stroke, arm in lanes:
        points = [p for _, p in section.ordered(document) if p.arm == arm and height(p)]
        _line(drawn, stroke, points, arms, tables)
        for point in points:
            _figure(drawn, document, stroke, point, tables[0])
        if points:
            ends.append(EndLabel(height(points[-1]), arms.label(arm), stroke.label, bold=True))
    keys = [(stroke, arms.label(arm)) for stroke, arm in lanes]
    if needed := _needed(drawn, document, arms, tables[0]):
        ends.append(EndLabel(needed, "needed, busiest hour", palette.MUTED))
        keys.append((_NEEDED, "needed"))
    if narrow:
        drawn.line_key(keys, dy=26)
    else:
        drawn.end_labels(ends)
    return blank.figure


def _tick(arms: Arms, tables: Sequence[str], point: Point) -> str:
    counts = ((short_count(point.rows[table]), noun_of(arms.nouns, table)) for table in tables)
    return "\n".join(f"{count} {noun}" for count, noun in counts)


def _needed(drawn: Panel, document: Capacity, arms: Arms, table: str) -> float | None:
    """Draw the rate that each size needs; return that of the largest, if any is known."""
    needed = {
        point.rows[table]: point.needed_per_second
        for _, point in section.ordered(document)
        if point.needed_per_second
    }
    if not needed:
        return None
    _NEEDED.line(drawn.axes, list(needed), list(needed.values()), linewidth=1.8, zorder=2)
    for rows, value in needed.items():
        dash = drawn.axes.plot(
            [rows], [value], color=_NEEDED.colour, marker="_", ms=9, mew=1.6, zorder=2
        )
        size = rows_text(arms.nouns, {table: rows})
        tip(dash, f"needed in the busiest hour\n{size}: {rate(value)}")
    return needed[max(needed)]


def _line(
    drawn: Panel, stroke: Stroke, points: list[Point], arms: Arms, tables: Sequence[str]
) -> None:
    heights = panels.gaps(height(point) for point in points)
    stroke.line(drawn.axes, [point.rows[tables[0]] for point in points], heights)
    for point, y in zip(points, heights, strict=True):
        bound = "v" if point.holds_per_second is None else "^" if point.at_least else ""
        style = {"marker": bound, "ms": 8, "mfc": palette.PAPER} if bound else {"ms": 6}
        mark = stroke.dot(drawn.axes, point.rows[tables[0]], y, mew=1.5, **style)
        size = ", ".join(rows_text(arms.nouns, {table: point.rows[table]}) for table in tables)
        tip(mark, f"{arms.label(point.arm)}: {holds_text(point)}\n{size}")


def _figure(drawn: Panel, document: Capacity, stroke: Stroke, point: Point, table: str) -> None:
    """The rate in words beside its marker: above the higher line, below the lower one."""
    rate_held = height(point) or 1
    others = [height(p) or 0 for p in document.points if p.scale == point.scale and p is not point]
    above = all(rate_held >= other for other in others)
    x = drawn.axes.transData.transform((point.rows[table], 1))[0]
    along = (x - drawn.axes.transAxes.transform((0, 0))[0]) / drawn.page.figure.dpi * 72
    drawn.text(
        along, drawn.up(rate_held) + (12 if above else -13), holds_text(point),
        color=stroke.label, ha="center", **panels.halo(),
    )  # fmt: skip
