"""What the migration costs: size and build time of each index, and the tax on writes.

Room show.plots: values in, a Figure out. y is measured in points from the top.
"""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from bench.show import palette
from bench.show.plots.canvas import Board, board, fit
from bench.show.plots.marks import mark_of
from bench.show.report import Report
from bench.show.units import duration, effect, size, span, times
from bench.show.view import (
    ComparisonView,
    IndexView,
    OperationView,
    arm_label,
    arm_names,
    indexes,
    operations,
)


def index_cost(report: Report, *, narrow: bool = False) -> Figure | None:
    """Build time and size of each index as two rows of bars; None where none was built."""
    built = indexes(report)
    if not built:
        return None
    row = 31.0 if narrow else 19.0
    left, right = (12.0, 12.0) if narrow else (222.0, 12.0)
    height = row * len(built) + 24
    canvas = board(
        narrow=narrow,
        title=_index_title(report, built),
        note="One index a line, in the order of its build time."
        + (" Teal: of a later arm, not of the migration." if _later(report, built) else ""),
        height=height,
        left=left,
        right=right,
        foot=8,
        gap=8,
    )
    axes = canvas.axes
    axes.set_xticks([])
    axes.set_ylim(height, 0)
    axes.set_xlim(0, 1)
    panels: tuple[tuple[str, float, Callable[[IndexView], float], Callable[[float], str]], ...] = (
        ("build time", 0.0, lambda index: index.duration_ns, duration),
        ("size", 0.52, lambda index: index.size_bytes or 0, size),
    )
    for name, start, value, text in panels:
        axes.text(
            start,
            4,
            name,
            fontsize=canvas.sheet.text,
            fontweight="bold",
            color=palette.INK,
            va="center_baseline",
        )
        if not narrow:
            axes.plot([start, start], [16, height], color=palette.CONTROL, linewidth=1)
        _bars(report, canvas, built, row=row, start=start, value=value, text=text)
    for position, index in enumerate(built):
        y = 16 + position * row + (8 if narrow else row / 2)
        canvas.edge_text("left", y, fit(index.name, canvas.sheet.text, 246 if narrow else 210))
    return canvas.figure


def _later(report: Report, built: tuple[IndexView, ...]) -> bool:
    return any(index.arm != report.judged for index in built)


def _bars(
    report: Report,
    canvas: Board,
    built: tuple[IndexView, ...],
    *,
    row: float,
    start: float,
    value: Callable[[IndexView], float],
    text: Callable[[float], str],
) -> None:
    room = 0.48 - (0.24 if canvas.sheet.narrow else 0.17)
    longest = max(value(index) for index in built) or 1
    for position, index in enumerate(built):
        y = 16 + position * row + (row - 9 if canvas.sheet.narrow else row / 2)
        length = value(index) / longest * room
        colour = palette.AFTER if index.arm == report.judged else palette.RECOMMENDED
        edge = palette.AFTER_EDGE if index.arm == report.judged else palette.RECOMMENDED
        canvas.axes.barh(
            y,
            length,
            left=start,
            height=9 if canvas.sheet.narrow else 12,
            color=colour,
            edgecolor=edge,
            linewidth=0.7,
            zorder=3,
        )
        canvas.axes.text(
            start + length,
            y,
            text(value(index)),
            fontsize=canvas.sheet.small,
            color=palette.INK,
            va="center_baseline",
            transform=canvas.axes.transData + canvas.offset(4),
        )


def _index_title(report: Report, built: tuple[IndexView, ...]) -> str:
    own = [index for index in built if index.arm == report.judged] or list(built)
    first = max(own, key=lambda index: index.duration_ns)
    last = f" and {size(first.size_bytes)}" if first.size_bytes else ""
    return (
        f"The migration built {len(own)} indexes; {first.name} cost most:"
        f" {duration(first.duration_ns)}{last}"
    )


def write_tax(report: Report, *, narrow: bool = False) -> Figure | None:
    """Time of each write in later arms as a multiple of the base's; None without writes."""
    writes = sorted(
        (o for o in operations(report) if o.kind == "write" and o.versus and o.versus.speedup),
        key=lambda o: (o.versus.speedup if o.versus else None) or 1.0,
    )
    if not writes:
        return None
    row = 44.0 if narrow else 40.0
    left, right = (12.0, 12.0) if narrow else (150.0, 190.0)
    height = row * len(writes) + 26
    canvas = board(
        narrow=narrow,
        title=_write_title(report, writes),
        note="Time of one write as a multiple of before (1×). Whiskers are 95 % intervals.",
        height=height,
        left=left,
        right=right,
        gap=10,
    )
    canvas.axes.set_ylim(height, 0)
    _multiple_axis(canvas.axes, report, writes)
    _arm_key(report, canvas)
    for position, operation in enumerate(writes):
        _write_row(report, canvas, operation, 24 + position * row, row)
    return canvas.figure


def _shown(report: Report, operation: OperationView) -> list[ComparisonView]:
    arms = {report.judged, arm_names(report)[-1]}
    return [
        c
        for c in operation.comparisons
        if c.base == report.base and c.arm in arms and c.speedup and c.ci95
    ]


def _multiple_axis(axes: Axes, report: Report, writes: list[OperationView]) -> None:
    ends = [1.0]
    for operation in writes:
        for comparison in _shown(report, operation):
            low, high = comparison.ci95 or (1.0, 1.0)
            ends += [1 / low, 1 / high]
    low, high = min(ends), max(ends)
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 50, 1e9) if (high - low) / s <= 6)
    first, last = int(low / step), int(high / step) + 1
    axes.set_xlim(first * step - step * 0.05, last * step + step * 0.05)
    axes.xaxis.set_major_locator(FixedLocator([n * step for n in range(first, last + 1)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: times(value)))
    axes.tick_params(axis="x", labeltop=False, labelbottom=True)
    axes.grid(axis="x", color=palette.GRID, linewidth=0.8)


def _arm_key(report: Report, canvas: Board) -> None:
    x = 2.0
    for name in dict.fromkeys((report.judged, arm_names(report)[-1])):
        mark = mark_of(report, name)
        canvas.axes.plot(
            [0],
            [8],
            marker=mark.marker,
            ms=mark.size,
            mfc=mark.face,
            mec=mark.edge,
            transform=canvas.axes.get_yaxis_transform() + canvas.offset(4 - canvas.left + x),
            clip_on=False,
        )
        label = arm_label(report, name)
        canvas.edge_text("left", 8, label, inset=x + 13)
        x += 26 + 5.5 * len(label)


def _write_row(
    report: Report, canvas: Board, operation: OperationView, top: float, row: float
) -> None:
    narrow = canvas.sheet.narrow
    middle = top + (30 if narrow else row / 2)
    title = fit(operation.title, canvas.sheet.text, 140)
    canvas.edge_text("left", top + 9 if narrow else middle, title)
    half = 12 if narrow else row / 2
    canvas.axes.plot(
        [1, 1],
        [middle - half, middle + half],
        color=palette.BEFORE,
        linewidth=2,
        solid_capstyle="butt",
        zorder=1.5,
    )
    for position, comparison in enumerate(_shown(report, operation)):
        mark = mark_of(report, comparison.arm)
        judged = comparison.arm == report.judged
        y = middle + (-6 if judged else 6)
        low, high = comparison.ci95 or (1.0, 1.0)
        canvas.axes.plot(
            [1 / high, 1 / low],
            [y, y],
            color=mark.edge,
            linewidth=1.4,
            marker="|",
            ms=7,
            mew=1.4,
            zorder=3 + position,
        )
        canvas.axes.plot(
            [1 / (comparison.speedup or 1)],
            [y],
            marker=mark.marker,
            ms=mark.size,
            mfc=mark.face,
            mec=mark.edge,
            zorder=4 + position,
            linestyle="none",
        )
    if operation.versus is not None:
        _write_text(report, canvas, operation, operation.versus, top + 9 if narrow else middle)


def _write_text(
    report: Report, canvas: Board, operation: OperationView, versus: ComparisonView, y: float
) -> None:
    base, judged = operation.arm(report.base), operation.arm(report.judged)
    certain = versus.verdict in ("faster", "slower")
    words = effect(versus.speedup) if certain else versus.verdict
    tone = palette.SLOWER if versus.verdict == "slower" else palette.INK
    text = f"{palette.verdict(versus.verdict).shape} {words}"
    if canvas.sheet.narrow:
        canvas.edge_text("right", y, text, color=tone, fontweight="bold")
        return
    canvas.edge_text("right", y - 6, f"{text}  ({_multiples(versus)})", color=tone)
    if base and judged:
        canvas.edge_text(
            "right",
            y + 7,
            f"{duration(base.median_ns)} → {duration(judged.median_ns)}",
            color=palette.MUTED,
            fontsize=canvas.sheet.small,
        )


def _multiples(versus: ComparisonView) -> str:
    """The interval as the axis has it: times as multiples of the base's, above 1 is slower."""
    low, high = versus.ci95 or (1.0, 1.0)
    return f"{span(1 / high, 1 / low)}×"


def _write_title(report: Report, writes: list[OperationView]) -> str:
    taxed = [o for o in writes if o.slower]
    if not taxed:
        return "No write got slower"
    worst = taxed[0]
    return (
        f"{len(taxed)} of {len(writes)} writes got slower, {worst.title[:1].lower()}"
        f"{worst.title[1:]} most ({effect(worst.versus.speedup if worst.versus else None)})"
    )
