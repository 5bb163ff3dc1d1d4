"""Does it last: steps of an operation against the size of the data, one small panel each.

Values in, a Figure out. Nothing is fitted here.
"""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from bench.report import palette
from bench.report.arms import Arms
from bench.report.plots import panels
from bench.report.plots.canvas import Page, fit, page
from bench.report.plots.hover import tip
from bench.report.run_report import Report
from bench.report.sections import growth as section
from bench.report.units import count, whole
from bench.results.growth import ArmGrowth, Growth, OperationGrowth, Size

_MORE = panels.Stroke(palette.RECOMMENDED, palette.RECOMMENDED, 1.8, (0, (1, 1.4)), "s")
_OTHER = panels.Stroke(palette.MUTED, palette.MUTED, 1.4, (0, (3, 1, 1, 1)), "^")
_COLUMNS = {False: 4, True: 2}
_MOST = {False: 12, True: 8}


def growth(report: Report, *, narrow: bool = False) -> Figure | None:
    """Small panels of the operations that grow and of those whose growth changed, or None."""
    found, arms = report.growth, report.arms
    shown = section.chosen(found, arms, _MOST[narrow]) if found is not None else ()
    if found is None or not section.drawn(found) or not shown:
        return None
    columns = _COLUMNS[narrow]
    rows = math.ceil(len(shown) / columns)
    high, pitch = (86.0, 124.0) if narrow else (92.0, 130.0)
    blank = page(
        narrow=narrow,
        title=section.title(found, arms),
        note="VM steps of one execution against the number of events, both axes logarithmic; at "
        "the end of each line its exponent: one grows in step with the data, zero not at all.",
        height=rows * pitch - (pitch - high) + 26,
        foot=26,
        gap=6,
    )
    strokes = _strokes(found, arms)
    values = [float(p.vm_steps) for o in shown for a in o.arms.values() for p in a.points]
    for n, operation in enumerate(shown):
        top = 26 + pitch * (n // columns)
        place = _panel(blank, found, operation, n, columns, values, top)
        if n == 0:
            panels.line_key(
                place, [(stroke, arms.label(name)) for name, stroke in strokes.items()], dy=27
            )
        _lines(place, found, operation, strokes, arms)
    return blank.figure


def _strokes(found: Growth, arms: Arms) -> dict[str, panels.Stroke]:
    names, judged = section.arms_of(found, arms), section.judged_of(found, arms)
    known = {names[0]: panels.BASE}
    known |= dict.fromkeys(names[1:-1], _OTHER) | {names[-1]: _MORE}
    return known | {judged: panels.ARM} if judged != names[0] else known


def _panel(
    blank: Page,
    found: Growth,
    operation: OperationGrowth,
    n: int,
    columns: int,
    values: list[float],
    top: float,
) -> panels.Panel:
    size = blank.sheet
    axis, end = 34.0, 28.0
    room = (size.width - 6 - axis) / columns
    at = n % columns
    left = axis + at * room
    place = panels.panel(
        blank, left=left, right=size.width - left - room + end + 4, top=top,
        height=86 if size.narrow else 92, xlim=_limits(found.points),
        ylim=panels.log_limits(values, room=1.6), log=True,
        label=(lambda v: count(v).replace("\N{NO-BREAK SPACE}", "")) if at == 0 else lambda _: "",
    )  # fmt: skip
    place.axes.set_xscale("log")
    ends = {found.points[0].events, found.points[-1].events}
    panels.x_ticks(
        place, [(s.events, _short(s.events) if s.events in ends else "") for s in found.points]
    )
    place.axes.minorticks_off()
    place.text(0, place.height + 9, fit(operation.title, size.small, room - 14))
    return place


def _limits(sizes: tuple[Size, ...]) -> tuple[float, float]:
    events = [size.events for size in sizes]
    return min(events) / 1.6, max(events) * 1.6


def _short(value: float) -> str:
    return count(value).replace("\N{NO-BREAK SPACE}", "")


def _lines(
    place: panels.Panel,
    found: Growth,
    operation: OperationGrowth,
    strokes: dict[str, panels.Stroke],
    arms: Arms,
) -> None:
    sizes = {size.scale: size for size in found.points}
    labels = []
    for name, stroke in strokes.items():
        grown = operation.arms.get(name)
        if grown is None:
            continue
        known = [(sizes[p.scale], p.vm_steps) for p in grown.points if p.scale in sizes]
        place.axes.plot(
            [size.events for size, _ in known], [steps for _, steps in known],
            color=stroke.colour, linewidth=stroke.width, linestyle=stroke.dash, zorder=3,
        )  # fmt: skip
        for size, steps in known:
            dot = place.axes.plot(
                [size.events], [steps], marker=stroke.marker, ms=3.4, mfc=stroke.colour,
                mec=stroke.label, mew=0.8, linestyle="none", zorder=4,
            )  # fmt: skip
            tip(dot, _words(operation, arms.label(name), grown, size, steps))
        if known and grown.steps_exponent is not None:
            words = section.exponent_text(grown.steps_exponent, None)
            labels.append(panels.EndLabel(known[-1][1], words, stroke.label, bold=True))
    panels.end_labels(place, labels, dx=3)


def _words(operation: OperationGrowth, label: str, grown: ArmGrowth, size: Size, steps: int) -> str:
    exponent = section.exponent_text(grown.steps_exponent, grown.steps_ci95)
    return (
        f"{operation.title}, {label}\n{whole(size.events)} events: {count(steps)} steps\n"
        f"exponent {exponent}, {grown.word}"
    )
