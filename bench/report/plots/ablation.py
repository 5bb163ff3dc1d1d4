"""Index by operation: what becomes of each operation when an index is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import palette
from bench.report.plots.canvas import NARROW, WIDE, fit, page
from bench.report.plots.marks import Box, CellKind, cell, line, words
from bench.report.plots.panels import text_width
from bench.report.run_report import Report
from bench.report.sections import ablation as section
from bench.report.text import number_word, short_effect, steps_effect
from bench.results.ablation import Ablation, Effect, OperationAblation

Cells = Sequence[tuple[OperationAblation, Effect]]

_KINDS: dict[str, CellKind] = {"helps": "good", "harms": "bad", "masked": "hidden"}
_TOGETHER = palette.Verdict("together", "◐", "weak")
_ROW, _GROUP = 18.0, 19.0


def ablation(report: Report, *, narrow: bool = False) -> Figure | None:
    """The heat map, for a telephone a list by index; None without an ablation."""
    document = report.ablation
    if document is None or not section.touched(document):
        return None
    return _list(document) if narrow else _map(document)


def _note(document: Ablation) -> str:
    text = (
        "A cell tells by how many times the index changes the steps of the operation: blue, it "
        "saves them; ▼ red, it wastes them; the stronger the colour, the more."
    )
    cells = [cell for index in document.indexes for cell in section.cells_of(document, index.name)]
    if any(section.by_time(effect) for _, effect in cells):
        text += " t: the steps say otherwise, so this is the time."
    if any(effect.effect == "masked" for _, effect in cells):
        text += " Hatched: another index hides what it does."
    return text


def _cell(axes: Axes, box: Box, operation: OperationAblation, effect: Effect, it: str) -> None:
    """One effect as a coloured cell that says what it is when it is pointed at."""
    if effect.effect == "masked":
        tip_text = f"{operation.title}\nanother index replaces it"
    else:
        steps = steps_effect(effect.steps_ratio)
        tip_text = (
            f"{operation.title}\n{effect.effect}: {steps} the steps without {it}\n"
            f"{section.time_text(effect, it)}"
        )
    cell(axes, box, kind=_KINDS[effect.effect], ratio=_ratio(effect), tip_text=tip_text)


def _ratio(effect: Effect) -> float | None:
    """The ratio that tells the effect: of steps, or of time where steps do not."""
    return effect.speedup if section.by_time(effect) else effect.steps_ratio


# ---------------------------------------------------------------- the wide map

# Signs that a cell has room for, a point not counted.
_FITS = 3


@dataclass(frozen=True, slots=True)
class _Map:
    """The axes, and where each operation's column begins."""

    axes: Axes
    places: Mapping[str, float]
    column: float

    def row(self, cells: Cells, y: float, it: str = "it", height: float = _ROW) -> None:
        """The cells of an index, or of a pair of them."""
        line(self.axes, (6, max(self.places.values()) + self.column), (y, y))
        for operation, effect in cells:
            x = self.places[operation.name]
            _cell(self.axes, (x, y, self.column, height), operation, effect, it)
            if effect.effect == "masked":
                continue
            text = _figure(effect, narrow_cell=True)
            x, middle = x + self.column / 2, y + height / 2
            if effect.effect == "harms":
                words(self.axes, x, middle - 4.4, "▼", 4.6, ha="center", va="center")
                middle += 2.6
            size = min(6.6, 6.6 * (self.column - 3) / text_width(text, 6.6))
            words(self.axes, x, middle, text, size, ha="center", va="center")


def _map(document: Ablation) -> Figure:
    names = [index.name for index in section.ordered(document)]
    operations = section.touched(document)
    titles = [operation.title for operation in operations]
    left = 12 + max(text_width(name, WIDE.small) for name in names)
    heading = 8 + max(text_width(text, WIDE.small) for text in titles) * 0.93
    groups, pairs = section.groups(document), len(document.pairs)
    body = (len(groups) + bool(pairs)) * _GROUP + (len(names) + 2 * pairs) * _ROW
    height, note = heading + body, _note(document)
    blank = page(
        narrow=False, title=section.title(document), note=note, height=height, foot=6, gap=4
    )
    axes = blank.free_axes(height)
    overhang = 0.37 * text_width(titles[-1], WIDE.small) * 0.9
    column = (WIDE.width - left - max(overhang, 12)) / len(operations)
    places = {operation.name: left + n * column for n, operation in enumerate(operations)}
    grid = _Map(axes, places, column)
    _headings(grid, titles, heading, body)
    y = heading
    for word, members in groups:
        shown = palette.verdict(word)
        text = f"{shown.shape} {shown.word} ({number_word(len(members))})"
        colour = palette.SLOWER if shown.tone == "bad" else palette.INK
        words(axes, 6, y + _GROUP / 2 + 1, text, WIDE.small, fontweight="bold", color=colour)
        y += _GROUP
        for index in members:
            words(axes, 6, y + _ROW / 2, index.name, WIDE.small)
            grid.row(section.cells_of(document, index.name), y)
            y += _ROW
    if pairs:
        words(axes, 6, y + _GROUP / 2 + 1, "Left out together", WIDE.small, fontweight="bold")
        y += _GROUP
    for pair in document.pairs:
        for n, name in enumerate(pair.indexes):
            words(axes, 6, y + (n + 0.5) * _ROW, name, WIDE.small)
        grid.row(section.pair_cells(document, pair), y, "them", 2 * _ROW)
        y += 2 * _ROW
    return blank.figure


def _headings(grid: _Map, titles: Sequence[str], heading: float, body: float) -> None:
    """Titles of columns, and the lines between them."""
    for x, text in zip(grid.places.values(), titles, strict=True):
        words(
            grid.axes, x + grid.column / 2 + 2, heading - 4, text, WIDE.small,
            rotation=68, rotation_mode="anchor", va="baseline",
        )  # fmt: skip
        line(grid.axes, (x, x), (heading, heading + body))
    end = max(grid.places.values()) + grid.column
    line(grid.axes, (end, end), (heading, heading + body))


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
Entry = tuple[palette.Verdict, tuple[str, ...], Cells, str]


def _list(document: Ablation) -> Figure:
    entries: list[Entry] = []
    for index in section.ordered(document):
        cells = section.cells_of(document, index.name)
        entries.append((palette.verdict(index.verdict), (index.name,), cells, "it"))
    for pair in document.pairs:
        entries.append((_TOGETHER, pair.indexes, section.pair_cells(document, pair), "them"))
    noticed = [entry for entry in entries if entry[2]]
    silent = [(shown, names[0]) for shown, names, cells, _ in entries if not cells]
    height = sum(_HEAD + 12 * (len(n) - 1) + _LINE * len(c) for _, n, c, _ in noticed) + 8
    height += 16 * (len(silent) + bool(silent)) + (8 if silent else 0)
    title, note = section.title(document), _note(document)
    blank = page(narrow=True, title=title, note=note, height=height, foot=6, gap=4)
    axes = blank.free_axes(height)
    y, right = 0.0, NARROW.width - 6
    for entry in noticed:
        y = _entry(axes, entry, y)
    if silent:
        y += 8
        line(axes, (6, right), (y, y))
        words(axes, 6, y + 9, "No operation notices the loss of", NARROW.text)
        for n, (shown, name) in enumerate(silent):
            text, at = fit(f"{shown.shape} {name}", NARROW.text, 180), y + 25 + 16 * n
            words(axes, 6, at, text, NARROW.text)
            words(axes, right, at, shown.word, NARROW.small, ha="right", color=palette.MUTED)
    return blank.figure


def _entry(axes: Axes, entry: Entry, y: float) -> float:
    """One index (or a pair) with a line for each operation; returns where it ends."""
    shown, names, cells, it = entry
    right = NARROW.width - 6
    line(axes, (6, right), (y + 6, y + 6))
    colour = palette.SLOWER if shown.tone == "bad" else palette.INK
    text = f"{shown.shape} {shown.word}"
    words(axes, right, y + 19, text, NARROW.small, ha="right", fontweight="bold", color=colour)
    for n, name in enumerate(names):
        words(axes, 6, y + 19 + 12 * n, fit(name, NARROW.text, 190), NARROW.text, fontweight="bold")
    y += _HEAD + 12 * (len(names) - 1)
    for operation, effect in cells:
        masked, middle = effect.effect == "masked", y + _LINE / 2
        _cell(axes, (6, y, 44, _LINE), operation, effect, it)
        if not masked:
            figure = f"{'▼ ' if effect.effect == 'harms' else ''}{_figure(effect)}"
            words(axes, 28, middle, figure, NARROW.small, ha="center", va="center")
        text = fit(f"{operation.title}{' (masked)' if masked else ''}", NARROW.small, 205)
        words(axes, 56, middle, text, NARROW.small)
        y += _LINE
    return y
