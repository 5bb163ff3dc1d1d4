"""live.json: a migration that ran while the service was up, in one strategy or several.

Seconds count from the start of the load; response times count from when a request was due.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from bench.results.load import LatencyQuantiles, Placement
from bench.results.model import DatasetSummary, Document, Model


class WriteProbe(Model):
    """The write that is sent evenly besides, so that an outage of writes is seen."""

    operation: str
    rate_per_second: float
    spacing: str


class Plan(Model):
    """The load that was planned; `shares` are those of each operation, `without` left out."""

    rate_per_second: float
    spacing: str
    write_probe: WriteProbe
    seconds_before: float
    seconds_after: float
    seconds_of_tape: float
    seed: int
    slots: int
    tape_digest: str
    families: tuple[str, ...]
    connections: int
    timeout_s: float
    shares: Mapping[str, float]
    without: tuple[str, ...]


class Statement(Model):
    """One statement of the migration; it waited for the write lock from `asked_s` to `begun_s`."""

    object: str
    kind: str
    sql: str
    asked_s: float
    begun_s: float
    ended_s: float
    file_growth_bytes: int
    wal_peak_bytes: int


class Second(Model):
    """Good answers that came in one second, and what became of the requests due in it."""

    second: int
    requests_per_second: int
    p50_ns: int | None
    p99_ns: int | None
    max_ns: int | None
    errors: int


class Phases(Model):
    """Requests that were due before, while and after the migration ran: all, reads or writes."""

    name: str
    before: LatencyQuantiles
    during: LatencyQuantiles
    after: LatencyQuantiles
    errors_during: Mapping[str, int]


class OperationPhases(Phases):
    """The same of one operation."""

    kind: Literal["read", "write"]


class Outage(Model):
    """An interval in which requests were due and none was acknowledged."""

    begun_s: float
    ended_s: float


class FileSizes(Model):
    """Length of the log and of the database file at one moment."""

    at_s: float
    wal_bytes: int
    file_bytes: int


class Generator(Model):
    """How the load generator kept to the schedule; `late` and `missed` count requests."""

    slots: int
    late: int
    missed: int
    cpu_share: float
    behind_p99_ns: int
    connections: int


class Invariants(Model):
    """What was checked after the migration, in words, and what did not hold, in sentences."""

    held: bool
    violations: tuple[str, ...]
    checked: tuple[str, ...]


class Execution(Model):
    """A strategy and how the migration ran in it; `settings` are SQLite's and the strategy's."""

    name: str
    title: str
    settings: Mapping[str, Any]
    statements: tuple[Statement, ...]
    begun_s: float
    ended_s: float

    @property
    def duration_ns(self) -> int:
        """How long the migration ran."""
        return round((self.ended_s - self.begun_s) * 1e9)


class Impact(Model):
    """What clients got of the service meanwhile.

    `timeline` and `classes` are those of "all", "reads" and "writes". `writes_stopped_ns` is
    the sum of the outages of writes that have a moment in common with the migration.
    """

    timeline: Mapping[str, tuple[Second, ...]]
    classes: tuple[Phases, ...]
    operations: tuple[OperationPhases, ...]
    longest_write_stall_ns: int
    longest_read_stall_ns: int
    write_stalls: tuple[Outage, ...]
    read_stalls: tuple[Outage, ...]
    writes_stopped_ns: int
    reads_stopped_ns: int
    longest_write_wait_ns: int
    longest_read_wait_ns: int
    writes_during: int
    writes_failed_during: int
    reads_during: int
    reads_failed_during: int
    errors: Mapping[str, int]
    unserved: int

    def phases(self, name: str) -> Phases:
        """Return the figures of all requests, of the reads or of the writes."""
        return next(phases for phases in self.classes if phases.name == name)


class Strategy(Impact, Execution):
    """One strategy to run the migration, and its impact; the fields of Execution come first."""

    wal_peak_bytes: int
    file_bytes_before: int
    file_bytes_after: int
    sizes: tuple[FileSizes, ...]
    generator: Generator
    valid: bool
    invalid_because: tuple[str, ...]
    invariants: Invariants

    @property
    def counts(self) -> bool:
        """Whether its figures count: the load was valid, and every rule of the study held."""
        return self.valid and self.invariants.held


class OnlineMigration(Document):
    """The whole document; `study`, `dataset` and `environment` stand in run.json within a run."""

    schema_version: int = 2
    plan: Plan
    placement: Placement
    ways: tuple[Strategy, ...]
    answer: str
    valid: bool
    invalid_because: tuple[str, ...]
    held: bool
    limits: tuple[str, ...]
    study: str | None = None
    dataset: DatasetSummary | None = None
    environment: Mapping[str, Any] | None = None
