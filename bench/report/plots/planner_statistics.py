"""What statistics do: operation by state of the planner's statistics."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import palette
from bench.report.plots.canvas import Sheet, Style, fit, page, sheet, wrap
from bench.report.plots.marks import Box, CellKind, cell, line, words
from bench.report.run_report import Report
from bench.report.sections.statistics import FLIPPED, effect_text, moved_operations, title
from bench.report.text import counted, sentence_case, short_effect
from bench.report.units import duration
from bench.results import statistics as results

_KINDS: dict[str, CellKind] = {"faster": "good", "slower": "bad"}
# So many operations a picture shows, of those that move most.
_MOST = {False: 12, True: 8}


def statistics(report: Report, *, narrow: bool = False) -> Figure | None:
    """The operations that any statistics move; None without a matrix, or where nothing moves."""
    document = report.statistics
    moved = [] if document is None else moved_operations(document)
    if document is None or not moved:
        return None
    size = sheet(narrow)
    left = 6.0 if narrow else 190.0
    column = (size.width - left - 6) / len(document.states)
    head_size, weight = (7.9, "normal") if narrow else (size.small, "bold")
    # Bold letters are wider than `wrap` takes them for; the narrow heads are not bold.
    head_width = head_size * (1.0 if narrow else 1.25)
    heads = [wrap(state.title, head_width, column - 4) for state in document.states]
    heading = 8 + max(map(len, heads)) * head_size * 1.35
    shown = moved[: _MOST[narrow]]
    row, body = (46.0, 26.0) if narrow else (30.0, 30.0)
    height = heading + row * len(shown)
    note = _note(len(moved) - len(shown))
    blank = page(narrow=narrow, title=title(document), note=note, height=height, foot=6, gap=6)
    axes = blank.free_axes(height)
    for n, lines in enumerate(heads):
        for at, text in enumerate(lines):
            x, y = left + (n + 0.5) * column, 6 + at * head_size * 1.35
            words(axes, x, y, text, head_size, ha="center", fontweight=weight)
    for n, operation in enumerate(shown):
        y = heading + n * row
        line(axes, (6, size.width - 6), (y, y))
        middle = y + (11 if narrow else row / 2)
        text = fit(operation.title, size.text, size.width - 16 if narrow else 180)
        words(axes, 6, middle, text, size.text)
        for at, state in enumerate(document.states):
            box = (left + at * column, y + row - body, column, body)
            _cell(axes, operation, state, box, size)
    return blank.figure


def _note(left_out: int) -> str:
    text = (
        "Median time in each state, and how many times faster (▲) or slower (▼) than without "
        "statistics. ≠ marks a plan that statistics changed."
    )
    several = counted(left_out, "operation moves", "operations move")
    return f"{text} {sentence_case(several)} less: see the table." if left_out else text


def _cell(
    axes: Axes, operation: results.OperationStatistics, state: results.State, box: Box, size: Sheet
) -> None:
    seen, comparison = operation.states.get(state.name), operation.comparison(state.name)
    if seen is None:
        return
    kind: CellKind = "none" if comparison is None else _KINDS.get(comparison.verdict, "none")
    lines = [operation.title, f"{state.title}: {duration(seen.median_ns)}"]
    if effect := effect_text(comparison):
        lines.append(f"{effect} against no statistics")
    if seen.flipped:
        lines.append("the plan changed")
    ratio = None if comparison is None else comparison.speedup
    cell(axes, box, kind=kind, ratio=ratio, tip_text="\n".join(lines))
    left, top, width, height = box
    effect = _effect(seen, comparison)
    weight, colour = ("normal", palette.MUTED) if kind == "none" else ("bold", palette.INK)
    first: Style = {"ha": "center", "va": "center"}
    second: Style = first | {"fontweight": weight, "color": colour}
    middle, share = left + width / 2, 0.31 if effect else 0.5
    words(axes, middle, top + height * share, duration(seen.median_ns), size.small, **first)
    words(axes, middle, top + height * 0.71, effect, size.small, **second)


def _effect(seen: results.StateObservation, comparison: results.StateComparison | None) -> str:
    flip = f"{FLIPPED} " if seen.flipped else ""
    if comparison is None:
        return flip.strip()
    if comparison.verdict in _KINDS and comparison.speedup:
        size = short_effect(max(comparison.speedup, 1 / comparison.speedup))
        return f"{flip}{palette.verdict(comparison.verdict).shape} {size}"
    return f"{flip}{comparison.verdict}"
