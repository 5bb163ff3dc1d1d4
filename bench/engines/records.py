"""What engines return to the harness: indexes, statements, statistics, rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Piece:
    """One statement, and the comment lines (without `--`) that stand before it.

    `sql` has every character as the script has it, from the first word to the semicolon.
    """

    comments: tuple[str, ...]
    sql: str


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """What is run of a file, in order; `notes` are sentences on what is not."""

    path: Path
    statements: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One table: `sequence` is its AUTOINCREMENT counter, None without one.

    `foreign_keys` are sentences such as `author references User`, `cascades_from` the tables
    whose deleted rows take rows of this one with them, in small letters.
    """

    rows: int
    sequence: int | None = None
    columns: tuple[str, ...] = ()
    not_null: tuple[str, ...] = ()
    foreign_keys: tuple[str, ...] = ()
    cascades_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a database holds beside its indexes.

    `triggers` are tables by trigger; `views` tell why a view does not work, None where it does;
    `violations` count the rows of a table that refer to rows which are not there, of each table
    whose foreign keys can be checked.
    """

    tables: Mapping[str, TableFacts] = field(default_factory=dict)
    triggers: Mapping[str, str] = field(default_factory=dict)
    views: Mapping[str, str | None] = field(default_factory=dict)
    violations: Mapping[str, int] = field(default_factory=dict)


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


class ScriptError(ValueError):
    """A script that cannot be cut into statements; the text says where it breaks off."""
