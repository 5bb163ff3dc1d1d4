"""Lines against the size of the data: the rate that each arm holds, and the steps that it takes.

Nothing is fitted here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from bench.judge.sizes import noun_of, rows_text
from bench.report import palette
from bench.report.arms import Arms
from bench.report.plots import panels
from bench.report.plots.canvas import Page, fit, page
from bench.report.plots.hover import tip
from bench.report.plots.panels import EndLabel, Panel, Stroke
from bench.report.run_report import Report
from bench.report.sections import capacity as capacity_section
from bench.report.sections import growth as growth_section
from bench.report.sections.capacity import height, holds_text
from bench.report.sections.growth import exponent_text
from bench.report.units import count, rate, short_count
from bench.results.capacity import Capacity, Point
from bench.results.growth import Growth, OperationGrowth

_NEEDED = Stroke(palette.MUTED, palette.MUTED, 1.4, ":", "")
_THIRD = Stroke(palette.RECOMMENDED, palette.RECOMMENDED, 2.0, (0, (7, 1.5, 1.5, 1.5)), "s")


def capacity(report: Report, *, narrow: bool = False) -> Figure | None:
    """One line for each arm and the rate that data of that size needs; None without points."""
    document, arms = report.capacity, report.arms
    if document is None or not capacity_section.has_lines(document):
        return None
    high = 200 if narrow else 230
    level = capacity_section.level_text(document.service_level)
    blank = page(
        narrow=narrow,
        title=capacity_section.title(document, arms),
        note=f"Highest rate of requests that holds {level}, by size of the data; higher is better."
        " Open markers: ▲ at least that much, ▼ less than the lowest rate tried.",
        height=high,
        foot=40,
        gap=44 if narrow else 14,
    )
    tables = capacity_section.tables_of(document, arms)
    nouns = {table: noun_of(arms.nouns, table) for table in tables}
    ticks = {
        p.rows[tables[0]]: "\n".join(f"{short_count(p.rows[t])} {n}" for t, n in nouns.items())
        for _, p in capacity_section.ordered(document)
    }
    values = [v for p in document.points for v in (height(p), p.needed_per_second)]
    left, right = (50.0, 22.0) if narrow else (58.0, 130.0)
    panel = panels.panel(
        blank, left=left, right=right, top=0, height=high,
        xlim=(min(ticks) / 2.2, max(ticks) * 2.2), ylim=panels.log_limits(values, room=1.7),
        log=True, label=rate,
    )  # fmt: skip
    panel.log_x(list(ticks.items()))
    strokes = [panels.BASE, panels.ARM, *[_THIRD] * max(0, len(document.arms) - 2)]
    strokes_of_arms = list(zip(strokes, document.arms, strict=False))
    ends = []
    for stroke, arm in strokes_of_arms:
        points = [p for _, p in capacity_section.ordered(document) if p.arm == arm and height(p)]
        _holds(panel, stroke, points, arms, tables)
        for point in points:
            _words(panel, document, stroke, point, tables[0])
        if points:
            ends.append(EndLabel(height(points[-1]), arms.label(arm), stroke.label, bold=True))
    keys = [(stroke, arms.label(arm)) for stroke, arm in strokes_of_arms]
    if needed := _needed(panel, document, arms, tables[0]):
        ends.append(EndLabel(needed, "needed, busiest hour", palette.MUTED))
        keys.append((_NEEDED, "needed"))
    if narrow:
        panel.line_key(keys, dy=26)
    else:
        panel.end_labels(ends)
    return blank.figure


def _needed(panel: Panel, document: Capacity, arms: Arms, table: str) -> float | None:
    """Draw the rate that each size needs; return that of the largest, if any is known."""
    needed = {
        point.rows[table]: point.needed_per_second
        for _, point in capacity_section.ordered(document)
        if point.needed_per_second
    }
    if not needed:
        return None
    _NEEDED.line(panel.axes, list(needed), list(needed.values()), linewidth=1.8, zorder=2)
    for rows, value in needed.items():
        dash = panel.axes.plot(
            [rows], [value], color=_NEEDED.colour, marker="_", ms=9, mew=1.6, zorder=2
        )
        size = rows_text(arms.nouns, {table: rows})
        tip(dash, f"needed in the busiest hour\n{size}: {rate(value)}")
    return needed[max(needed)]


def _holds(
    panel: Panel, stroke: Stroke, points: list[Point], arms: Arms, tables: Sequence[str]
) -> None:
    heights = panels.gaps(height(point) for point in points)
    stroke.line(panel.axes, [point.rows[tables[0]] for point in points], heights)
    for point, y in zip(points, heights, strict=True):
        bound = "v" if point.holds_per_second is None else "^" if point.at_least else ""
        style = {"marker": bound, "ms": 8, "mfc": palette.PAPER} if bound else {"ms": 6}
        mark = stroke.dot(panel.axes, point.rows[tables[0]], y, mew=1.5, **style)
        size = ", ".join(rows_text(arms.nouns, {table: point.rows[table]}) for table in tables)
        tip(mark, f"{arms.label(point.arm)}: {holds_text(point)}\n{size}")


def _words(panel: Panel, document: Capacity, stroke: Stroke, point: Point, table: str) -> None:
    """The rate in words beside its marker: above the higher line, below the lower one."""
    rate_held = height(point) or 1
    others = [height(p) or 0 for p in document.points if p.scale == point.scale and p is not point]
    above = all(rate_held >= other for other in others)
    x = panel.axes.transData.transform((point.rows[table], 1))[0]
    along = (x - panel.axes.transAxes.transform((0, 0))[0]) / panel.page.figure.dpi * 72
    panel.text(
        along, panel.up(rate_held) + (12 if above else -13), holds_text(point),
        color=stroke.label, ha="center", **panels.halo(),
    )  # fmt: skip


_LATER = Stroke(palette.RECOMMENDED, palette.RECOMMENDED, 1.8, (0, (1, 1.4)), "s")
_OTHER = Stroke(palette.MUTED, palette.MUTED, 1.4, (0, (3, 1, 1, 1)), "^")
_COLUMNS = {False: 4, True: 2}
_MOST = {False: 12, True: 8}


def growth(report: Report, *, narrow: bool = False) -> Figure | None:
    """Small panels of the operations that grow and of those whose growth changed, or None."""
    document, arms = report.growth, report.arms
    shown = growth_section.chosen(document, arms, _MOST[narrow]) if document is not None else ()
    if document is None or not growth_section.has_lines(document) or not shown:
        return None
    table = growth_section.table_of(document, arms)
    noun, counts = noun_of(arms.nouns, table), [point.rows[table] for point in document.points]
    rows = math.ceil(len(shown) / _COLUMNS[narrow])
    high, pitch = (86.0, 124.0) if narrow else (92.0, 130.0)
    blank = page(
        narrow=narrow,
        title=growth_section.title(document, arms),
        note=f"VM steps of one execution against the number of {noun}, both axes logarithmic; at "
        "the end of each line its exponent: one grows in step with the data, zero not at all.",
        height=rows * pitch - (pitch - high) + 26,
        foot=26,
        gap=6,
    )
    names, judged = growth_section.arms_of(document, arms), growth_section.judged_of(document, arms)
    strokes = {names[0]: panels.BASE}
    strokes |= dict.fromkeys(names[1:-1], _OTHER) | {names[-1]: _LATER}
    if judged != names[0]:
        strokes[judged] = panels.ARM
    values = [float(p.vm_steps) for o in shown for a in o.arms.values() for p in a.points]
    limits = panels.log_limits(values, room=1.6)
    for n, operation in enumerate(shown):
        row, column = divmod(n, _COLUMNS[narrow])
        panel = _panel(blank, counts, operation, column, 26 + pitch * row, limits)
        if n == 0:
            panel.line_key([(stroke, arms.label(name)) for name, stroke in strokes.items()], dy=27)
        _lines(panel, document, operation, strokes, arms)
    return blank.figure


def _panel(
    blank: Page, counts: list[int], operation: OperationGrowth, column: int, top: float,
    ylim: panels.Limits,
) -> Panel:  # fmt: skip
    size = blank.sheet
    axis, end = 34.0, 28.0
    room = (size.width - 6 - axis) / _COLUMNS[size.narrow]
    left = axis + column * room
    panel = panels.panel(
        blank, left=left, right=size.width - left - room + end + 4, top=top,
        height=86 if size.narrow else 92, xlim=(min(counts) / 1.6, max(counts) * 1.6), ylim=ylim,
        log=True, label=short_count if column == 0 else lambda _: "",
    )  # fmt: skip
    panel.log_x([(n, short_count(n) if n in (counts[0], counts[-1]) else "") for n in counts])
    panel.text(0, panel.height + 9, fit(operation.title, size.small, room - 14))
    return panel


def _lines(
    panel: Panel, document: Growth, operation: OperationGrowth, strokes: dict[str, Stroke],
    arms: Arms,
) -> None:  # fmt: skip
    table = growth_section.table_of(document, arms)
    counts = {size.scale: size.rows[table] for size in document.points}
    labels = []
    for name, stroke in strokes.items():
        grown = operation.arms.get(name)
        if grown is None:
            continue
        known = [(counts[p.scale], p.vm_steps) for p in grown.points if p.scale in counts]
        stroke.line(panel.axes, [n for n, _ in known], [steps for _, steps in known])
        exponent = exponent_text(grown.steps_exponent, grown.steps_ci95)
        for n, steps in known:
            dot = stroke.dot(panel.axes, n, steps, ms=3.4, mew=0.8)
            size = rows_text(arms.nouns, {table: n})
            tip_text = f"{size}: {count(steps)} steps\nexponent {exponent}, {grown.word}"
            tip(dot, f"{operation.title}, {arms.label(name)}\n{tip_text}")
        if known and grown.steps_exponent is not None:
            words = exponent_text(grown.steps_exponent, None)
            labels.append(EndLabel(known[-1][1], words, stroke.label, bold=True))
    panel.end_labels(labels, dx=3)
