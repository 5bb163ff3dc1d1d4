"""Cells of a heat map: colour for how much, shape and figure for which way.

Sizes are points; y is measured from the top.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from bench.report import palette
from bench.report.plots.canvas import Style
from bench.report.plots.hover import tip

# Shares of full colour, so that ink reads on every one of them in light and in dark.
_WEAK, _STRONG = 0.14, 0.55
# An effect of this size has the full colour.
_FULL = 10_000.0
Way = Literal["good", "bad", "hidden", "none"]
Box = tuple[float, float, float, float]
"""Left, top, width and height."""


def strength(ratio: float | None) -> float:
    """A ratio's share of full colour, on a logarithmic scale, whichever way it goes."""
    if not ratio or ratio <= 0:
        return _WEAK
    size = abs(math.log(ratio)) / math.log(_FULL)
    return _WEAK + (_STRONG - _WEAK) * min(size, 1.0)


def cell(axes: Axes, place: Box, *, way: Way, ratio: float | None, told: str) -> None:
    """One cell; what is bad has a frame besides its colour, what is hidden has a hatch.

    So the picture reads in black and white.
    """
    style: Style = {"facecolor": "none", "edgecolor": "none", "linewidth": 0.7, "zorder": 2}
    if way in ("good", "bad"):
        style["facecolor"] = palette.BEFORE if way == "good" else palette.SLOWER
        style["alpha"] = strength(ratio)
    elif way == "hidden":
        style |= {"edgecolor": palette.MUTED, "hatch": "/////", "linewidth": 0.0}
    left, top, width, height = place
    gap = 0.7
    box = (left + gap, top + gap), width - 2 * gap, height - 2 * gap
    patch = axes.add_patch(Rectangle(*box, **style))
    if way == "bad":
        frame: Style = {"edgecolor": palette.SLOWER, "linewidth": 1.1, "zorder": 3}
        axes.add_patch(Rectangle(*box, facecolor="none", **frame))
    if told:
        tip(patch, told)


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
