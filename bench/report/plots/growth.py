"""Does it last: steps of an operation against the size of the data, one small panel each.

Nothing is fitted here.
"""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from bench.judge.sizes import noun_of, rows_text
from bench.report import palette
from bench.report.arms import Arms
from bench.report.plots import panels
from bench.report.plots.canvas import Page, fit, page
from bench.report.plots.hover import tip
from bench.report.plots.panels import EndLabel, Panel, Stroke
from bench.report.run_report import Report
from bench.report.sections import growth as section
from bench.report.sections.growth import exponent_text
from bench.report.units import count, short_count
from bench.results.growth import Growth, OperationGrowth

_MORE = Stroke(palette.RECOMMENDED, palette.RECOMMENDED, 1.8, (0, (1, 1.4)), "s")
_OTHER = Stroke(palette.MUTED, palette.MUTED, 1.4, (0, (3, 1, 1, 1)), "^")
_COLUMNS = {False: 4, True: 2}
_MOST = {False: 12, True: 8}


def growth(report: Report, *, narrow: bool = False) -> Figure | None:
    """Small panels of the operations that grow and of those whose growth changed, or None."""
    document, arms = report.growth, report.arms
    shown = section.chosen(document, arms, _MOST[narrow]) if document is not None else ()
    if document is None or not section.drawn(document) or not shown:
        return None
    table = section.table_of(document, arms)
    noun, counts = noun_of(arms.nouns, table), [point.rows[table] for point in document.points]
    rows = math.ceil(len(shown) / _COLUMNS[narrow])
    high, pitch = (86.0, 124.0) if narrow else (92.0, 130.0)
    blank = page(
        narrow=narrow,
        title=section.title(document, arms),
        note=f"VM steps of one execution against the number of {noun}, both axes logarithmic; at "
        "the end of each line its exponent: one grows in step with the data, zero not at all.",
        height=rows * pitch - (pitch - high) + 26,
        foot=26,
        gap=6,
    )
    strokes = _strokes(document, arms)
    values = [float(p.vm_steps) for o in shown for a in o.arms.values() for p in a.points]
    limits = panels.log_limits(values, room=1.6)
    for n, operation in enumerate(shown):
        row, column = divmod(n, _COLUMNS[narrow])
        place = _panel(blank, counts, operation, column, 26 + pitch * row, limits)
        if n == 0:
            place.line_key([(stroke, arms.label(name)) for name, stroke in strokes.items()], dy=27)
        _lines(place, document, operation, strokes, arms)
    return blank.figure


def _strokes(document: Growth, arms: Arms) -> dict[str, Stroke]:
    names, judged = section.arms_of(document, arms), section.judged_of(document, arms)
    known = {names[0]: panels.BASE}
    known |= dict.fromkeys(names[1:-1], _OTHER) | {names[-1]: _MORE}
    return known | {judged: panels.ARM} if judged != names[0] else known


def _panel(
    blank: Page, counts: list[int], operation: OperationGrowth, column: int, top: float,
    ylim: panels.Limits,
) -> Panel:  # fmt: skip
    size = blank.sheet
    axis, end = 34.0, 28.0
    room = (size.width - 6 - axis) / _COLUMNS[size.narrow]
    left = axis + column * room
    place = panels.panel(
        blank, left=left, right=size.width - left - room + end + 4, top=top,
        height=86 if size.narrow else 92, xlim=(min(counts) / 1.6, max(counts) * 1.6), ylim=ylim,
        log=True, label=short_count if column == 0 else lambda _: "",
    )  # fmt: skip
    place.log_x([(n, short_count(n) if n in (counts[0], counts[-1]) else "") for n in counts])
    place.text(0, place.height + 9, fit(operation.title, size.small, room - 14))
    return place


def _lines(
    place: Panel,
    document: Growth,
    operation: OperationGrowth,
    strokes: dict[str, Stroke],
    arms: Arms,
) -> None:
    table = section.table_of(document, arms)
    counts = {size.scale: size.rows[table] for size in document.points}
    labels = []
    for name, stroke in strokes.items():
        grown = operation.arms.get(name)
        if grown is None:
            continue
        known = [(counts[p.scale], p.vm_steps) for p in grown.points if p.scale in counts]
        stroke.line(place.axes, [n for n, _ in known], [steps for _, steps in known])
        exponent = exponent_text(grown.steps_exponent, grown.steps_ci95)
        for n, steps in known:
            dot = stroke.dot(place.axes, n, steps, ms=3.4, mew=0.8)
            size = rows_text(arms.nouns, {table: n})
            told = f"{size}: {count(steps)} steps\nexponent {exponent}, {grown.word}"
            tip(dot, f"{operation.title}, {arms.label(name)}\n{told}")
        if known and grown.steps_exponent is not None:
            words = exponent_text(grown.steps_exponent, None)
            labels.append(EndLabel(known[-1][1], words, stroke.label, bold=True))
    place.end_labels(labels, dx=3)
