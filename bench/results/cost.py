"""cost.json: what each index takes to build, to hold and to keep, and the bill of a month."""

from __future__ import annotations

from collections.abc import Mapping

from bench.results.model import DatasetSummary, Document, Interval, Measured, Model


class Prices(Model):
    """A price list in dollars, and what a month includes; 1 GB is 1e9 bytes."""

    dollars_per_million_rows_read: float
    rows_read_included: int
    dollars_per_million_rows_written: float
    rows_written_included: int
    dollars_per_gb_month: float
    gb_included: float
    source: str


class IndexCost(Model):
    """One index under the first arm that builds it; the log's bytes and rows are derived."""

    name: str
    table: str
    arm: str
    build_ns: int
    bytes: int
    wal_bytes: int
    rows_written: int
    dollars_to_build: float


class IndexTotals(Model):
    """All indexes of one arm's migrations; dropped ones count against those created."""

    build_ns: int
    bytes: int
    wal_bytes: int
    indexes: int


class WriteOnArm(Model):
    """One write on one arm; rows written are means over the parameter sets."""

    median_ns: int | None
    vm_steps: int | None
    rows_written: int | float


class WriteComparison(Model):
    """How one write compares on two arms; `speedup` is base time / arm time."""

    base: str
    arm: str
    speedup: float | None
    ci95: Interval | None
    verdict: str


class WriteCost(Model):
    """One write on every arm."""

    name: str
    title: str
    arms: Mapping[str, WriteOnArm]
    comparisons: tuple[WriteComparison, ...]


class ReadOnArm(Model):
    """Rows that one read touches on one arm: the mean over the parameter sets and its bounds."""

    rows_read: int | float
    rows_read_bounds: tuple[int | float, int | float]
    vm_steps: int | None


class ReadCost(Model):
    """One read on every arm."""

    name: str
    title: str
    arms: Mapping[str, ReadOnArm]


class MonthlyTraffic(Model):
    """Requests a month by operation, and a sentence that says where they come from."""

    requests_per_month: Mapping[str, float]
    source: str


class Bill(Model):
    """What a month costs on one arm."""

    rows_read_per_month: int
    rows_written_per_month: int
    stored_gb: float
    reads_dollars: float
    writes_dollars: float
    storage_dollars: float
    dollars: float


class BreakEven(Model):
    """The read that an index helps most against the write that it taxes most, of one request.

    `reads_for_each_write` is how many reads pay for one write; None where nothing is saved.
    """

    index: str
    operation: str | None
    write: str | None
    rows_read_saved: int | float
    rows_written_more: int | float
    reads_for_each_write: float | None
    sentence: str


class Cost(Document):
    """The whole document; `in_all` and `bill` are by arm."""

    schema_version: int = 2
    study: str
    dataset: DatasetSummary
    prices: Prices
    indexes: tuple[IndexCost, ...]
    in_all: Mapping[str, IndexTotals]
    writes: tuple[WriteCost, ...]
    reads: tuple[ReadCost, ...]
    traffic: MonthlyTraffic
    bill: Mapping[str, Bill]
    not_billed: tuple[str, ...]
    break_even: tuple[BreakEven, ...]
    limits: tuple[str, ...]
    measured: Measured | None = None
