"""Index by operation: what becomes of each operation when an index is left out.

Room show.plots: values in, a Figure out. y is measured in points from the top.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import palette
from bench.show.evidence_ablation import AblationView, ablation_view
from bench.show.evidence_cell import CellView
from bench.show.evidence_parts import number_word, short_effect
from bench.show.plots.canvas import NARROW, WIDE, Page, fit, page
from bench.show.plots.cells import cell, line, words
from bench.show.plots.panels import text_width
from bench.show.report import Report

_WAYS = {"helps": "good", "harms": "bad", "masked": "hidden"}
_ROW, _GROUP = 18.0, 19.0


def ablation(report: Report, *, narrow: bool = False) -> Figure | None:
    """The heat map, for a telephone a list by index; None without an ablation."""
    found = ablation_view(report)
    if found is None or not found.touched:
        return None
    return _listed(found) if narrow else _mapped(found)


def _note(found: AblationView) -> str:
    text = (
        "A cell tells by how many times the index changes the steps of the operation: blue, it "
        "saves them; ▼ red, it wastes them; the stronger the colour, the more."
    )
    if found.by_time:
        text += " t: the steps say otherwise, so this is the time."
    if found.masked:
        text += " Hatched: another index hides what it does."
    return text


def cell_text(one: CellView) -> str:
    """What a cell says when it is pointed at."""
    if one.effect == "masked":
        return f"{one.title}\nanother index stands in for it"
    return f"{one.title}\n{one.effect}: {one.steps_text} the steps without it\n{one.time_text}"


def _sheet_axes(blank: Page, height: float) -> Axes:
    """Axes over the whole width whose units are points."""
    axes = blank.axes(left=0, right=0, top=0, height=height)
    axes.set_xlim(0, blank.sheet.width)
    axes.set_ylim(height, 0)
    axes.set_xticks([])
    return axes


# ---------------------------------------------------------------- the wide map

# Signs that a cell has room for, a point not counted.
_FITS = 3


def _mapped(found: AblationView) -> Figure:
    names = [index.name for index in found.indexes]
    left = 12 + max(text_width(name, WIDE.small) for name in names)
    heading = 8 + max(text_width(found.titles[name], WIDE.small) for name in found.touched) * 0.93
    pairs = len(found.pairs)
    groups = len(found.groups) + bool(pairs)
    body = groups * _GROUP + (len(names) + 2 * pairs) * _ROW
    blank = page(
        narrow=False, title=found.title, note=_note(found), height=heading + body, foot=6, gap=4
    )
    axes = _sheet_axes(blank, heading + body)
    overhang = 0.37 * text_width(found.titles[found.touched[-1]], WIDE.small) * 0.9
    column = (WIDE.width - left - max(overhang, 12)) / len(found.touched)
    places = {name: left + n * column for n, name in enumerate(found.touched)}
    _headings(axes, found, places, column, heading, body)
    y = heading
    for verdict, members in found.groups:
        y = _group(axes, palette.verdict(verdict), number_word(len(members)), y)
        for index in members:
            words(axes, 6, y + _ROW / 2, index.name, WIDE.small)
            _row(axes, index.cells, places, column, y)
            y += _ROW
    if pairs:
        words(axes, 6, y + _GROUP / 2 + 1, "Left out together", WIDE.small, fontweight="bold")
        y += _GROUP
    for pair in found.pairs:
        for n, name in enumerate(pair.indexes[:2]):
            words(axes, 6, y + (n + 0.5) * _ROW, name, WIDE.small)
        _row(axes, pair.cells, places, column, y, height=2 * _ROW)
        y += 2 * _ROW
    return blank.figure


def _headings(
    axes: Axes,
    found: AblationView,
    places: dict[str, float],
    column: float,
    heading: float,
    body: float,
) -> None:
    for name, x in places.items():
        words(
            axes, x + column / 2 + 2, heading - 4, found.titles[name], WIDE.small,
            rotation=68, rotation_mode="anchor", va="baseline",
        )  # fmt: skip
        line(axes, (x, x), (heading, heading + body))
    end = max(places.values()) + column
    line(axes, (end, end), (heading, heading + body))


def _group(axes: Axes, shown: palette.Verdict, number: str, y: float) -> float:
    """The heading of a verdict's rows; returns where the rows begin."""
    text = f"{shown.shape} {shown.word} ({number})"
    colour = palette.SLOWER if shown.tone == "bad" else palette.INK
    words(axes, 6, y + _GROUP / 2 + 1, text, WIDE.small, fontweight="bold", color=colour)
    return y + _GROUP


def _row(
    axes: Axes,
    cells: Sequence[CellView],
    places: dict[str, float],
    column: float,
    y: float,
    *,
    height: float = _ROW,
) -> None:
    last = max(places.values()) + column
    line(axes, (6, last), (y, y))
    for one in cells:
        if one.operation not in places:
            continue
        x = places[one.operation]
        cell(
            axes, (x, y, column, height),
            way=_WAYS[one.effect], ratio=one.ratio, told=cell_text(one),
        )  # fmt: skip
        if one.effect == "masked":
            continue
        text = _figure(one, narrow_cell=True)
        middle = y + height / 2
        if one.effect == "harms":
            words(axes, x + column / 2, middle - 4.4, "▼", 4.6, ha="center", va="center")
            middle += 2.6
        size = min(6.6, 6.6 * (column - 3) / text_width(text, 6.6))
        words(axes, x + column / 2, middle, text, size, ha="center", va="center")


def _figure(one: CellView, *, narrow_cell: bool = False) -> str:
    """An effect in few signs; a hundred thousand times would not fit into a cell."""
    text = short_effect(one.ratio)
    if narrow_cell:
        # Colour and ▼ say which way it goes.
        text = text[1:]
        if len(text.replace(".", "")) > _FITS:
            text = "10⁵"
    return f"{text}{'t' if one.by_time else ''}"


# ---------------------------------------------------------------- the narrow list

_HEAD, _LINE = 30.0, 15.0


def _listed(found: AblationView) -> Figure:
    entries: list[tuple[palette.Verdict, tuple[str, ...], tuple[CellView, ...]]] = [
        (i.shown, (i.name,), i.cells) for i in found.indexes
    ]
    entries += [(palette.Verdict("together", "◐", "weak"), p.indexes, p.cells) for p in found.pairs]
    told = [e for e in entries if e[2]]
    silent = [(shown, names[0]) for shown, names, cells in entries if not cells]
    height = sum(_HEAD + 12 * (len(n) - 1) + _LINE * len(c) for _, n, c in told) + 8
    height += 16 * (len(silent) + bool(silent)) + (8 if silent else 0)
    blank = page(narrow=True, title=found.title, note=_note(found), height=height, foot=6, gap=4)
    axes = _sheet_axes(blank, height)
    y = 0.0
    for shown, names, cells in told:
        y = _entry(axes, shown, names, cells, y)
    if silent:
        y += 8
        line(axes, (6, NARROW.width - 6), (y, y))
        words(axes, 6, y + 9, "No operation notices the loss of", NARROW.text)
        for n, (shown, name) in enumerate(silent):
            text = f"{shown.shape} {name}"
            words(axes, 6, y + 25 + 16 * n, fit(text, NARROW.text, 180), NARROW.text)
            words(axes, NARROW.width - 6, y + 25 + 16 * n, shown.word, NARROW.small, ha="right",
                  color=palette.MUTED)  # fmt: skip
    return blank.figure


def _entry(
    axes: Axes,
    shown: palette.Verdict,
    names: Sequence[str],
    cells: Sequence[CellView],
    y: float,
) -> float:
    """One index (or a pair) with a line for each operation; returns where it ends."""
    line(axes, (6, NARROW.width - 6), (y + 6, y + 6))
    colour = palette.SLOWER if shown.tone == "bad" else palette.INK
    words(axes, NARROW.width - 6, y + 19, f"{shown.shape} {shown.word}", NARROW.small, ha="right",
          fontweight="bold", color=colour)  # fmt: skip
    for n, name in enumerate(names):
        words(axes, 6, y + 19 + 12 * n, fit(name, NARROW.text, 190), NARROW.text, fontweight="bold")
    y += _HEAD + 12 * (len(names) - 1)
    for one in cells:
        masked = one.effect == "masked"
        cell(
            axes, (6, y, 44, _LINE),
            way=_WAYS[one.effect], ratio=one.ratio, told=cell_text(one),
        )  # fmt: skip
        if not masked:
            mark = "▼ " if one.effect == "harms" else ""
            words(axes, 28, y + _LINE / 2, f"{mark}{_figure(one)}",
                  NARROW.small, ha="center", va="center")  # fmt: skip
        title = fit(f"{one.title}{' (masked)' if masked else ''}", NARROW.small, 205)
        words(axes, 56, y + _LINE / 2, title, NARROW.small)
        y += _LINE
    return y
