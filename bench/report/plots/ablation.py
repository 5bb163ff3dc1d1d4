"""Index by operation: what becomes of each operation when an index is left out.

y is measured in points from the top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import palette
from bench.report.plots.canvas import NARROW, WIDE, Page, fit, page
from bench.report.plots.cells import cell, line, words
from bench.report.plots.panels import text_width
from bench.report.run_report import Report
from bench.report.sections import ablation as section
from bench.report.text import number_word, short_effect, steps_effect
from bench.results.ablation import Ablation, Effect, OperationAblation

Cells = Sequence[tuple[OperationAblation, Effect]]

_WAYS = {"helps": "good", "harms": "bad", "masked": "hidden"}
_TOGETHER = palette.Verdict("together", "◐", "weak")
_ROW, _GROUP = 18.0, 19.0


def ablation(report: Report, *, narrow: bool = False) -> Figure | None:
    """The heat map, for a telephone a list by index; None without an ablation."""
    found = report.ablation
    if found is None or not section.touched(found):
        return None
    return _list(found) if narrow else _map(found)


def _note(found: Ablation) -> str:
    text = (
        "A cell tells by how many times the index changes the steps of the operation: blue, it "
        "saves them; ▼ red, it wastes them; the stronger the colour, the more."
    )
    effects = [
        effect for index in found.indexes for _, effect in section.cells_of(found, index.name)
    ]
    if any(map(section.by_time, effects)):
        text += " t: the steps say otherwise, so this is the time."
    if any(effect.effect == "masked" for effect in effects):
        text += " Hatched: another index hides what it does."
    return text


def _cell(
    axes: Axes,
    place: tuple[float, float, float, float],
    operation: OperationAblation,
    effect: Effect,
    it: str,
) -> None:
    """One effect as a coloured cell that says what it is when it is pointed at."""
    if effect.effect == "masked":
        told = f"{operation.title}\nanother index stands in for it"
    else:
        steps = steps_effect(effect.steps_ratio)
        told = (
            f"{operation.title}\n{effect.effect}: {steps} the steps without {it}\n"
            f"{section.time_text(effect, it)}"
        )
    cell(axes, place, way=_WAYS[effect.effect], ratio=_ratio(effect), told=told)


def _ratio(effect: Effect) -> float | None:
    """The ratio that tells the effect: of steps, or of time where steps do not."""
    return effect.speedup if section.by_time(effect) else effect.steps_ratio


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


def _map(found: Ablation) -> Figure:
    names = [index.name for index in section.ordered(found)]
    operations = section.touched(found)
    titles = [operation.title for operation in operations]
    left = 12 + max(text_width(name, WIDE.small) for name in names)
    heading = 8 + max(text_width(text, WIDE.small) for text in titles) * 0.93
    pairs = len(found.pairs)
    body = (len(section.groups(found)) + bool(pairs)) * _GROUP + (len(names) + 2 * pairs) * _ROW
    blank = page(
        narrow=False,
        title=section.title(found),
        note=_note(found),
        height=heading + body,
        foot=6,
        gap=4,
    )
    axes = _sheet_axes(blank, heading + body)
    overhang = 0.37 * text_width(titles[-1], WIDE.small) * 0.9
    column = (WIDE.width - left - max(overhang, 12)) / len(operations)
    places = {operation.name: left + n * column for n, operation in enumerate(operations)}
    _headings(axes, dict(zip(places.values(), titles, strict=True)), column, heading, body)
    y = heading
    for word, members in section.groups(found):
        y = _group(axes, palette.verdict(word), number_word(len(members)), y)
        for index in members:
            words(axes, 6, y + _ROW / 2, index.name, WIDE.small)
            _row(axes, section.cells_of(found, index.name), places, column, y)
            y += _ROW
    if pairs:
        words(axes, 6, y + _GROUP / 2 + 1, "Left out together", WIDE.small, fontweight="bold")
        y += _GROUP
    for pair in found.pairs:
        for n, name in enumerate(pair.indexes):
            words(axes, 6, y + (n + 0.5) * _ROW, name, WIDE.small)
        _row(axes, section.pair_cells(found, pair), places, column, y, it="them", height=2 * _ROW)
        y += 2 * _ROW
    return blank.figure


def _headings(
    axes: Axes, titles: Mapping[float, str], column: float, heading: float, body: float
) -> None:
    """Titles of columns, by where each begins."""
    for x, text in titles.items():
        words(
            axes, x + column / 2 + 2, heading - 4, text, WIDE.small,
            rotation=68, rotation_mode="anchor", va="baseline",
        )  # fmt: skip
        line(axes, (x, x), (heading, heading + body))
    end = max(titles) + column
    line(axes, (end, end), (heading, heading + body))


def _group(axes: Axes, shown: palette.Verdict, number: str, y: float) -> float:
    """The heading of a verdict's rows; returns where the rows begin."""
    text = f"{shown.shape} {shown.word} ({number})"
    colour = palette.SLOWER if shown.tone == "bad" else palette.INK
    words(axes, 6, y + _GROUP / 2 + 1, text, WIDE.small, fontweight="bold", color=colour)
    return y + _GROUP


def _row(
    axes: Axes,
    cells: Cells,
    places: Mapping[str, float],
    column: float,
    y: float,
    *,
    it: str = "it",
    height: float = _ROW,
) -> None:
    last = max(places.values()) + column
    line(axes, (6, last), (y, y))
    for operation, effect in cells:
        x = places[operation.name]
        _cell(axes, (x, y, column, height), operation, effect, it)
        if effect.effect == "masked":
            continue
        text = _figure(effect, narrow_cell=True)
        middle = y + height / 2
        if effect.effect == "harms":
            words(axes, x + column / 2, middle - 4.4, "▼", 4.6, ha="center", va="center")
            middle += 2.6
        size = min(6.6, 6.6 * (column - 3) / text_width(text, 6.6))
        words(axes, x + column / 2, middle, text, size, ha="center", va="center")


def _figure(effect: Effect, *, narrow_cell: bool = False) -> str:
    """An effect in few signs; a hundred thousand times would not fit into a cell."""
    text = short_effect(_ratio(effect))
    if narrow_cell:
        # Colour and ▼ say which way it goes.
        text = text[1:]
        if len(text.replace(".", "")) > _FITS:
            text = "10⁵"
    return f"{text}{'t' if section.by_time(effect) else ''}"


# ---------------------------------------------------------------- the narrow list

_HEAD, _LINE = 30.0, 15.0


def _list(found: Ablation) -> Figure:
    entries: list[tuple[palette.Verdict, tuple[str, ...], Cells, str]] = [
        (palette.verdict(index.verdict), (index.name,), section.cells_of(found, index.name), "it")
        for index in section.ordered(found)
    ]
    entries += [
        (_TOGETHER, pair.indexes, section.pair_cells(found, pair), "them") for pair in found.pairs
    ]
    told = [entry for entry in entries if entry[2]]
    silent = [(shown, names[0]) for shown, names, cells, _ in entries if not cells]
    height = sum(_HEAD + 12 * (len(n) - 1) + _LINE * len(c) for _, n, c, _ in told) + 8
    height += 16 * (len(silent) + bool(silent)) + (8 if silent else 0)
    blank = page(
        narrow=True, title=section.title(found), note=_note(found), height=height, foot=6, gap=4
    )
    axes = _sheet_axes(blank, height)
    y = 0.0
    for shown, names, cells, it in told:
        y = _entry(axes, shown, names, cells, it, y)
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
    axes: Axes, shown: palette.Verdict, names: Sequence[str], cells: Cells, it: str, y: float
) -> float:
    """One index (or a pair) with a line for each operation; returns where it ends."""
    line(axes, (6, NARROW.width - 6), (y + 6, y + 6))
    colour = palette.SLOWER if shown.tone == "bad" else palette.INK
    words(axes, NARROW.width - 6, y + 19, f"{shown.shape} {shown.word}", NARROW.small, ha="right",
          fontweight="bold", color=colour)  # fmt: skip
    for n, name in enumerate(names):
        words(axes, 6, y + 19 + 12 * n, fit(name, NARROW.text, 190), NARROW.text, fontweight="bold")
    y += _HEAD + 12 * (len(names) - 1)
    for operation, effect in cells:
        masked = effect.effect == "masked"
        _cell(axes, (6, y, 44, _LINE), operation, effect, it)
        if not masked:
            mark = "▼ " if effect.effect == "harms" else ""
            words(axes, 28, y + _LINE / 2, f"{mark}{_figure(effect)}",
                  NARROW.small, ha="center", va="center")  # fmt: skip
        text = fit(f"{operation.title}{' (masked)' if masked else ''}", NARROW.small, 205)
        words(axes, 56, y + _LINE / 2, text, NARROW.small)
        y += _LINE
    return y
