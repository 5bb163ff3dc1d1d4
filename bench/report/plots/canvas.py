"""The drawing board: figures without global state, written the same way every time.

Never pyplot, so that nothing is shared between two reports.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import ScaledTranslation

from bench.report import palette
from bench.report.plots import hover

POINT = 1 / 72
Style = dict[str, Any]
"""Keywords of matplotlib."""
PNG_DPI = 200

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "axes.unicode_minus": True,
    "path.simplify": False,
}

# Text is laid out with a wide face that matplotlib brings along, so that the
# narrower system faces of a reader's machine always fit.
_SYSTEM_FACES = "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Sizes in points; one for a page or a file, one for a telephone."""

    width: float
    text: float
    small: float
    title: float
    narrow: bool


WIDE = Sheet(width=590, text=9.5, small=8.2, title=12.5, narrow=False)
NARROW = Sheet(width=270, text=9.5, small=8.2, title=11, narrow=True)


def sheet(narrow: bool) -> Sheet:
    """The sheet for a telephone, or the one for everything else."""
    return NARROW if narrow else WIDE


@dataclass(frozen=True, slots=True)
class Board:
    """A figure with one set of axes; margins in points, as y, which is measured from the top."""

    figure: Figure
    axes: Axes
    sheet: Sheet
    left: float
    right: float

    def offset(self, dx: float) -> ScaledTranslation:
        """A shift to the right, in points."""
        return ScaledTranslation(dx * POINT, 0.0, self.figure.dpi_scale_trans)

    def edge_text(
        self, edge: Literal["left", "right"], y: float, text: str, *, inset: float = 0,
        color: str = palette.INK, small: bool = False, bold: bool = False,
    ) -> None:  # fmt: skip
        """Text at the sheet's left or right edge, at a row of the data."""
        x, dx = (0.0, inset - self.left) if edge == "left" else (1.0, self.right - inset)
        self.axes.text(
            x, y, text, ha=edge, va="center_baseline", color=color,
            fontsize=self.sheet.small if small else self.sheet.text,
            fontweight="bold" if bold else "normal", clip_on=False, parse_math=False,
            transform=self.axes.get_yaxis_transform() + self.offset(dx),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """A figure with its title written; `head` and `total` are heights in points."""

    figure: Figure
    sheet: Sheet
    head: float
    total: float

    def axes(self, *, left: float, right: float, top: float, height: float) -> Axes:
        """Bare axes, `top` points below the title; margins and height in points."""
        width, total = self.sheet.width, self.total
        bottom = (total - self.head - top - height) / total
        bounds = (left / width, bottom, (width - left - right) / width, height / total)
        with mpl.rc_context(_SETTINGS):
            axes = self.figure.add_axes(bounds)
        axes.set_facecolor("none")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_yticks([])
        small = self.sheet.small
        axes.tick_params(length=0, labelsize=small, labelcolor=palette.MUTED, pad=3)
        return axes

    def free_axes(self, height: float) -> Axes:
        """Axes over the whole width whose units are points, from their upper left corner."""
        axes = self.axes(left=0, right=0, top=0, height=height)
        axes.set_xlim(0, self.sheet.width)
        axes.set_ylim(height, 0)
        axes.set_xticks([])
        return axes


def page(
    *, narrow: bool, title: str, note: str, height: float, foot: float = 20, gap: float = 20
) -> Page:
    """A sheet with a title, a line on how to read it, and `height` points of room below."""
    size = sheet(narrow)
    head_lines = wrap(title, size.title * 1.06, size.width - 12)
    note_lines = wrap(note, size.small, size.width - 12)
    head = 8 + len(head_lines) * size.title * 1.3 + len(note_lines) * size.small * 1.4 + gap
    total = head + height + foot
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(size.width * POINT, total * POINT), dpi=100)
        figure.patch.set_facecolor(palette.PAPER)
    y = 1 - 6 / total
    bold: Style = {"fontsize": size.title, "fontweight": "bold", "color": palette.INK}
    plain: Style = {"fontsize": size.small, "color": palette.MUTED}
    for lines, step, style in ((head_lines, 1.3, bold), (note_lines, 1.4, plain)):
        for line in lines:
            figure.text(6 / size.width, y, line, va="top", parse_math=False, **style)
            y -= style["fontsize"] * step / total
    return Page(figure, size, head, total)


def board(
    *, narrow: bool, title: str, note: str, height: float, left: float, right: float,
    foot: float = 20, gap: float = 20,
) -> Board:  # fmt: skip
    """A page with one set of bare axes of `height` points."""
    blank = page(narrow=narrow, title=title, note=note, height=height, foot=foot, gap=gap)
    axes = blank.axes(left=left, right=right, top=0, height=height)
    return Board(blank.figure, axes, blank.sheet, left - 6, right - 6)


# Width of the face's average letter as a share of its size; bold letters are wider.
LETTER = 0.56


def fit(text: str, font_size: float, width: float) -> str:
    """Text cut to about `width` points, with an ellipsis where something was cut."""
    limit = max(int(width / (font_size * 0.5)), 4)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def wrap(text: str, font_size: float, width: float) -> list[str]:
    """Text in lines no wider than `width` points, by the face's average letter."""
    limit = max(int(width / (font_size * LETTER)), 12)
    lines: list[str] = []
    for word in text.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= limit:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return [line for line in lines if line]


# The share of an axis that a mark at its end reaches into on both sides.
_ROOM = 0.03


def log_axis(axes: Axes, low: float, high: float, label: Callable[[float], str]) -> None:
    """A logarithmic axis with gridlines at powers of ten, labels above and below."""
    room = max(1.25, (high / low) ** _ROOM)
    low, high = low / room, high * room
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    step = max(1, math.ceil((last - first + 1) / 9))
    ticks = [10.0**power for power in range(first, last + 1, step)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: label(value)))
    axes.tick_params(axis="x", top=False, labeltop=True, labelbottom=True)
    axes.grid(axis="x", color=palette.GRID, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)


def to_png(figure: Figure, *, dpi: int = PNG_DPI) -> bytes:
    """The figure as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with mpl.rc_context(_SETTINGS):
        figure.savefig(
            buffer, format="png", dpi=dpi, facecolor=palette.PAPER, metadata={"Software": None}
        )
    return buffer.getvalue()


def to_svg(figure: Figure, *, name: str = "figure") -> str:
    """The figure as SVG with selectable text; the same figure gives the same text.

    `name` keeps the inner references of several figures on one page apart.
    Colours stand as variables of the page with the light colour as a fallback;
    what `hover.tip` gave to marks lies above the drawing.
    """
    buffer = io.StringIO()
    with mpl.rc_context(_SETTINGS | {"svg.hashsalt": f"resale-bench {name}"}):
        figure.savefig(
            buffer,
            format="svg",
            facecolor="none",
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    content, end = _tidy(buffer.getvalue()).rsplit("</svg>", 1)
    return f"{content}{hover.layer(figure)}</svg>{end}"


def _tidy(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style type=\"text/css\">.*?</style>", "", svg, flags=re.DOTALL)
    root = f'<svg stroke-linejoin="round" style="font-family: {_SYSTEM_FACES}" '
    svg = svg.replace("<svg ", root, 1)
    referenced = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))

    def keep(match: re.Match[str]) -> str:
        # The labels of an axis are a scale and no figures: the page tells them apart.
        if re.match("[xy]tick_", match.group(1)):
            return ' class="tick"'
        return match.group(0) if match.group(1) in referenced else ""

    svg = re.sub(r' id="([^"]*)"', keep, svg)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<(?![/!?]?svg)[^>]*>", _shorter, svg)
    svg = re.sub(r"^\s+", "", re.sub(r"<g/>", "", svg), flags=re.MULTILINE)
    for colour, variable in palette.VARIABLES.items():
        svg = svg.replace(f": {colour}", f": var({variable}, {colour})")
    return svg


def _shorter(tag: re.Match[str]) -> str:
    """A tag without the face, which stands at the root, and with places to a hundredth."""
    text = re.sub(r"font-family: 'DejaVu Sans'[^;\"]*;? ?", "", tag.group(0))
    text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
    return re.sub(r"(\.\d\d)\d+", r"\1", text)
