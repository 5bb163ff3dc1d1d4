"""load.json: two arms under the same requests at the same rate, and what that shows.

Times are in nanoseconds since a request was due, so that waiting for the server counts; service
time, from when it was sent, stands beside them. The two `lanes` are the base and the arm; an arm
that is compared with itself has "before" and "before (again)".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from bench.results.comparison import Verdict
from bench.results.model import DatasetSummary, Document, Interval, Model, PairNoise

Quantile = Literal["p50", "p95", "p99", "p999"]
Curve = tuple[tuple[float, int], ...]
"""Latencies by share of requests: (share, nanoseconds), smaller shares first."""

ALL = "all"
"""The name under which all requests together stand."""


class LatencyQuantiles(Model):
    """Quantiles of one time with 95 % intervals; None where too few samples tell them."""

    p50_ns: int | None
    p50_ci95_ns: tuple[int, int] | None
    p95_ns: int | None
    p95_ci95_ns: tuple[int, int] | None
    p99_ns: int | None
    p99_ci95_ns: tuple[int, int] | None
    p999_ns: int | None
    p999_ci95_ns: tuple[int, int] | None
    max_ns: int | None
    samples: int

    def value(self, quantile: str) -> int | None:
        """Return the quantile of that name, such as p99."""
        value_ns: int | None = getattr(self, f"{quantile}_ns")
        return value_ns

    def interval(self, quantile: str) -> tuple[int, int] | None:
        """Return that quantile's interval."""
        interval_ns: tuple[int, int] | None = getattr(self, f"{quantile}_ci95_ns")
        return interval_ns


class SeriesFigures(Model):
    """One kind of request on one series.

    `slots` were due; `good` got a good answer, and the others are counted in `errors` by kind.
    `counters` are the application's averages of one request, None where it did not count.
    """

    slots: int
    good: int
    requests_per_second: float | None
    errors: Mapping[str, int]
    since_due: LatencyQuantiles
    service: LatencyQuantiles
    counters: Mapping[str, float] | None


class QuantileComparison(Model):
    """One quantile's base time / arm time.

    `band` is the share that a difference had to exceed, `reason` why there is no verdict.
    """

    quantile: Quantile
    speedup: float | None
    ci95: Interval | None
    verdict: Verdict
    band: float | None
    reason: str | None


class RequestLoad(Model):
    """One kind of request, or all; the verdict is that of the median."""

    name: str
    http: str | None
    lanes: Mapping[str, SeriesFigures]
    comparisons: tuple[QuantileComparison, ...]
    verdict: Verdict
    reason: str | None
    cause: str | None

    def comparison(self, quantile: str) -> QuantileComparison | None:
        """Return that quantile's comparison."""
        return next((entry for entry in self.comparisons if entry.quantile == quantile), None)


class ControlPair(PairNoise):
    """What one series differed by from itself: the A/A control of one kind of request."""

    rounds: tuple[float, ...]


class Noise(Model):
    """The A/A controls of one quantile; None where nothing tells them."""

    floor: float | None
    ci95: Interval | None
    worst_operation: str | None
    worst_floor: float | None
    operations: Mapping[str, ControlPair]


class NoiseFloor(Noise):
    """The noise of the median, and that of each quantile."""

    quantiles: Mapping[str, Noise]


class JudgedLoad(Model):
    """All that is judged: all requests together, and each kind of request."""

    noise_floor: NoiseFloor
    overall: RequestLoad
    operations: tuple[RequestLoad, ...]


class LoadPlan(Model):
    """What was offered to each series, `shares` by kind of request; `without` was not asked."""

    rate_per_second: float
    seconds: float
    warm_up_seconds: float
    groups: int
    spacing: str
    seed: int
    connections: int
    timeout_s: float
    families: tuple[str, ...]
    slots_per_block: int
    tape_digests: tuple[str, ...]
    shares: Mapping[str, float]
    without: tuple[str, ...]


class Placement(Model):
    """The cores of generator and servers; None where there is only one for all."""

    player_core: int | None
    server_cores: tuple[int, ...] | None


class GeneratorOverhead(Model):
    """What it takes the generator to ask an endpoint that does nothing."""

    rate_per_second: float
    p50_ns: int
    p99_ns: int
    service_p50_ns: int
    service_p99_ns: int
    behind_p50_ns: int
    behind_p99_ns: int
    cpu_ns_per_request: int
    cpu_share: float


class Generator(Model):
    """Whether the generator kept up: its share of a core, and requests sent late or never."""

    own_cost: GeneratorOverhead
    cpu_share_max: float
    late: int
    missed: int


class Invariants(Model):
    """Whether the study's rules held afterwards; `checked` counts the rules asked."""

    held: bool
    violations: tuple[str, ...]
    checked: int


class BlockFigures(Model):
    """One schedule sent once to one series' server; `begun_s` counts from the first block."""

    arm: str
    group: int
    place: int
    begun_s: float
    seconds: float
    requests_per_second: float
    errors: Mapping[str, int]
    late: int
    missed: int
    cpu_share: float
    server_cpu_s: float
    log_bytes: int


class TimelineSecond(Model):
    """One second since the blocks of a series began: medians over its blocks."""

    second: int
    requests_per_second: float
    p50_ns: int | None
    p99_ns: int | None
    errors: float


class Load(Document):
    """The whole document; `percentiles` by series and kind of request, `timeline` by series."""

    schema_version: int = 2
    study: str
    base: str
    arm: str
    plan: LoadPlan
    dataset: DatasetSummary
    environment: Mapping[str, Any]
    placement: Placement
    generator: Generator
    valid: bool
    invalid_because: tuple[str, ...]
    invariants: Invariants
    blocks: tuple[BlockFigures, ...]
    judged: JudgedLoad
    percentiles: Mapping[str, Mapping[str, Curve]]
    timeline: Mapping[str, tuple[TimelineSecond, ...]]
    limits: tuple[str, ...]

    @property
    def series(self) -> tuple[str, str]:
        """The compared series, the base first."""
        return (self.base, self.arm)

    @property
    def counts(self) -> bool:
        """Whether its verdicts count: the load is valid, and the rules of the study held."""
        return self.valid and self.invariants.held
