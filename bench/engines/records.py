"""What engines return to the harness: indexes, statements, statistics, rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Statistics(Protocol):
    """The planner's statistics of a database at one time; comparable with ==."""

    @property
    def empty(self) -> bool:
        """Whether the planner knows nothing."""

    @property
    def has_samples(self) -> bool:
        """Whether a plan can depend on the values that are bound."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index that a CREATE INDEX made.

    `columns` are in order, an expression as `(expression)`; `condition` is that of a partial one.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    sql: str
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class StatementInfo:
    """What a statement is, without running it.

    `parameters` are their names, None for one that has none. `single` is False where more
    statements follow or it only explains another.
    """

    parameters: tuple[str | None, ...]
    read_only: bool
    single: bool


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """What is run of a file, in order; `notes` are sentences on what is not."""

    path: Path
    statements: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatisticsSpec:
    """One way to gather statistics: a name, words for it, and the statements."""

    name: str
    title: str
    statements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GatheredStatistics:
    """What one way of gathering left.

    `rows` are how many figures the planner got, `samples` how many sampled values, `rows_per_key`
    its estimate of the rows for one value of each index's first column.
    """

    spec: StatisticsSpec
    statistics: Statistics
    duration_ns: int
    rows: int
    samples: int
    rows_per_key: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RowsRead:
    """Between how many rows D1 would count as read: both ends are possible."""

    low: int
    high: int

    @property
    def middle(self) -> int:
        """The middle of both ends, the number to show and to bill."""
        return (self.low + self.high + 1) // 2


@dataclass(frozen=True, slots=True)
class RowsWritten:
    """What one write put down, as D1 counts it: rows by table, entries by index."""

    rows: Mapping[str, int]
    entries: Mapping[str, int]

    @property
    def rows_written(self) -> int:
        """The rows written that D1 counts."""
        return sum(self.rows.values()) + sum(self.entries.values())


class NotCountable(Exception):
    """A statement whose rows cannot be told from outside; the text says which and why."""


class StatementRefused(Exception):
    """A statement that would reach beyond its database; the text says how."""
