"""capacity.json: the highest rate of requests that each arm holds, at growing sizes of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from bench.errors import BenchError
from bench.results.claims import ClaimVerdict
from bench.results.load import Invariants, Placement
from bench.results.model import DatasetSummary, Document, Model

Cause = Literal["latency", "errors", "backlog"]
Limit = Literal["p99", "errors", "generator", "ceiling", "floor"]

_CONFIDENCE = 0.95


class ServiceLevel(Model):
    """What a rate must hold: a quantile within a time, errors below a share.

    Raises:
        BenchError: no level that a probe could decide.
    """

    quantile: float = 0.99
    within_ns: int = 250_000_000
    errors_below: float = 0.001

    @model_validator(mode="after")
    def _decidable(self) -> Self:
        if not 0.5 <= self.quantile <= 0.999:
            raise BenchError(
                f"A quantile of {self.quantile:g} cannot be probed; give one from 0.5 to 0.999."
            )
        if self.within_ns <= 0 or not 0 < self.errors_below <= 1:
            raise BenchError(
                "A service level needs a time above 0 and a share of errors above 0 and up to 1."
            )
        return self

    @property
    def least(self) -> int:
        """How many requests a probe needs for its quantile to mean something.

        So many that, were one more in 1 / (1 - quantile) beyond the limit, the chance of seeing
        none at all would be 5 %: quantile ** n = 0.05 (Wilks 1941, one-sided tolerance limits).
        It is 299 for the p99.
        """
        return math.ceil(math.log(1 - _CONFIDENCE) / math.log(self.quantile))


class Probe(Model):
    """One rate, offered once. Times are since due, of good answers only.

    `counted` are the requests after the warm-up. A probe that is not `valid` tells nothing of the
    server: the generator did not offer what it should have, or too little was asked. Two fields are
    for the search alone and not in the JSON: `gross`, that half of the counted requests came too
    late or went wrong, and `apart`, that the rate is the one that is needed.
    """

    rate_per_second: float
    seconds: float
    counted: int
    p50_ns: int | None
    p99_ns: int | None
    level_ns: int | None
    error_share: float
    held: bool
    because: Cause | None
    valid: bool
    invalid_because: str | None
    late: int
    cpu_share: float
    server_cpu_s: float
    gross: bool = Field(default=False, exclude=True)
    apart: bool = Field(default=False, exclude=True)


class Point(Model):
    """One arm at one size, with every probe in the order in which they were made.

    `needed_per_second` is what data of that size is asked for in its busiest hour; whether it is
    held there, or crashes, is None where no probe tells. `holds_per_second` is None where no rate
    held.
    """

    arm: str
    scale: float
    rows: Mapping[str, int]
    needed_per_second: float
    needed_held: bool | None
    needed_crashed: bool | None
    holds_per_second: float | None
    at_least: bool
    at_most: bool
    limited_by: Limit
    probes: tuple[Probe, ...]


class SizeClaim(Model):
    """A sentence of the report under test about size, and what the rates say of it."""

    id: str
    quote: str
    verdict: ClaimVerdict
    reason: str
    evidence: tuple[str, ...]


class CapacityPlan(Model):
    """How rates were offered, and the range that was searched; `seconds` of a usual probe."""

    spacing: str
    seed: int
    warm_up_seconds: float
    connections: int
    timeout_s: float
    floor: float
    start: float
    ceiling: float
    seconds: float
    shares: Mapping[str, float]


class Capacity(Document):
    """The whole document; `datasets` are one for each size."""

    schema_version: int = 2
    study: str
    service_level: ServiceLevel
    arms: tuple[str, ...]
    points: tuple[Point, ...]
    claims: tuple[SizeClaim, ...]
    limits: tuple[str, ...]
    plan: CapacityPlan
    datasets: tuple[DatasetSummary, ...]
    environment: Mapping[str, Any]
    placement: Placement
    invariants: Invariants
