"""What the migration costs for good: the tax on writes.

y is measured in points from the top.
"""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from bench.report import palette
from bench.report.arms import Arms
from bench.report.plots.canvas import Board, Style, board, fit
from bench.report.plots.hover import tip
from bench.report.plots.marks import draw_key_entry, mark_of, whisker
from bench.report.run_report import Report
from bench.report.text import effect_text
from bench.report.units import duration, effect, span, times
from bench.results.comparison import OperationComparison, Pair

Write = tuple[OperationComparison, Pair]


def write_tax(report: Report, *, narrow: bool = False) -> Figure | None:
    """Time of each write in later arms as a multiple of the base's; None without writes."""
    arms, pairs = report.arms, report.comparison.judged_pairs
    writes = [(entry, pair) for entry, pair in pairs if entry.kind == "write" and pair.speedup]
    writes.sort(key=lambda write: write[1].speedup or 1.0)
    if not writes:
        return None
    row = 44.0 if narrow else 40.0
    left, right = (12.0, 12.0) if narrow else (150.0, 190.0)
    height = row * len(writes) + 26
    note = "Time of one write as a multiple of before (1×). Whiskers are 95 % intervals."
    canvas = board(
        narrow=narrow, title=_title(writes), note=note, height=height, left=left, right=right,
        gap=10,
    )  # fmt: skip
    canvas.axes.set_ylim(height, 0)
    _multiple_axis(canvas.axes, arms, writes)
    x = 2.0
    for name in dict.fromkeys((arms.judged, [*arms.labels][-1])):
        label = arms.label(name)
        draw_key_entry(canvas, mark_of(arms, name), label, x, 8)
        x += 26 + 5.5 * len(label)
    for position, write in enumerate(writes):
        _row(arms, canvas, write, 24 + position * row, row)
    return canvas.figure


def _shown(arms: Arms, entry: OperationComparison) -> list[Pair]:
    names = {arms.judged, [*arms.labels][-1]}
    return [
        pair
        for pair in entry.comparisons
        if pair.base == arms.base and pair.arm in names and pair.speedup and pair.ci95
    ]


def _multiple_axis(axes: Axes, arms: Arms, writes: list[Write]) -> None:
    pairs = [pair for entry, _ in writes for pair in _shown(arms, entry)]
    ends = [1.0, *(1 / end for pair in pairs for end in pair.ci95 or ())]
    low, high = min(ends), max(ends)
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 50, 1e9) if (high - low) / s <= 6)
    first, last = int(low / step), int(high / step) + 1
    axes.set_xlim(first * step - step * 0.05, last * step + step * 0.05)
    axes.xaxis.set_major_locator(FixedLocator([n * step for n in range(first, last + 1)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: times(value)))
    axes.tick_params(axis="x", labeltop=False, labelbottom=True)
    axes.grid(axis="x", color=palette.GRID, linewidth=0.8)


def _row(arms: Arms, canvas: Board, write: Write, top: float, row: float) -> None:
    entry, judged_pair = write
    narrow, axes = canvas.sheet.narrow, canvas.axes
    middle = top + (30 if narrow else row / 2)
    text = top + 9 if narrow else middle
    canvas.edge_text("left", text, fit(entry.title, canvas.sheet.text, 140))
    half = 12 if narrow else row / 2
    one: Style = {"color": palette.BEFORE, "linewidth": 2, "solid_capstyle": "butt", "zorder": 1.5}
    axes.plot([1, 1], [middle - half, middle + half], **one)
    for position, pair in enumerate(_shown(arms, entry)):
        mark = mark_of(arms, pair.arm)
        y = middle + (-6 if pair.arm == arms.judged else 6)
        low, high = pair.ci95 or (1.0, 1.0)
        multiple = 1 / (pair.speedup or 1)
        layer = 3 + position
        bar = whisker(axes, [1 / high, 1 / low], [y, y], mark.edge, size=7, width=1.4, layer=layer)
        dot = mark.draw(axes, multiple, y, zorder=4 + position)
        told = f"{times(multiple)} the time of before ({_multiples(pair)}), {pair.verdict}"
        tip([*bar, *dot], f"{entry.title}\n{arms.label(pair.arm)}: {told}")
    _texts(canvas, entry, judged_pair, text)


def _texts(canvas: Board, entry: OperationComparison, pair: Pair, y: float) -> None:
    base, judged = entry.arms.get(pair.base), entry.arms.get(pair.arm)
    tone = palette.SLOWER if pair.verdict == "slower" else palette.INK
    text = f"{palette.verdict(pair.verdict).shape} {effect_text(pair)}"
    if canvas.sheet.narrow:
        canvas.edge_text("right", y, text, color=tone, bold=True)
        return
    canvas.edge_text("right", y - 6, f"{text}  ({_multiples(pair)})", color=tone)
    if base and judged:
        both = f"{duration(base.median_ns)} → {duration(judged.median_ns)}"
        canvas.edge_text("right", y + 7, both, color=palette.MUTED, small=True)


def _multiples(pair: Pair) -> str:
    """The interval as the axis has it: times as multiples of the base's, above 1 is slower."""
    low, high = pair.ci95 or (1.0, 1.0)
    return f"{span(1 / high, 1 / low)}×"


def _title(writes: list[Write]) -> str:
    taxed = [write for write in writes if write[1].verdict == "slower"]
    if not taxed:
        return "No write got slower"
    entry, pair = taxed[0]
    title = f"{entry.title[:1].lower()}{entry.title[1:]}"
    return f"{len(taxed)} of {len(writes)} writes got slower, {title} most ({effect(pair.speedup)})"
