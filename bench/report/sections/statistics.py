"""What statistics do: each operation by state of the planner's statistics."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report import units
from bench.report.blocks import (
    Badge,
    Block,
    Bullets,
    Code,
    CodeBlock,
    CodeLine,
    Column,
    Columns,
    Details,
    Figure,
    Heading,
    Inline,
    Inlines,
    Link,
    Marked,
    Row,
    Section,
    Span,
    Table,
    Text,
)
from bench.report.palette import verdict
from bench.report.provenance import at
from bench.report.text import anchor
from bench.report.words import counted, counters_text, number_word, sentence_case
from bench.results.statistics import OperationStatistics, State, StateComparison, Statistics

TOLD = ("optimize", "full")
"""The states that a picture's title tells of: what D1 advises, and what a full ANALYZE does."""
FLIPPED = "≠"
_MOVES = ("faster", "slower")
_COUNTERS = ("vm_steps", "fullscan_steps", "sorts", "autoindexes")
_OPERATIONS = at("statistics", "operations")
_STATES = at("statistics", "states")


def statistics_section(statistics: Statistics) -> Section:
    """The section on statistics; operations that they move most stand first."""
    return Section("statistics", "What statistics do", "Statistics", tuple(_blocks(statistics)))


def _blocks(statistics: Statistics) -> Iterator[Block]:
    moved = moved_operations(statistics)
    for n, sentence in enumerate(statistics.answers):
        yield Text(sentence, "body" if n else "answer", at("statistics", "answers"))
    if moved:
        yield Figure(
            "statistics",
            f"Operation by state of the statistics: {title(statistics)}. "
            "The table below holds the same figures.",
            at("statistics"),
        )
        yield Table(
            (Column("operation"), *(Column(s.title, "range") for s in statistics.states)),
            tuple(_row(statistics, operation) for operation in moved),
            f"What statistics move; {FLIPPED} marks another plan than without them",
            f"{_OPERATIONS} {_STATES}",
            "evidence",
        )
    if sentence := _still(statistics):
        yield Text(sentence, "small", _OPERATIONS)
    yield _states(statistics)
    if statistics.limits:
        yield Heading("Limits of the matrix")
        yield Bullets(statistics.limits, at("statistics", "limits"))


def _row(statistics: Statistics, operation: OperationStatistics) -> Row:
    source = at("statistics", "operations", statistics.operations.index(operation))
    causes = dict.fromkeys(found.cause for found in operation.comparisons if found.cause)
    below: list[Block] = [Text([Span("Cause.", "strong"), " ", why], "small") for why in causes]
    if _flips(operation):
        plans = Columns(
            [
                [
                    Heading(state.title, source=at("statistics", "states", n)),
                    _plan(statistics, operation, state.name, source),
                ]
                for n, state in enumerate(statistics.states)
                if state.name in operation.states
                and (state.name == statistics.base or operation.states[state.name].flipped)
            ]
        )
        below.append(Details("Plans", (plans,), f"of {operation.title}"))
    return Row(
        [Link(operation.title, anchor(operation.name))],
        [_cell(operation, state.name) for state in statistics.states],
        source,
        below=below,
    )


def _cell(operation: OperationStatistics, state: str) -> Inlines:
    """Time, what it is against no statistics, and whether the plan is another."""
    seen = operation.states.get(state)
    if seen is None:
        return [Span(units.DASH, "aside")]
    time = units.duration(seen.median_ns)
    parts: list[Inline] = [time]
    if seen.flipped:
        parts = [Marked(FLIPPED, "another plan"), Span(time, "strong")]
    comparison = operation.comparison(state)
    if comparison is not None and (text := effect_text(comparison)):
        parts += [" ", Badge(verdict(comparison.verdict), text, line=True)]
    return parts


def _plan(
    statistics: Statistics, operation: OperationStatistics, state: str, source: str
) -> CodeBlock:
    """The plan in one state, its lines marked that the one without statistics lacks."""
    base, seen = operation.states[statistics.base], operation.states[state]
    return CodeBlock(
        [CodeLine(line, state != statistics.base and line not in base.plan) for line in seen.plan],
        note=counters_text(dict(seen), _COUNTERS),
        source=source,
    )


def _states(statistics: Statistics) -> Table:
    def statements(state: State) -> Inlines:
        parts: list[Inline] = []
        for statement in state.statements:
            parts += ["; ", Code(statement)] if parts else [Code(statement)]
        return parts or "none"

    figures = ("took", "rows of statistics", "samples of values")
    return Table(
        (Column("state"), Column("statements"), *(Column(name, "figure") for name in figures)),
        tuple(
            Row(
                state.title,
                [
                    statements(state),
                    units.duration(state.duration_ns or None),
                    units.count(state.rows),
                    units.count(state.samples),
                ],
                at("statistics", "states", n),
            )
            for n, state in enumerate(statistics.states)
        ),
        "The states and what made them",
        _STATES,
    )


def moved_operations(statistics: Statistics) -> list[OperationStatistics]:
    """The operations whose plan or time any statistics change.

    Those whose plan flips stand first, the largest effect on top.
    """

    def weight(operation: OperationStatistics) -> tuple[bool, float]:
        told = [c.speedup for c in operation.comparisons if c.speedup and c.verdict in _MOVES]
        return not _flips(operation), -max((max(s, 1 / s) for s in told), default=1.0)

    return sorted(
        (
            operation
            for operation in statistics.operations
            if _flips(operation) or any(c.verdict in _MOVES for c in operation.comparisons)
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
    told = [state for state in others if state.name in TOLD] or others[:2]
    return sentence_case("; ".join(_told(statistics, state) for state in told))


def _told(statistics: Statistics, state: State) -> str:
    """How many operations the statistics of a state mend and slow."""
    comparisons = [operation.comparison(state.name) for operation in statistics.operations]
    faster, slower = (
        sum(found is not None and found.verdict == word for found in comparisons) for word in _MOVES
    )
    mended = counted(faster, "operation", "operations") if faster else "no operation"
    return f"{state.title} mends {mended}, slows {number_word(slower) if slower else 'none'}"


def _still(statistics: Statistics) -> str:
    """The operations that no statistics move, in one sentence; empty where there are none."""
    moved = moved_operations(statistics)
    still = [operation for operation in statistics.operations if operation not in moved]
    if not still:
        return ""
    named = ", ".join(operation.title for operation in still)
    several = counted(len(still), "operation", "operations")
    return sentence_case(f"{several} keep plan and time whatever is gathered: {named}.")


def effect_text(comparison: StateComparison) -> str:
    """`5.3× slower (5.1 to 5.5)`, or the verdict's word with bare ratios."""
    if comparison.speedup is None:
        return ""
    decided = comparison.verdict in _MOVES
    words = units.effect(comparison.speedup) if decided else comparison.verdict
    if comparison.ci95 is None:
        return words
    low, high = comparison.ci95
    if decided:
        return f"{words} ({units.effect_interval(comparison.speedup, low, high)})"
    return f"{words} ({units.span(low, high)}×)"
