"""comparison.json: every operation on every arm, and every pair of arms held against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bench.results.model import DatasetSummary, Document, Interval, Model, NoiseFloor

Verdict = Literal["faster", "slower", "same", "inconclusive"]
DECIDED: frozenset[str] = frozenset({"faster", "slower"})
"""The verdicts by which there is a difference."""


class ArmFigures(Model):
    """One arm of an operation; times in nanoseconds, counters of one execution.

    `median_ns` and `ci95_ns` are those of the samples; quantiles are those of all timed
    executions, None where there were too few. Pages and log are a write's alone.
    """

    median_ns: int | None
    ci95_ns: tuple[int, int] | None
    p95_ns: int | None
    p95_ci95_ns: tuple[int, int] | None
    p99_ns: int | None
    max_ns: int | None
    rounds: int
    samples: int
    vm_steps: int | None
    fullscan_steps: int | None
    sorts: int | None
    autoindexes: int | None
    rows: int | None
    pages_read: int | None = None
    pages_written: int | None = None
    log_bytes: int | None = None
    plan: tuple[str, ...]


class Pair(Model):
    """Two arms of one operation; `speedup` is base time / arm time.

    `band` is the share that a difference has to exceed; without a time `cause` says why.
    """

    base: str
    arm: str
    speedup: float | None
    ci95: Interval | None
    verdict: Verdict
    band: float
    ratio_rounds: tuple[float, ...]
    cause: str | None

    @property
    def decided(self) -> bool:
        """Whether it is faster or slower."""
        return self.verdict in DECIDED


class OperationComparison(Model):
    """One operation; `not_measured` gives the reason for each arm that was not timed."""

    name: str
    title: str
    family: str
    kind: Literal["read", "write"]
    http: str
    control: bool
    needs: tuple[str, ...]
    indexes: tuple[str, ...]
    answers_equal: bool
    not_measured: Mapping[str, str]
    arms: Mapping[str, ArmFigures]
    comparisons: tuple[Pair, ...]

    def pair(self, base: str, arm: str) -> Pair | None:
        """The comparison of two arms, None where it was not made."""
        return next((p for p in self.comparisons if (p.base, p.arm) == (base, arm)), None)

    @property
    def answers_differ(self) -> bool:
        """Whether arms gave unlike answers; where none was asked, nothing is known of them."""
        return not self.answers_equal and bool(self.arms or not self.not_measured)


class Comparison(Document):
    """The whole document."""

    schema_version: int = 2
    study: str
    base: str
    judged: str
    minimum_effect: float
    dataset: DatasetSummary
    noise_floor: NoiseFloor
    operations: tuple[OperationComparison, ...]

    def operation(self, name: str) -> OperationComparison | None:
        """The operation of that name."""
        return next((entry for entry in self.operations if entry.name == name), None)

    @property
    def titles(self) -> dict[str, str]:
        """The title of each operation."""
        return {entry.name: entry.title for entry in self.operations}

    @property
    def judged_pairs(self) -> list[tuple[OperationComparison, Pair]]:
        """Base against judged arm, of each operation that both answer."""
        pairs = ((entry, entry.pair(self.base, self.judged)) for entry in self.operations)
        return [(entry, pair) for entry, pair in pairs if pair is not None]
