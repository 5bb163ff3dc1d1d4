"""What the migration costs for good: the tax on writes.

Values in, a Figure out. y is measured in points from the top.
"""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from bench.report import palette
from bench.report.arms import Arms
from bench.report.plots.canvas import Board, board, fit
from bench.report.plots.hover import tip
from bench.report.plots.marks import mark_of
from bench.report.run_report import Report
from bench.report.text import effect_text
from bench.report.units import duration, effect, span, times
from bench.results.comparison import OperationComparison, Pair

Write = tuple[OperationComparison, Pair]


def write_tax(report: Report, *, narrow: bool = False) -> Figure | None:
    """Time of each write in later arms as a multiple of the base's; None without writes."""
    arms = report.arms
    writes = sorted(
        (
            one
            for one in report.comparison.judged_pairs
            if one[0].kind == "write" and one[1].speedup
        ),
        key=lambda one: one[1].speedup or 1.0,
    )
    if not writes:
        return None
    row = 44.0 if narrow else 40.0
    left, right = (12.0, 12.0) if narrow else (150.0, 190.0)
    height = row * len(writes) + 26
    canvas = board(
        narrow=narrow,
        title=_write_title(writes),
        note="Time of one write as a multiple of before (1×). Whiskers are 95 % intervals.",
        height=height,
        left=left,
        right=right,
        gap=10,
    )
    canvas.axes.set_ylim(height, 0)
    _multiple_axis(canvas.axes, arms, writes)
    _arm_key(arms, canvas)
    for position, write in enumerate(writes):
        _write_row(arms, canvas, write, 24 + position * row, row)
    return canvas.figure


def _shown(arms: Arms, entry: OperationComparison) -> list[Pair]:
    names = {arms.judged, [*arms.labels][-1]}
    return [
        pair
        for pair in entry.comparisons
        if pair.base == arms.base and pair.arm in names and pair.speedup and pair.ci95
    ]


def _multiple_axis(axes: Axes, arms: Arms, writes: list[Write]) -> None:
    ends = [1.0]
    for entry, _ in writes:
        for pair in _shown(arms, entry):
            low, high = pair.ci95 or (1.0, 1.0)
            ends += [1 / low, 1 / high]
    low, high = min(ends), max(ends)
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 50, 1e9) if (high - low) / s <= 6)
    first, last = int(low / step), int(high / step) + 1
    axes.set_xlim(first * step - step * 0.05, last * step + step * 0.05)
    axes.xaxis.set_major_locator(FixedLocator([n * step for n in range(first, last + 1)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: times(value)))
    axes.tick_params(axis="x", labeltop=False, labelbottom=True)
    axes.grid(axis="x", color=palette.GRID, linewidth=0.8)


def _arm_key(arms: Arms, canvas: Board) -> None:
    x = 2.0
    for name in dict.fromkeys((arms.judged, [*arms.labels][-1])):
        mark = mark_of(arms, name)
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
        label = arms.label(name)
        canvas.edge_text("left", 8, label, inset=x + 13)
        x += 26 + 5.5 * len(label)


def _write_row(arms: Arms, canvas: Board, write: Write, top: float, row: float) -> None:
    entry, versus = write
    narrow = canvas.sheet.narrow
    middle = top + (30 if narrow else row / 2)
    title = fit(entry.title, canvas.sheet.text, 140)
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
    for position, pair in enumerate(_shown(arms, entry)):
        mark = mark_of(arms, pair.arm)
        judged = pair.arm == arms.judged
        y = middle + (-6 if judged else 6)
        low, high = pair.ci95 or (1.0, 1.0)
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
            [1 / (pair.speedup or 1)],
            [y],
            marker=mark.marker,
            ms=mark.size,
            mfc=mark.face,
            mec=mark.edge,
            zorder=4 + position,
            linestyle="none",
        )
        tip([*whisker, *dot], _multiple_text(arms, entry, pair))
    _write_text(canvas, entry, versus, top + 9 if narrow else middle)


def _multiple_text(arms: Arms, entry: OperationComparison, pair: Pair) -> str:
    multiple = times(1 / (pair.speedup or 1))
    words = f"{multiple} the time of before ({_multiples(pair)}), {pair.verdict}"
    return f"{entry.title}\n{arms.label(pair.arm)}: {words}"


def _write_text(canvas: Board, entry: OperationComparison, versus: Pair, y: float) -> None:
    base, judged = entry.arms.get(versus.base), entry.arms.get(versus.arm)
    words = effect_text(versus)
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


def _multiples(versus: Pair) -> str:
    """The interval as the axis has it: times as multiples of the base's, above 1 is slower."""
    low, high = versus.ci95 or (1.0, 1.0)
    return f"{span(1 / high, 1 / low)}×"


def _write_title(writes: list[Write]) -> str:
    taxed = [one for one in writes if one[1].verdict == "slower"]
    if not taxed:
        return "No write got slower"
    entry, pair = taxed[0]
    title = f"{entry.title[:1].lower()}{entry.title[1:]}"
    return f"{len(taxed)} of {len(writes)} writes got slower, {title} most ({effect(pair.speedup)})"
