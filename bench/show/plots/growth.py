"""Does it last: steps of an operation against the size of the data, one small panel each.

Room show.plots: values in, a Figure out. Nothing is fitted here.
"""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from bench.show import palette
from bench.show.evidence_growth import (
    GrowingView,
    GrownView,
    GrowthView,
    SizeView,
    chosen,
    exponent_text,
    growth_view,
)
from bench.show.plots.canvas import Page, fit, page
from bench.show.plots.hover import tip
from bench.show.plots.panels import (
    ARM,
    BASE,
    EndLabel,
    Panel,
    Stroke,
    end_labels,
    line_key,
    log_limits,
    panel,
    x_ticks,
)
from bench.show.report import Report
from bench.show.units import count, whole

_MORE = Stroke(palette.RECOMMENDED, palette.RECOMMENDED, 1.8, (0, (1, 1.4)), "s")
_OTHER = Stroke(palette.MUTED, palette.MUTED, 1.4, (0, (3, 1, 1, 1)), "^")
_COLUMNS = {False: 4, True: 2}
_MOST = {False: 12, True: 8}


def growth(report: Report, *, narrow: bool = False) -> Figure | None:
    """Small panels of the operations that grow and of those whose growth changed, or None."""
    found = growth_view(report)
    shown = chosen(found, _MOST[narrow]) if found is not None else ()
    if found is None or not found.drawn or not shown:
        return None
    columns = _COLUMNS[narrow]
    rows = math.ceil(len(shown) / columns)
    high, pitch = (86.0, 124.0) if narrow else (92.0, 130.0)
    blank = page(
        narrow=narrow,
        title=found.title,
        note="VM steps of one execution against the number of events, both axes logarithmic; at "
        "the end of each line its exponent: one grows in step with the data, zero not at all.",
        height=rows * pitch - (pitch - high) + 26,
        foot=26,
        gap=6,
    )
    strokes = _strokes(found)
    values = [v for o in shown for a in o.arms for v in a.vm_steps.values()]
    for n, operation in enumerate(shown):
        drawn = _panel(blank, found, operation, n, columns, values, (26 + pitch * (n // columns)))
        if n == 0:
            _key(drawn, found, strokes)
        _lines(drawn, found, operation, strokes)
    return blank.figure


def _strokes(found: GrowthView) -> dict[str, Stroke]:
    names = [name for name, _ in found.arms]
    known = {names[0]: BASE}
    known |= dict.fromkeys(names[1:-1], _OTHER) | {names[-1]: _MORE}
    return known | {found.judged: ARM} if found.judged != names[0] else known


def _panel(
    blank: Page,
    found: GrowthView,
    operation: GrowingView,
    n: int,
    columns: int,
    values: list[float],
    top: float,
) -> Panel:
    size = blank.sheet
    axis, end = 34.0, 28.0
    room = (size.width - 6 - axis) / columns
    at = n % columns
    left = axis + at * room
    drawn = panel(
        blank, left=left, right=size.width - left - room + end + 4, top=top,
        height=86 if size.narrow else 92, xlim=_limits(found.sizes),
        ylim=log_limits(values, room=1.6), log=True,
        label=(lambda v: count(v).replace("\N{NO-BREAK SPACE}", "")) if at == 0 else lambda _: "",
    )  # fmt: skip
    drawn.axes.set_xscale("log")
    ends = {found.sizes[0].events, found.sizes[-1].events}
    x_ticks(drawn, [(s.events, _short(s.events) if s.events in ends else "") for s in found.sizes])
    drawn.axes.minorticks_off()
    title = fit(operation.title, size.small, room - 14)
    drawn.text(0, drawn.height + 9, title)
    return drawn


def _limits(sizes: tuple[SizeView, ...]) -> tuple[float, float]:
    events = [size.events for size in sizes]
    return min(events) / 1.6, max(events) * 1.6


def _short(value: float) -> str:
    return count(value).replace("\N{NO-BREAK SPACE}", "")


def _lines(
    drawn: Panel, found: GrowthView, operation: GrowingView, strokes: dict[str, Stroke]
) -> None:
    events = {size.scale: size for size in found.sizes}
    labels = []
    for arm in operation.arms:
        stroke = strokes[arm.arm]
        known = [(events[s], v) for s, v in arm.vm_steps.items() if s in events]
        drawn.axes.plot(
            [size.events for size, _ in known], [v for _, v in known],
            color=stroke.colour, linewidth=stroke.width, linestyle=stroke.dash, zorder=3,
        )  # fmt: skip
        for size, value in known:
            dot = drawn.axes.plot(
                [size.events], [value], marker=stroke.marker, ms=3.4, mfc=stroke.colour,
                mec=stroke.label, mew=0.8, linestyle="none", zorder=4,
            )  # fmt: skip
            tip(dot, _told(operation, arm, size, value))
        if known and arm.steps_exponent is not None:
            words = exponent_text(arm.steps_exponent, None)
            labels.append(EndLabel(known[-1][1], words, stroke.label, bold=True))
    end_labels(drawn, labels, dx=3)


def _told(operation: GrowingView, arm: GrownView, size: SizeView, value: float) -> str:
    return (
        f"{operation.title}, {arm.label}\n{whole(size.events)} events: {count(value)} steps\n"
        f"exponent {arm.steps_text}, {arm.word}"
    )


def _key(drawn: Panel, found: GrowthView, strokes: dict[str, Stroke]) -> None:
    entries = [(strokes[name], label) for name, label in found.arms]
    line_key(drawn, entries, dy=27)
