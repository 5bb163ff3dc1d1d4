"""gate.json: whether the head is worse than the base, operation by operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from bench.results.model import Document, Interval, Model, PairNoise

GateVerdict = Literal["pass", "regression", "inconclusive", "incomparable"]
OperationVerdict = Literal["regression", "inconclusive", "missing", "new", "improved", "pass"]
TimeVerdict = Literal["pass", "regression", "improved", "inconclusive"]
Layer = Literal["exact", "time"]
Presence = Literal["both", "new", "missing"]


class GateSide(Model):
    """What one side is; hashes are None where nothing is known of them."""

    what: str
    commit: str | None
    dirty: bool
    content_hash: str | None
    sqlite_version: str | None
    python: str | None
    schema_hash: str | None
    arm: str


class CountedExecution(Model):
    """One execution on one side; counters are summed over its `statements`."""

    driver: Literal["http", "sql"]
    statements: int | None
    vm_steps: int
    fullscan_steps: int
    sorts: int
    autoindexes: int
    rows: int
    plan: tuple[str, ...]


class CounterChange(Model):
    """A counter beyond its limit, a share or a number.

    A counter that grew is `traded` where others fell so far that they outweigh it.
    """

    counter: str
    base: int
    head: int
    limit: float
    verdict: Literal["regression", "improved", "traded", "same"]


class ExactComparison(Model):
    """Answers, counters and plans; the pair of executions that changed most stands for all.

    `answers_equal` is None where an answer is not known.
    """

    answers_equal: bool | None
    plan_changed: bool
    base: CountedExecution
    head: CountedExecution
    changes: tuple[CounterChange, ...]


class DifferentRow(Model):
    """A row of both answers in words, None where there is none; `row` is its place from 1."""

    row: int | None
    base: str | None
    head: str | None


class AnswerDifference(Model):
    """How two answers differ: `told` continues "the answers differ", `rows` are the first."""

    kind: Literal["ties", "order", "columns", "types", "values"]
    told: str
    rows: tuple[DifferentRow, ...] = ()
    parameters: str = ""


class PlanPair(Model):
    """The query plans of both sides."""

    base: tuple[str, ...]
    head: tuple[str, ...]


class PlanGroup(Model):
    """The parameter sets that run one pair of plans: an execution, and head / base by time.

    `limit` is the share by which the time may grow.
    """

    parameters: tuple[str, ...]
    draws: int
    plans: PlanPair
    base: CountedExecution | None
    head: CountedExecution | None
    ratio: float | None
    ci95: Interval | None
    limit: float | None
    slower: bool

    @property
    def whose(self) -> str:
        """The parameters in words, of many the first ones."""
        more = self.draws - len(self.parameters)
        return "; ".join(self.parameters) + (f" and {more} more" if more else "")


class TimeComparison(Model):
    """Times of paired rounds; `ratio` is head / base, above 1 the head is slower.

    `alarm` is the interval of the ratio at the level that decides, None for too few rounds.
    `limit` and `noise` are shares. `verdict` is None where the time decides nothing.
    """

    base_median_ns: int
    head_median_ns: int
    ratio: float
    ci95: Interval | None
    alarm: Interval | None
    limit: float
    noise: float
    rounds: int
    generations: int
    ratio_rounds: tuple[float, ...]
    base_rounds_ns: tuple[int, ...]
    head_rounds_ns: tuple[int, ...]
    verdict: TimeVerdict | None


class GatedOperation(Model):
    """One operation; `layer` is what decided, `cost` what a write pays for new indexes."""

    name: str
    title: str
    kind: str
    presence: Presence
    verdict: OperationVerdict
    layer: Layer | None = None
    message: str | None = None
    cause: str | None = None
    cost: str | None = None
    exact: ExactComparison | None = None
    difference: AnswerDifference | None = None
    by_plan: tuple[PlanGroup, ...] | None = None
    time: TimeComparison | None = None


class GateNoise(Model):
    """The noise floor of the run, a share, and what two processes of the base differ by."""

    floor: float
    operations: Mapping[str, PairNoise]


class SchemaChanges(Model):
    """Sentences: what is lost silently, what is taken away as written, and what may be lost."""

    losses: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Seconds(Model):
    """How long the gate took."""

    build: float = 0.0
    measure: float = 0.0
    whole: float = 0.0


class GateSize(Model):
    """How much data both sides hold: `rows` by table, empty where they were not counted.

    `scale` is None for data that was not generated; `seed` is also that of parameters.
    """

    rows: Mapping[str, int] = Field(default_factory=dict)
    bytes: int
    scale: float | None = None
    seed: int


class Gate(Document):
    """The whole document; `reasons` are sentences, the most important first."""

    schema_version: int = 2
    study: str
    verdict: GateVerdict
    exit_code: int
    reasons: tuple[str, ...]
    base: GateSide
    head: GateSide
    size: GateSize
    noise_floor: GateNoise
    operations: tuple[GatedOperation, ...]
    notes: tuple[str, ...]
    seconds: Seconds
    machine: Mapping[str, Any]
    migration: SchemaChanges | None = Field(default=None, exclude_if=lambda value: value is None)

    def with_verdict(self, verdict: OperationVerdict) -> tuple[GatedOperation, ...]:
        """The operations with this verdict."""
        return tuple(operation for operation in self.operations if operation.verdict == verdict)
