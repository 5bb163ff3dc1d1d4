"""What the gate saw of an operation: one execution on one side, and its database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.judge.gate_answers import Answer
from bench.judge.records import Counters
from bench.results.gate import CountedExecution

Driver = Literal["http", "sql"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One execution of an operation on one side, by one driver, with one set of parameters.

    Counters are summed over all `statements` of it. `texts` tells how often each distinct
    statement ran. `answer` is a hash of what was answered; None where it is unknown. `status` is
    HTTP's. `steady` says that a second execution counted and answered the same. `depends` is what
    an answer depends on besides data and parameters; `bag` is the answer's hash whatever the
    order of its rows, None where it is unknown. `refused` is the sentence of a side that could
    not execute it. `took_ns` is the least that an execution took; one that took more than
    `unfinished_s` seconds was broken off, and counts what it did by then. `given` is the answer
    itself, fetched where the sides' differ.
    """

    driver: Driver
    draw: int
    vm_steps: int
    fullscan_steps: int
    sorts: int
    autoindexes: int
    rows: int
    statements: int | None
    answer: str | None
    plan: tuple[str, ...]
    texts: Mapping[str, int] = field(default_factory=dict)
    status: int | None = None
    steady: bool = True
    depends: Literal["chance", "clock"] | None = None
    bag: str | None = None
    refused: str | None = None
    unfinished_s: float | None = None
    took_ns: int = 0
    given: Answer | None = None

    @property
    def counters(self) -> Counters:
        """Its counters, as causes are told from them."""
        return Counters(self.vm_steps, self.fullscan_steps, self.sorts, self.autoindexes, self.rows)

    def counted(self) -> CountedExecution:
        """Return what gate.json holds of it."""
        return CountedExecution(
            driver=self.driver, statements=self.statements, vm_steps=self.vm_steps,
            fullscan_steps=self.fullscan_steps, sorts=self.sorts, autoindexes=self.autoindexes,
            rows=self.rows, plan=self.plan,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Schema:
    """What a side's database holds beside its rows: `indexes` are tables by name of an index."""

    indexes: Mapping[str, str]
    analysed: bool


def schema_notes(schemas: tuple[Schema, Schema]) -> list[str]:
    """What one side's database lacks of the other's indexes and statistics."""
    base, head = schemas
    lacks = [
        f"The head's database lacks the index {name} on {base.indexes[name]}."
        for name in sorted(base.indexes.keys() - head.indexes.keys())
    ]
    adds = [
        f"The head's database has the index {name} on {head.indexes[name]}, which is new."
        for name in sorted(head.indexes.keys() - base.indexes.keys())
    ]
    if base.analysed == head.analysed:
        return lacks + adds
    side = "base" if base.analysed else "head"
    return [*lacks, *adds, f"Only the {side}'s database has statistics (rows in sqlite_stat1)."]
