"""What the migration costs: build time and size of its indexes, and the tax on writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from bench.report import palette
from bench.report.arms import Arms
from bench.report.plots.canvas import Board, Style, board, fit
from bench.report.plots.hover import tip
from bench.report.plots.marks import add_key_entry, mark_of, whisker
from bench.report.run_report import Report
from bench.report.sections.cost import BuiltIndex, verdicts
from bench.report.sections.cost import built as built_indexes
from bench.report.text import counted, effect_text
from bench.report.units import duration, effect, size, span, times
from bench.results.comparison import OperationComparison, Pair

_Paint = tuple[str, str, str]
# Lightness and hatch tell the verdicts apart without colour; "" is an index without one.
_PAINTS: dict[str, _Paint] = {
    "pays": (palette.BEFORE, palette.BEFORE, ""),
    "mixed": (palette.PROMISED, palette.AFTER_EDGE, ""),
    "harmful": (palette.SLOWER, palette.SLOWER, ""),
    "dead weight": (palette.PAPER, palette.MUTED, "/////"),
    "untested": (palette.PAPER, palette.MUTED, ""),
    "": (palette.AFTER, palette.AFTER_EDGE, ""),
}
_PANELS: tuple[tuple[str, float, Callable[[BuiltIndex], int], Callable[[float], str]], ...] = (
    ("build time", 0.0, lambda index: index.build_ns, duration),
    ("size", 0.52, lambda index: index.size_bytes, size),
)


def index_cost(report: Report, *, narrow: bool = False) -> Figure | None:
    """Build time and size of each index as two rows of bars; None where none was built."""
    built = built_indexes(report.arms, report.cost, report.migration)
    worth = verdicts(report.ablation)
    if not built:
        return None
    row = 31.0 if narrow else 19.0
    left, right = (12.0, 12.0) if narrow else (222.0, 12.0)
    height = row * len(built) + 24
    title, note = _title(report, built), _note(report, built)
    canvas = board(
        narrow=narrow, title=title, note=note, height=height, left=left, right=right, foot=8, gap=8
    )
    axes = canvas.axes
    axes.set_xticks([])
    axes.set_ylim(height, 0)
    axes.set_xlim(0, 1)
    bold: Style = {"fontsize": canvas.sheet.text, "fontweight": "bold", "color": palette.INK}
    for name, start, value, text in _PANELS:
        axes.text(start, 4, name, va="center_baseline", **bold)
        if not narrow:
            axes.plot([start] * 2, [16, height], color=palette.CONTROL, linewidth=1)
        longest = max(map(value, built)) or 1
        for position, index in enumerate(built):
            y = 16 + position * row + (row - 9 if narrow else row / 2)
            length = value(index) / longest * (0.48 - (0.24 if narrow else 0.17))
            _bar(report, canvas, index, y, start, length)
            axes.text(
                start + length, y, text(value(index)), fontsize=canvas.sheet.small,
                color=palette.INK, va="center_baseline",
                transform=axes.transData + canvas.offset(4),
            )  # fmt: skip
    for position, index in enumerate(built):
        y = 16 + position * row + (8 if narrow else row / 2)
        earned = worth.get(index.name)
        name = f"{earned.shape} {index.name}" if earned else index.name
        canvas.edge_text("left", y, fit(name, canvas.sheet.text, 246 if narrow else 210))
    return canvas.figure


def _bar(
    report: Report, canvas: Board, index: BuiltIndex, y: float, start: float, length: float
) -> None:
    """A bar whose face, edge and hatch tell what the ablation says, else the index's arm."""
    earned = verdicts(report.ablation).get(index.name)
    face, edge, hatch = _PAINTS.get(earned.word if earned else "", _PAINTS[""])
    if index.arm != report.arms.judged:
        face, edge, hatch = palette.RECOMMENDED, palette.RECOMMENDED, ""
    bar = canvas.axes.barh(
        y, length, left=start, height=9 if canvas.sheet.narrow else 12, color=face,
        edgecolor=edge, linewidth=0.7, hatch=hatch, zorder=3,
    )  # fmt: skip
    built_text = f"built in {duration(index.build_ns)}, {size(index.size_bytes)}"
    label = report.arms.label(index.arm)
    tip(bar, f"{index.name}\n{label}: {built_text}{f', {earned.word}' if earned else ''}")


def _note(report: Report, built: Sequence[BuiltIndex]) -> str:
    note = "One index a line, in the order of its build time."
    words = {shown.word for shown in verdicts(report.ablation).values()}
    verdicts_shown = [palette.verdict(word) for word in _PAINTS if word in words]
    if verdicts_shown:
        note += " What the ablation says of it: "
        note += ", ".join(f"{shown.shape} {shown.word}" for shown in verdicts_shown) + "."
    if any(index.arm != report.arms.judged for index in built):
        note += " Teal: of a later arm, not of the migration."
    return note


def _title(report: Report, built: Sequence[BuiltIndex]) -> str:
    of_migration = [index for index in built if index.arm == report.arms.judged] or built
    first = max(of_migration, key=lambda index: index.build_ns)
    took = f"{duration(first.build_ns)} and {size(first.size_bytes)}"
    if len(of_migration) == 1:
        return f"The migration built one index, {first.name}: {took}"
    indexes = counted(len(of_migration), "index", "indexes")
    return f"The migration built {indexes}; {first.name} cost most: {took}"


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
    # The judged arm and the last one.
    shown = list(dict.fromkeys((arms.judged, [*arms.labels][-1])))
    pairs_of = [(write, _shown(arms, shown, write[0])) for write in writes]
    canvas = board(
        narrow=narrow, title=_writes_title(writes), note=note, height=height, left=left,
        right=right, gap=10,
    )  # fmt: skip
    canvas.axes.set_ylim(height, 0)
    _multiple_axis(canvas.axes, [pair for _, pairs in pairs_of for pair in pairs])
    x = 2.0
    for name in shown:
        label = arms.label(name)
        add_key_entry(canvas, mark_of(arms, name), label, x, 8)
        x += 26 + 5.5 * len(label)
    for position, (write, shown_pairs) in enumerate(pairs_of):
        _row(arms, canvas, write, shown_pairs, 24 + position * row, row)
    return canvas.figure


def _shown(arms: Arms, names: Sequence[str], entry: OperationComparison) -> list[Pair]:
    known = [pair for pair in entry.comparisons if pair.speedup and pair.ci95]
    return [pair for pair in known if pair.base == arms.base and pair.arm in names]


def _multiple_axis(axes: Axes, pairs: Sequence[Pair]) -> None:
    ends = [1.0, *(1 / end for pair in pairs for end in pair.ci95 or ())]
    low, high = min(ends), max(ends)
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 50, 1e9) if (high - low) / s <= 6)
    first, last = int(low / step), int(high / step) + 1
    axes.set_xlim(first * step - step * 0.05, last * step + step * 0.05)
    axes.xaxis.set_major_locator(FixedLocator([n * step for n in range(first, last + 1)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: times(value)))
    axes.tick_params(axis="x", labeltop=False, labelbottom=True)
    axes.grid(axis="x", color=palette.GRID, linewidth=0.8)


def _row(
    arms: Arms, canvas: Board, write: Write, pairs: Sequence[Pair], top: float, row: float
) -> None:
    entry, judged_pair = write
    narrow, axes = canvas.sheet.narrow, canvas.axes
    middle = top + (30 if narrow else row / 2)
    text = top + 9 if narrow else middle
    canvas.edge_text("left", text, fit(entry.title, canvas.sheet.text, 140))
    half = 12 if narrow else row / 2
    no_change: Style = {
        "color": palette.BEFORE,
        "linewidth": 2,
        "solid_capstyle": "butt",
        "zorder": 1.5,
    }
    axes.plot([1, 1], [middle - half, middle + half], **no_change)
    for position, pair in enumerate(pairs):
        mark = mark_of(arms, pair.arm)
        y = middle + (-6 if pair.arm == arms.judged else 6)
        low, high = pair.ci95 or (1.0, 1.0)
        multiple = 1 / (pair.speedup or 1)
        layer = 3 + position
        bar = whisker(axes, [1 / high, 1 / low], [y, y], mark.edge, size=7, width=1.4, layer=layer)
        dot = mark.plot(axes, multiple, y, zorder=4 + position)
        tip_text = f"{times(multiple)} the time of before ({_multiples(pair)}), {pair.verdict}"
        tip([*bar, *dot], f"{entry.title}\n{arms.label(pair.arm)}: {tip_text}")
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


def _writes_title(writes: list[Write]) -> str:
    taxed = [write for write in writes if write[1].verdict == "slower"]
    if not taxed:
        return "No write got slower"
    entry, pair = taxed[0]
    title = f"{entry.title[:1].lower()}{entry.title[1:]}"
    return f"{len(taxed)} of {len(writes)} writes got slower, {title} most ({effect(pair.speedup)})"
