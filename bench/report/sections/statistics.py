"""What statistics do: each operation by state of the planner's statistics."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report import blocks, units
from bench.report.palette import verdict
from bench.report.provenance import at
from bench.report.text import anchor, comparison_text, counted, number_word, sentence_case
from bench.results.comparison import DECIDED
from bench.results.statistics import OperationStatistics, StateComparison, Statistics

TITLE_STATES = ("optimize", "full")
"""The states that a picture's title tells of: what D1 advises, and what a full ANALYZE does."""
FLIPPED = "≠"
_OPERATIONS = at("statistics", "operations")
_STATES = at("statistics", "states")


@blocks.section("statistics", "What statistics do", "Statistics")
def statistics_section(statistics: Statistics) -> Iterator[blocks.Block]:
    """The section on statistics; operations that they move most stand first."""
    moved = moved_operations(statistics)
    for n, sentence in enumerate(statistics.answers):
        yield blocks.Text(sentence, "body" if n else "answer", at("statistics", "answers"))
    if moved:
        yield blocks.Figure(
            "statistics",
            f"Operation by state of the statistics: {title(statistics)}. "
            "The table below holds the same figures.",
            at("statistics"),
        )
        yield blocks.Table(
            blocks.columns("operation", ranges=[state.title for state in statistics.states]),
            [_row(statistics, operation) for operation in moved],
            f"What statistics move; {FLIPPED} marks another plan than without them",
            f"{_OPERATIONS} {_STATES}",
            "evidence",
        )
    still = [operation.title for operation in statistics.operations if operation not in moved]
    if still:
        several = sentence_case(counted(len(still), "operation keeps", "operations keep"))
        same = f"{several} plan and time whatever is gathered: {', '.join(still)}."
        yield blocks.Text(same, "small", _OPERATIONS)
    yield _states_table(statistics)
    source = at("statistics", "limits")
    yield from blocks.limits("Limits of the matrix", statistics.limits, source)


def _row(statistics: Statistics, operation: OperationStatistics) -> blocks.Row:
    source = at("statistics", "operations", statistics.operations.index(operation))
    reasons = dict.fromkeys(pair.cause for pair in operation.comparisons if pair.cause)
    below: list[blocks.Block] = [blocks.noted("Cause.", cause) for cause in reasons]
    if _flips(operation):
        plans: list[list[blocks.Block]] = [
            [
                blocks.Heading(state.title, source=at("statistics", "states", n)),
                _plan(statistics, operation, state.name, source),
            ]
            for n, state in enumerate(statistics.states)
            if state.name in operation.states
            and (state.name == statistics.base or operation.states[state.name].flipped)
        ]
        of = f"of {operation.title}"
        below.append(blocks.Details("Plans", (blocks.Columns(plans),), of))
    head = [blocks.Link(operation.title, anchor(operation.name))]
    cells = [_cell(operation, state.name) for state in statistics.states]
    return blocks.Row(head, cells, source, below=below)


def _cell(operation: OperationStatistics, state: str) -> blocks.Inlines:
    """Time, what it is against no statistics, and whether the plan is another."""
    seen = operation.states.get(state)
    if seen is None:
        return [blocks.Span(units.DASH, "aside")]
    time = units.duration(seen.median_ns)
    parts: list[blocks.Inline] = [time]
    if seen.flipped:
        parts = [blocks.Marked(FLIPPED, "another plan"), blocks.Span(time, "strong")]
    comparison = operation.comparison(state)
    if comparison is not None and (text := effect_text(comparison)):
        parts += [" ", blocks.Badge(verdict(comparison.verdict), text, line=True)]
    return parts


def _plan(
    statistics: Statistics, operation: OperationStatistics, state: str, source: str
) -> blocks.CodeBlock:
    """The plan in one state, its lines marked that the one without statistics lacks."""
    base, seen = operation.states[statistics.base], operation.states[state]
    lines = blocks.lines(seen.plan, None if state == statistics.base else base.plan)
    counters = (
        (seen.vm_steps, "VM step", "VM steps"),
        (seen.fullscan_steps, "full-scan step", "full-scan steps"),
        (seen.sorts, "sort", "sorts"),
        (seen.autoindexes, "automatic index", "automatic indexes"),
    )
    note = ", ".join(
        counted(n, singular, plural, units.count) for n, singular, plural in counters if n
    )
    return blocks.CodeBlock(lines, note=note, source=source)


def _states_table(statistics: Statistics) -> blocks.Table:
    rows = []
    for n, state in enumerate(statistics.states):
        statements = blocks.joined(map(blocks.Code, state.statements), "; ")
        took = units.duration(state.duration_ns or None)
        counts = units.count(state.rows), units.count(state.samples)
        cells = [statements or "none", took, *counts]
        rows.append(blocks.Row(state.title, cells, at("statistics", "states", n)))
    numbers = ("took", "rows of statistics", "samples of values")
    columns = blocks.columns("state", "statements", figures=numbers)
    return blocks.Table(columns, rows, "The states and what made them", _STATES)


def moved_operations(statistics: Statistics) -> list[OperationStatistics]:
    """The operations whose plan or time any statistics change.

    Those whose plan flips stand first, the largest effect on top.
    """

    def weight(operation: OperationStatistics) -> tuple[bool, float]:
        speedups = [c.speedup for c in operation.comparisons if c.speedup and c.verdict in DECIDED]
        return not _flips(operation), -max((max(s, 1 / s) for s in speedups), default=1.0)

    return sorted(
        (
            operation
            for operation in statistics.operations
            if _flips(operation) or any(c.verdict in DECIDED for c in operation.comparisons)
        ),
        key=weight,
    )


def _flips(operation: OperationStatistics) -> bool:
    return any(seen.flipped for seen in operation.states.values())


def title(statistics: Statistics) -> str:
    """What the picture shows, in one sentence without its point."""
    if not moved_operations(statistics):
        return "Statistics change neither a plan nor a time"
    others = [state for state in statistics.states if state.name != statistics.base]
    shown = [state for state in others if state.name in TITLE_STATES] or others[:2]
    parts = []
    for state in shown:
        pairs = [operation.comparison(state.name) for operation in statistics.operations]
        verdicts = [pair.verdict for pair in pairs if pair is not None]
        faster, slower = verdicts.count("faster"), verdicts.count("slower")
        mended = counted(faster, "operation", "operations") if faster else "no operation"
        parts.append(f"{state.title} mends {mended}, slows {number_word(slower)}")
    return sentence_case("; ".join(parts))


def effect_text(comparison: StateComparison | None) -> str:
    """`5.3× slower (5.1 to 5.5)`, or the verdict's word with bare ratios; empty without a time."""
    if comparison is None or comparison.speedup is None:
        return ""
    return comparison_text(comparison)
