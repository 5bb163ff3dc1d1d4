"""What statistics do: statistics.json as flat records, ordered and worded once.

Room show: every figure stands in the document; nothing is measured or judged here.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.report import palette, units
from bench.show.evidence_parts import (
    counted,
    counters_text,
    number_word,
    range_of,
    reading,
    sentence_case,
)
from bench.show.report import Document, Report
from bench.show.sources import at
from bench.show.view import PlanLine, Range, anchor

TOLD = ("optimize", "full")
"""The states that a picture's title tells of: what D1 advises, and what a full ANALYZE does."""
BASE = "none"
_COUNTERS = ("vm_steps", "fullscan_steps", "sorts", "autoindexes")


@dataclass(frozen=True, slots=True)
class StateView:
    """One state of the planner's statistics and what made it."""

    name: str
    title: str
    statements: tuple[str, ...]
    duration_ns: float | None
    rows: int | None
    samples: int | None
    source: str


@dataclass(frozen=True, slots=True)
class StatedView:
    """One operation in one state; `speedup` is the time without statistics / with these."""

    state: str
    median_ns: float | None
    p95_ns: float | None
    flipped: bool
    plan: tuple[PlanLine, ...]
    counters: str
    speedup: float | None
    ci95: Range | None
    verdict: str
    cause: str

    @property
    def shown(self) -> palette.Verdict:
        """The verdict against no statistics as word, shape and tone."""
        return palette.verdict(self.verdict)

    @property
    def effect_text(self) -> str:
        """`5.3× slower (5.1 to 5.5)`, or the verdict's word with bare ratios."""
        if self.speedup is None:
            return ""
        low, high = self.ci95 or (None, None)
        decided = self.verdict in ("faster", "slower")
        words = units.effect(self.speedup) if decided else self.shown.word
        if low is None or high is None:
            return words
        if decided:
            return f"{words} ({units.effect_interval(self.speedup, low, high)})"
        return f"{words} ({units.span(low, high)}×)"


@dataclass(frozen=True, slots=True)
class RowView:
    """One operation in every state."""

    name: str
    title: str
    kind: str
    states: tuple[StatedView, ...]
    source: str

    @property
    def anchor(self) -> str:
        """The operation's place on the page."""
        return anchor(self.name)

    @property
    def flips(self) -> bool:
        """Whether any statistics change its plan."""
        return any(state.flipped for state in self.states)

    @property
    def moves(self) -> bool:
        """Whether any statistics change its plan or its time."""
        return self.flips or any(s.verdict in ("faster", "slower") for s in self.states)

    @property
    def causes(self) -> tuple[str, ...]:
        """Why it is slower in a state, each cause once."""
        return tuple(dict.fromkeys(state.cause for state in self.states if state.cause))

    def state(self, name: str) -> StatedView | None:
        """The operation in the state of that name, None where it was not measured."""
        return next((state for state in self.states if state.state == name), None)


@dataclass(frozen=True, slots=True)
class MatrixView:
    """The whole document; operations that statistics move most first."""

    arm: str
    states: tuple[StateView, ...]
    operations: tuple[RowView, ...]
    answers: tuple[str, ...]
    limits: tuple[str, ...]

    @property
    def moved(self) -> tuple[RowView, ...]:
        """The operations whose plan or time any statistics change."""
        return tuple(row for row in self.operations if row.moves)

    @property
    def still_text(self) -> str:
        """The operations that no statistics move, in one sentence; empty where there are none."""
        still = [row for row in self.operations if not row.moves]
        if not still:
            return ""
        named = ", ".join(row.title for row in still)
        several = counted(len(still), "operation", "operations")
        return sentence_case(f"{several} keep plan and time whatever is gathered: {named}.")

    @property
    def title(self) -> str:
        """What the picture shows, in one sentence without its point."""
        if not self.moved:
            return "Statistics change neither a plan nor a time"
        others = [state for state in self.states if state.name != BASE]
        told = [state for state in others if state.name in TOLD] or others[:2]
        return sentence_case("; ".join(self._told(state) for state in told))

    def _told(self, state: StateView) -> str:
        """How many operations the statistics of a state mend and slow."""
        verdicts = [row.state(state.name) for row in self.operations]
        faster, slower = (
            sum(1 for one in verdicts if one is not None and one.verdict == word)
            for word in ("faster", "slower")
        )
        mended = counted(faster, "operation", "operations") if faster else "no operation"
        return f"{state.title} mends {mended}, slows {number_word(slower) if slower else 'none'}"


def matrix_view(report: Report) -> MatrixView | None:
    """The statistics matrix, None where it was not made.

    Raises:
        BenchError: the document lacks what is shown.
    """
    document = report.statistics
    if document is None:
        return None
    with reading("statistics"):
        rows = [_row(document, entry, n) for n, entry in enumerate(document["operations"])]
        return MatrixView(
            arm=str(document["arm"]),
            states=tuple(_state(entry, n) for n, entry in enumerate(document["states"])),
            operations=tuple(sorted(rows, key=_weight)),
            answers=tuple(document.get("answers") or ()),
            limits=tuple(document.get("limits") or ()),
        )


def _state(entry: Document, n: int) -> StateView:
    return StateView(
        name=str(entry["name"]),
        title=str(entry.get("title") or entry["name"]),
        statements=tuple(map(str, entry.get("statements") or ())),
        duration_ns=entry.get("duration_ns"),
        rows=entry.get("rows"),
        samples=entry.get("samples"),
        source=at("statistics", "states", n),
    )


def _row(document: Document, entry: Document, n: int) -> RowView:
    base = tuple(map(str, (entry["states"].get(BASE) or {}).get("plan") or ()))
    compared = {pair["state"]: pair for pair in entry["comparisons"] if pair["base"] == BASE}
    names = [state["name"] for state in document["states"] if state["name"] in entry["states"]]
    return RowView(
        name=str(entry["name"]),
        title=str(entry.get("title") or entry["name"]),
        kind=str(entry.get("kind") or "read"),
        states=tuple(
            _stated(name, entry["states"][name], compared.get(name) or {}, base) for name in names
        ),
        source=at("statistics", "operations", n),
    )


def _stated(name: str, seen: Document, pair: Document, base: tuple[str, ...]) -> StatedView:
    plan = tuple(map(str, seen.get("plan") or ()))
    return StatedView(
        state=name,
        median_ns=seen.get("median_ns"),
        p95_ns=seen.get("p95_ns"),
        flipped=bool(seen["flipped"]),
        plan=tuple(PlanLine(line, name != BASE and line not in base) for line in plan),
        counters=counters_text(seen, _COUNTERS),
        speedup=pair.get("speedup"),
        ci95=range_of(pair.get("ci95")),
        verdict=str(pair.get("verdict") or ("" if name == BASE else "inconclusive")),
        cause=str(pair.get("cause") or ""),
    )


def _weight(row: RowView) -> tuple[bool, bool, float]:
    """Operations that move first, those whose plan flips on top, the largest effect first."""
    told = [s.speedup for s in row.states if s.speedup and s.verdict in ("faster", "slower")]
    return not row.moves, not row.flips, -max((max(s, 1 / s) for s in told), default=1.0)
