"""What is counted of the cost of a migration, as `bench.analysis.cost` fills it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.results.cost import MonthlyTraffic


@dataclass(frozen=True, slots=True)
class ReadCounted:
    """One read operation on one arm: for each parameter set the fewest and the most rows read."""

    operation: str
    arm: str
    rows: tuple[tuple[int, int], ...]

    @property
    def mean(self) -> float:
        """Rows read by one request, on average over the parameter sets: what a bill adds up."""
        return sum(low + high for low, high in self.rows) / (2 * len(self.rows))

    @property
    def bounds(self) -> tuple[float, float]:
        """The same with the fewest, and with the most rows of each parameter set."""
        count = len(self.rows)
        return sum(low for low, _ in self.rows) / count, sum(high for _, high in self.rows) / count


@dataclass(frozen=True, slots=True)
class WriteCounted:
    """One write operation on one arm: for each set its rows, and the entries of each index."""

    operation: str
    arm: str
    rows: tuple[int, ...]
    entries: tuple[Mapping[str, int], ...]

    @property
    def mean(self) -> float:
        """Rows written by one request, entries of indexes included, on average over the sets."""
        return sum(self.rows) / len(self.rows) + sum(
            sum(entries.values()) for entries in self.entries
        ) / len(self.entries)

    def entries_of(self, index: str) -> float:
        """Entries that one request puts into an index, on average over the parameter sets."""
        return sum(entries.get(index, 0) for entries in self.entries) / len(self.entries)


@dataclass(frozen=True, slots=True)
class IndexCounted:
    """One index of a migration: its table, and the rows that it takes by now."""

    name: str
    table: str
    arm: str
    rows: int


@dataclass(frozen=True, slots=True)
class CostRecord:
    """All that was counted of what a migration costs.

    `stored_bytes` is each arm's whole database; `not_counted` says by operation and arm why a
    read has no number; `traffic` is what the data itself tells.
    """

    page_bytes: int
    reads: tuple[ReadCounted, ...]
    writes: tuple[WriteCounted, ...]
    indexes: tuple[IndexCounted, ...]
    stored_bytes: Mapping[str, int]
    not_counted: Mapping[tuple[str, str], str]
    traffic: MonthlyTraffic
