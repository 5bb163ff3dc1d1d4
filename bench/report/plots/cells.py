"""Cells of a heat map: colour for how much, shape and figure for which way.

Values in, marks on axes out. Sizes are points; y is measured from the top.
"""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from bench.report import palette
from bench.report.plots.hover import tip

# Shares of full colour, so that ink reads on every one of them in light and in dark.
_WEAK, _STRONG = 0.14, 0.55
# An effect of this size has the full colour.
_FULL = 10_000.0


def strength(ratio: float | None) -> float:
    """A ratio's share of full colour, on a logarithmic scale, whichever way it goes."""
    if not ratio or ratio <= 0:
        return _WEAK
    size = abs(math.log(ratio)) / math.log(_FULL)
    return _WEAK + (_STRONG - _WEAK) * min(size, 1.0)


def cell(
    axes: Axes,
    place: tuple[float, float, float, float],
    *,
    way: str,
    ratio: float | None,
    told: str,
) -> None:
    """One cell at left, top, width and height; `way` is good, bad, hidden or none.

    What is bad has a frame besides its colour, what is hidden has a hatch, so that the
    picture reads in black and white.
    """
    left, top, width, height = place
    style: dict[str, Any] = {"linewidth": 0.7, "zorder": 2}
    if way == "good":
        style |= {"facecolor": palette.BEFORE, "alpha": strength(ratio), "edgecolor": "none"}
    elif way == "bad":
        style |= {"facecolor": palette.SLOWER, "alpha": strength(ratio), "edgecolor": "none"}
    elif way == "hidden":
        style |= {"facecolor": "none", "edgecolor": palette.MUTED, "hatch": "/////"}
        style |= {"linewidth": 0.0}
    else:
        style |= {"facecolor": "none", "edgecolor": "none"}
    gap = 0.7
    box = (left + gap, top + gap), width - 2 * gap, height - 2 * gap
    patch = axes.add_patch(Rectangle(*box, **style))
    if way == "bad":
        axes.add_patch(
            Rectangle(*box, facecolor="none", edgecolor=palette.SLOWER, linewidth=1.1, zorder=3)
        )
    if told:
        tip(patch, told)


def words(axes: Axes, x: float, y: float, text: str, size: float, **style: Any) -> None:
    """Words on the sheet at points from the axes' upper left corner."""
    kind: dict[str, Any] = {
        "fontsize": size,
        "color": palette.INK,
        "ha": "left",
        "va": "center_baseline",
        "clip_on": False,
        "parse_math": False,
        "zorder": 5,
    }
    axes.text(x, y, text, **(kind | style))


def line(axes: Axes, xs: tuple[float, float], ys: tuple[float, float], **style: Any) -> None:
    """A thin line of the grid."""
    kind: dict[str, Any] = {"color": palette.GRID, "linewidth": 0.6, "zorder": 1, "clip_on": False}
    axes.plot(xs, ys, **(kind | style))
