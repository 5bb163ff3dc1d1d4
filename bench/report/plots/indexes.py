"""Build time and size of each index, painted by what the ablation says of it.

Values in, a Figure out. y is measured in points from the top.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from bench.report import palette
from bench.report.plots.canvas import Board, board, fit
from bench.report.plots.hover import tip
from bench.report.run_report import Report
from bench.report.sections.cost import BuiltIndex, Verdicts, verdicts
from bench.report.sections.cost import built as built_indexes
from bench.report.units import duration, size
from bench.report.words import number_word

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


def index_cost(report: Report, *, narrow: bool = False) -> Figure | None:
    """Build time and size of each index as two rows of bars; None where none was built."""
    built = built_indexes(report.arms, report.cost, report.migration)
    worth = verdicts(report.ablation)
    if not built:
        return None
    row = 31.0 if narrow else 19.0
    left, right = (12.0, 12.0) if narrow else (222.0, 12.0)
    height = row * len(built) + 24
    canvas = board(
        narrow=narrow,
        title=_index_title(report, built),
        note=_index_note(report, built, worth),
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
    panels: tuple[tuple[str, float, Callable[[BuiltIndex], float], Callable[[float], str]], ...] = (
        ("build time", 0.0, lambda index: index.build_ns, duration),
        ("size", 0.52, lambda index: index.size_bytes, size),
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
        _bars(report, canvas, built, worth, row=row, start=start, value=value, text=text)
    for position, index in enumerate(built):
        y = 16 + position * row + (8 if narrow else row / 2)
        earned = worth.get(index.name)
        name = f"{earned.shape} {index.name}" if earned else index.name
        canvas.edge_text("left", y, fit(name, canvas.sheet.text, 246 if narrow else 210))
    return canvas.figure


def _index_note(report: Report, built: Sequence[BuiltIndex], worth: Verdicts) -> str:
    note = "One index a line, in the order of its build time."
    words = {shown.word for shown in worth.values()}
    told = [palette.verdict(word) for word in _PAINTS if word in words]
    if told:
        note += " What the ablation says of it: "
        note += ", ".join(f"{shown.shape} {shown.word}" for shown in told) + "."
    if _later(report, built):
        note += " Teal: of a later arm, not of the migration."
    return note


def _paint(report: Report, index: BuiltIndex, worth: Verdicts) -> _Paint:
    """Face, edge and hatch of a bar: by what the ablation says, else by its arm."""
    if index.arm != report.arms.judged:
        return palette.RECOMMENDED, palette.RECOMMENDED, ""
    earned = worth.get(index.name)
    return _PAINTS.get(earned.word if earned else "", _PAINTS[""])


def _later(report: Report, built: Sequence[BuiltIndex]) -> bool:
    return any(index.arm != report.arms.judged for index in built)


def _bars(
    report: Report,
    canvas: Board,
    built: Sequence[BuiltIndex],
    worth: Verdicts,
    *,
    row: float,
    start: float,
    value: Callable[[BuiltIndex], float],
    text: Callable[[float], str],
) -> None:
    room = 0.48 - (0.24 if canvas.sheet.narrow else 0.17)
    longest = max(value(index) for index in built) or 1
    for position, index in enumerate(built):
        y = 16 + position * row + (row - 9 if canvas.sheet.narrow else row / 2)
        length = value(index) / longest * room
        colour, edge, hatch = _paint(report, index, worth)
        bar = canvas.axes.barh(
            y,
            length,
            left=start,
            height=9 if canvas.sheet.narrow else 12,
            color=colour,
            edgecolor=edge,
            linewidth=0.7,
            hatch=hatch,
            zorder=3,
        )
        told = f"built in {duration(index.build_ns)}, {size(index.size_bytes)}"
        earned = worth.get(index.name)
        label = report.arms.label(index.arm)
        tip(bar, f"{index.name}\n{label}: {told}{f', {earned.word}' if earned else ''}")
        canvas.axes.text(
            start + length,
            y,
            text(value(index)),
            fontsize=canvas.sheet.small,
            color=palette.INK,
            va="center_baseline",
            transform=canvas.axes.transData + canvas.offset(4),
        )


def _index_title(report: Report, built: Sequence[BuiltIndex]) -> str:
    own = [index for index in built if index.arm == report.arms.judged] or built
    first = max(own, key=lambda index: index.build_ns)
    return (
        f"The migration built {number_word(len(own))} indexes; {first.name} cost most:"
        f" {duration(first.build_ns)} and {size(first.size_bytes)}"
    )
