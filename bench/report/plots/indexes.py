"""Build time and size of each index, painted by what the ablation says of it.

y is measured in points from the top.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from bench.report import palette
from bench.report.plots.canvas import Board, Style, board, fit
from bench.report.plots.hover import tip
from bench.report.run_report import Report
from bench.report.sections.cost import BuiltIndex, verdicts
from bench.report.sections.cost import built as built_indexes
from bench.report.text import counted
from bench.report.units import duration, size

_Paint = tuple[str, str, str]
# Lightness and hatch tell the verdicts apart without colour; "" is an index without one.
_PAINTS: dict[str, _Paint] = {
    "pays": (palette.BEFORE, palette.BEFORE, ""),
    "mixed": (palette.BAND, palette.AFTER_EDGE, ""),
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
    told = f"built in {duration(index.build_ns)}, {size(index.size_bytes)}"
    label = report.arms.label(index.arm)
    tip(bar, f"{index.name}\n{label}: {told}{f', {earned.word}' if earned else ''}")


def _note(report: Report, built: Sequence[BuiltIndex]) -> str:
    note = "One index a line, in the order of its build time."
    words = {shown.word for shown in verdicts(report.ablation).values()}
    told = [palette.verdict(word) for word in _PAINTS if word in words]
    if told:
        note += " What the ablation says of it: "
        note += ", ".join(f"{shown.shape} {shown.word}" for shown in told) + "."
    if any(index.arm != report.arms.judged for index in built):
        note += " Teal: of a later arm, not of the migration."
    return note


def _title(report: Report, built: Sequence[BuiltIndex]) -> str:
    own = [index for index in built if index.arm == report.arms.judged] or built
    first = max(own, key=lambda index: index.build_ns)
    took = f"{duration(first.build_ns)} and {size(first.size_bytes)}"
    if len(own) == 1:
        return f"The migration built one index, {first.name}: {took}"
    indexes = counted(len(own), "index", "indexes")
    return f"The migration built {indexes}; {first.name} cost most: {took}"
