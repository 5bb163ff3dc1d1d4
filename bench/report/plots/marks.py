"""What pictures are made of: the marks of arms and their key, and the cells of a heat map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from bench.report import palette
from bench.report.arms import Arms
from bench.report.plots.canvas import Board, Style
from bench.report.plots.hover import tip


@dataclass(frozen=True, slots=True)
class Mark:
    """How an arm is drawn: marker, size in points, face and edge; `grey` face for controls."""

    marker: str
    size: float
    face: str
    edge: str
    grey: str

    def plot(self, axes: Axes, x: float, y: float, **style: Any) -> list[Line2D]:
        """The mark at a place of the axes."""
        kind: Style = {"marker": self.marker, "ms": self.size, "mfc": self.face, "mec": self.edge}
        return axes.plot([x], [y], **({"linestyle": "none"} | kind | style))


_BEFORE = Mark("o", 7.6, palette.BEFORE, palette.BEFORE, "#5c6570")
_AFTER = Mark("o", 6.2, palette.AFTER, palette.AFTER_EDGE, "#d5dae0")
_RECOMMENDED = Mark("D", 4.6, palette.RECOMMENDED, palette.RECOMMENDED, "#868d95")
_OTHER = Mark("o", 4.2, palette.PAPER, palette.ANALYZED, "#ffffff")
_PROMISED = Mark("s", 9, palette.PROMISED, palette.PROMISED_EDGE, palette.PROMISED)


def mark_of(arms: Arms, arm: str) -> Mark:
    """The mark of an arm by its part in the study."""
    if arm == arms.base:
        return _BEFORE
    if arm == arms.judged:
        return _AFTER
    return _RECOMMENDED if arm == [*arms.labels][-1] else _OTHER


def whisker(
    axes: Axes, xs: Sequence[float], ys: Sequence[float], colour: str, *, size: float, width: float,
    layer: float, marker: str = "|", **style: Any,
) -> list[Line2D]:  # fmt: skip
    """A line between two ends, such as those of an interval, with a stroke across each."""
    ends: Style = {"marker": marker, "ms": size, "mew": width}
    return axes.plot(xs, ys, color=colour, linewidth=width, zorder=layer, **(ends | style))


KeyEntry = tuple[Mark, str]


def key_entries(arms: Arms, arms_shown: set[str], *, promised: bool) -> list[KeyEntry]:
    """What the key explains: every arm that is drawn, and the band where there is one."""
    entries = [
        (mark_of(arms, name), label) for name, label in arms.labels.items() if name in arms_shown
    ]
    return [*entries, (_PROMISED, "what was promised")] if promised else entries


def _key_width(entry: KeyEntry) -> float:
    return 28 + len(entry[1]) * 5.9


def key_lines(entries: list[KeyEntry], width: float) -> list[list[KeyEntry]]:
    """The key's entries in lines no wider than `width` points."""
    lines: list[list[KeyEntry]] = [[]]
    used = 0.0
    for entry in entries:
        if lines[-1] and used + _key_width(entry) > width:
            lines.append([])
            used = 0.0
        lines[-1].append(entry)
        used += _key_width(entry)
    return lines


def add_key_entry(canvas: Board, mark: Mark, label: str, x: float, y: float) -> None:
    """A mark and what it means, `x` points from the sheet's left edge."""
    shift = canvas.axes.get_yaxis_transform() + canvas.offset(4 - canvas.left + x)
    mark.plot(canvas.axes, 0, y, transform=shift, clip_on=False)
    canvas.edge_text("left", y, label, inset=x + 13)


def add_key(canvas: Board, lines: list[list[KeyEntry]]) -> float:
    """Draw the key above the rows; return the y at which the rows begin."""
    y = 10.0
    # Paper below it, so that the grid does not run through its words.
    left, width = -canvas.left, canvas.sheet.width - 12
    shift = canvas.axes.get_yaxis_transform() + canvas.offset(left)
    share = width / (width - canvas.left - canvas.right)
    paper = Rectangle(
        (0, 0), share, y + 17 * len(lines) - 8, transform=shift, clip_on=False,
        facecolor=palette.PAPER, edgecolor="none", zorder=0.8,
    )  # fmt: skip
    canvas.axes.add_patch(paper)
    for line in lines:
        x = 2.0
        for entry in line:
            add_key_entry(canvas, *entry, x, y)
            x += _key_width(entry)
        y += 17
    return y - 6


def promised_band(
    canvas: Board, extent: tuple[float, float], y: float, half: float, tip_text: str
) -> None:
    """What was promised, from one value to another; a range that is hardly one as a stroke."""
    start, end = extent
    if end < start * 1.05:
        stroke: Style = {"color": palette.PROMISED_EDGE, "linewidth": 3.4, "solid_capstyle": "butt"}
        tip(canvas.axes.plot([start, start], [y - half, y + half], zorder=1, **stroke), tip_text)
        return
    range_shown = Rectangle(
        (start, y - half), end - start, 2 * half,
        facecolor=palette.PROMISED, edgecolor=palette.PROMISED_EDGE, linewidth=1.1, zorder=1,
    )  # fmt: skip
    tip(canvas.axes.add_patch(range_shown), tip_text)


# Shares of full colour, so that ink reads on every one of them in light and in dark.
_WEAK, _STRONG = 0.14, 0.55
# An effect of this size has the full colour.
_FULL = 10_000.0
CellKind = Literal["good", "bad", "hidden", "none"]
Box = tuple[float, float, float, float]
"""Left, top, width and height."""


def strength(ratio: float | None) -> float:
    """A ratio's share of full colour, on a logarithmic scale, whichever way it goes."""
    if not ratio or ratio <= 0:
        return _WEAK
    size = abs(math.log(ratio)) / math.log(_FULL)
    return _WEAK + (_STRONG - _WEAK) * min(size, 1.0)


def cell(
    axes: Axes, box_points: Box, *, kind: CellKind, ratio: float | None, tip_text: str
) -> None:
    """One cell; what is bad has a frame besides its colour, what is hidden has a hatch.

    So the picture reads in black and white.
    """
    style: Style = {"facecolor": "none", "edgecolor": "none", "linewidth": 0.7, "zorder": 2}
    if kind in ("good", "bad"):
        style["facecolor"] = palette.BEFORE if kind == "good" else palette.SLOWER
        style["alpha"] = strength(ratio)
    elif kind == "hidden":
        style |= {"edgecolor": palette.MUTED, "hatch": "/////", "linewidth": 0.0}
    left, top, width, height = box_points
    gap = 0.7
    box = (left + gap, top + gap), width - 2 * gap, height - 2 * gap
    patch = axes.add_patch(Rectangle(*box, **style))
    if kind == "bad":
        frame: Style = {"edgecolor": palette.SLOWER, "linewidth": 1.1, "zorder": 3}
        axes.add_patch(Rectangle(*box, facecolor="none", **frame))
    if tip_text:
        tip(patch, tip_text)


def words(axes: Axes, x: float, y: float, text: str, size: float, **style: Any) -> None:
    """Words on the sheet at points from the axes' upper left corner."""
    kind: Style = {
        "fontsize": size, "color": palette.INK, "ha": "left", "va": "center_baseline",
        "clip_on": False, "parse_math": False, "zorder": 5,
    }  # fmt: skip
    axes.text(x, y, text, **(kind | style))


def line(axes: Axes, xs: tuple[float, float], ys: tuple[float, float]) -> None:
    """A thin line of the grid."""
    axes.plot(xs, ys, color=palette.GRID, linewidth=0.6, zorder=1, clip_on=False)
