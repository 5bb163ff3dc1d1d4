"""What a mark of a picture says when it is pointed at: a layer of labels above the drawing.

A text rides on its artist as a gid, so that a figure carries its tips itself;
`canvas.to_svg` asks for the layer. The page's style sheet shows a label while its
mark is hovered or focused; without that style sheet the labels stay hidden.
"""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

_MARK = "tip-"
_SIZE = 8.2  # points, the small text of every sheet
_LINE = 11.0
_LETTER = 0.56  # width of an average letter as a share of its size
_LEAST = 9.0  # points: a hit area is never smaller, so that a finger or a mouse finds it


def tip(artist: Artist | Iterable[Artist], text: str, source: str = "") -> None:
    """Let a mark, or each of several, say `text`; a line break begins a new line.

    `source` is where its figures stand (`bench.report.provenance`), if narrower than the picture's.

    Works for everything that has an extent: lines, markers, patches, bars, texts.
    Artists that say the same at the same place should be given one after the other:
    what is drawn later lies on top and is what a pointer finds.
    """
    if isinstance(artist, Artist):
        both = f"{source}\0{text}"
        artist.set_gid(_MARK + base64.urlsafe_b64encode(both.encode()).decode())
        return
    for part in artist:
        tip(part, text, source)


def points(
    axes: Axes, xs: Sequence[float], ys: Sequence[float], texts: Sequence[str], source: str = ""
) -> None:
    """Unseen marks along a line of the data, each with what it says."""
    for x, y, text in zip(xs, ys, texts, strict=True):
        tip(axes.plot([x], [y], marker="o", ms=_LEAST, visible=False, zorder=9), text, source)


def spans(
    axes: Axes, edges: Sequence[tuple[float, float]], texts: Sequence[str], sources: Sequence[str]
) -> None:
    """Unseen columns as high as the axes, from and to an x of the data, each with what it says."""
    for (low, high), text, source in zip(edges, texts, sources, strict=True):
        tip(axes.axvspan(low, high, visible=False, zorder=0.6), text, source)


def layer(figure: Figure) -> str:
    """Every tip of a figure as one group of SVG; empty where there is none."""
    artists = sorted(
        (a for a in figure.findobj() if (a.get_gid() or "").startswith(_MARK)),
        key=lambda artist: artist.get_zorder(),
    )
    tips = "\n".join(filter(None, (_group(figure, artist) for artist in artists)))
    style = f'font-size="{_SIZE}" fill="none" pointer-events="all"'
    return f'<g class="tips" {style}>\n{tips}\n</g>\n' if tips else ""


def _extent(figure: Figure, artist: Any) -> tuple[float, float, float, float] | None:
    """Left, top, width and height in points from the figure's upper left corner."""
    extent: Bbox = artist.get_window_extent()
    if isinstance(artist, Line2D) and artist.axes is not None and artist.get_clip_on():
        inner = Bbox.intersection(extent, artist.axes.bbox.padded(10))
        extent = inner if inner is not None else extent
    scale = 72 / figure.dpi
    height = figure.get_figheight() * 72
    left, right = extent.x0 * scale, extent.x1 * scale
    top, bottom = height - extent.y1 * scale, height - extent.y0 * scale
    if not all(abs(value) < 1e5 for value in (left, right, top, bottom)):
        return None  # outside the sheet or not a number: nothing to point at
    wide, high = max(right - left, _LEAST), max(bottom - top, _LEAST)
    return (left + right - wide) / 2, (top + bottom - high) / 2, wide, high


def _group(figure: Figure, artist: Artist) -> str:
    extent = _extent(figure, artist)
    if extent is None:
        return ""
    left, top, wide, high = extent
    sheet = figure.get_figwidth() * 72
    most = int((sheet - 16) / (_SIZE * _LETTER))
    gid = (artist.get_gid() or "").removeprefix(_MARK)
    source, _, text = base64.urlsafe_b64decode(gid).decode().partition("\0")
    lines = [piece for line in text.split("\n") for piece in textwrap.wrap(line, most) or [""]]
    box_wide = min(max(map(len, lines)) * _SIZE * _LETTER + 10, sheet - 2)
    box_high = len(lines) * _LINE + 6
    x = min(max(left + wide / 2 - box_wide / 2, 1), sheet - box_wide - 1)
    y = top - box_high - 4 if top > box_high + 5 else top + high + 4
    words = "".join(
        f'<tspan x="{x + 5:.1f}" y="{y + 11 + _LINE * n:.1f}">{escape(line)}</tspan>'
        for n, line in enumerate(lines)
    )
    origin = f' data-source="{escape(source)}"' if source else ""
    return (
        f'<g class="tip" tabindex="-1"{origin}><rect class="hit" x="{left:.1f}" y="{top:.1f}"'
        f' width="{wide:.1f}" height="{high:.1f}"/><g class="said" visibility="hidden">'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{box_wide:.1f}" height="{box_high:.1f}"/>'
        f"<text>{words}</text></g></g>"
    )
