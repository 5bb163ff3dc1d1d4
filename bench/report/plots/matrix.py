"""What statistics do: operation by state of the planner's statistics.

y is measured in points from the top.
"""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import palette
from bench.report.plots.canvas import Sheet, fit, page, sheet, wrap
from bench.report.plots.cells import cell, line, words
from bench.report.run_report import Report
from bench.report.sections.statistics import FLIPPED, effect_text, moved_operations, title
from bench.report.text import counted, sentence_case, short_effect
from bench.report.units import duration
from bench.results import statistics as results

_WAYS = {"faster": "good", "slower": "bad", "inconclusive": "none", "same": "none"}
# So many operations a picture shows, of those that move most.
_MOST = {False: 12, True: 8}


def statistics(report: Report, *, narrow: bool = False) -> Figure | None:
    """The operations that any statistics move; None without a matrix, or where nothing moves."""
    found = report.statistics
    moved = [] if found is None else moved_operations(found)
    if found is None or not moved:
        return None
    size = sheet(narrow)
    left = 6.0 if narrow else 190.0
    states = found.states
    column = (size.width - left - 6) / len(states)
    head_size = 7.9 if narrow else size.small
    # Bold letters are wider than `wrap` takes them for; the narrow heads are not bold.
    heads = {
        s.name: wrap(s.title, head_size * (1.0 if narrow else 1.25), column - 4) for s in states
    }
    heading = 8 + max(map(len, heads.values())) * head_size * 1.35
    shown = moved[: _MOST[narrow]]
    row, body = (46.0, 26.0) if narrow else (30.0, 30.0)
    height = heading + row * len(shown)
    blank = page(
        narrow=narrow,
        title=title(found),
        note=_note(len(moved) - len(shown)),
        height=height,
        foot=6,
        gap=6,
    )
    axes = blank.axes(left=0, right=0, top=0, height=height)
    axes.set_xlim(0, size.width)
    axes.set_ylim(height, 0)
    axes.set_xticks([])
    for n, state in enumerate(states):
        for at, text in enumerate(heads[state.name]):
            words(axes, left + (n + 0.5) * column, 6 + at * head_size * 1.35, text, head_size,
                  ha="center", fontweight="normal" if narrow else "bold")  # fmt: skip
    for n, operation in enumerate(shown):
        y = heading + n * row
        line(axes, (6, size.width - 6), (y, y))
        middle = y + (11 if narrow else row / 2)
        text = fit(operation.title, size.text, size.width - 16 if narrow else 180)
        words(axes, 6, middle, text, size.text)
        _cells(axes, found, operation, (left, y + row - body, column, body), size)
    return blank.figure


def _note(left_out: int) -> str:
    text = (
        "Median time in each state, and how many times faster (▲) or slower (▼) than without "
        "statistics. ≠ marks a plan that statistics changed."
    )
    several = counted(left_out, "operation moves", "operations move")
    return f"{text} {sentence_case(several)} less: see the table." if left_out else text


def _cells(
    axes: Axes,
    found: results.Statistics,
    operation: results.OperationStatistics,
    place: tuple[float, float, float, float],
    size: Sheet,
) -> None:
    left, top, column, height = place
    for n, state in enumerate(found.states):
        seen, comparison = operation.states.get(state.name), operation.comparison(state.name)
        if seen is None:
            continue
        x = left + n * column
        way = "none" if comparison is None else _WAYS[comparison.verdict]
        ratio = None if comparison is None else comparison.speedup
        told = _told(operation, state, seen, comparison)
        cell(axes, (x, top, column, height), way=way, ratio=ratio, told=told)
        middle = x + column / 2
        effect = _effect(seen, comparison)
        place_of_time = top + height * (0.31 if effect else 0.5)
        words(axes, middle, place_of_time, duration(seen.median_ns), size.small,
              ha="center", va="center")  # fmt: skip
        words(axes, middle, top + height * 0.71, effect, size.small, ha="center", va="center",
              fontweight="bold" if way in ("good", "bad") else "normal",
              color=palette.INK if way in ("good", "bad") else palette.MUTED)  # fmt: skip


def _effect(seen: results.StateObservation, comparison: results.StateComparison | None) -> str:
    flip = f"{FLIPPED} " if seen.flipped else ""
    if comparison is None:
        return flip.strip()
    if comparison.verdict in ("faster", "slower") and comparison.speedup:
        size = short_effect(max(comparison.speedup, 1 / comparison.speedup))
        return f"{flip}{palette.verdict(comparison.verdict).shape} {size}"
    return f"{flip}{comparison.verdict}"


def _told(
    operation: results.OperationStatistics,
    state: results.State,
    seen: results.StateObservation,
    comparison: results.StateComparison | None,
) -> str:
    lines = [operation.title, f"{state.title}: {duration(seen.median_ns)}"]
    if comparison is not None and (effect := effect_text(comparison)):
        lines.append(f"{effect} against no statistics")
    if seen.flipped:
        lines.append("the plan changed")
    return "\n".join(lines)
