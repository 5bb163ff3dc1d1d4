"""What the migration costs for good: the tax on writes.

Room show.plots: values in, a Figure out. y is measured in points from the top.
"""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from bench.report import palette
from bench.report.units import duration, effect, span, times
from bench.show.plots.canvas import Board, board, fit
from bench.show.plots.hover import tip
from bench.show.plots.marks import mark_of
from bench.show.report import Report
from bench.show.view import (
    ComparisonView,
    OperationView,
    arm_label,
    arm_names,
    operations,
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
        whisker = canvas.axes.plot(
            [1 / high, 1 / low],
            [y, y],
            color=mark.edge,
            linewidth=1.4,
            marker="|",
            ms=7,
            mew=1.4,
            zorder=3 + position,
        )
        dot = canvas.axes.plot(
            [1 / (comparison.speedup or 1)],
            [y],
            marker=mark.marker,
            ms=mark.size,
            mfc=mark.face,
            mec=mark.edge,
            zorder=4 + position,
            linestyle="none",
        )
        tip([*whisker, *dot], _multiple_text(operation, comparison))
    if operation.versus is not None:
        _write_text(report, canvas, operation, operation.versus, top + 9 if narrow else middle)


def _multiple_text(operation: OperationView, comparison: ComparisonView) -> str:
    multiple = times(1 / (comparison.speedup or 1))
    told = f"{multiple} the time of before ({_multiples(comparison)}), {comparison.verdict}"
    return f"{operation.title}\n{comparison.arm_label}: {told}"


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
