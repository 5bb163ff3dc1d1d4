"""What every format shows of capacity.json: what rate each arm holds at each size.

Room show: takes the judged document apart into flat records; nothing is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.errors import BenchError
from bench.report import palette, units
from bench.show.report import Document, Report
from bench.show.view import arm_label


@dataclass(frozen=True, slots=True)
class ProbeView:
    """One rate that was offered; times in nanoseconds."""

    rate_per_second: float
    p50_ns: float | None
    p99_ns: float | None
    error_share: float | None
    late: int
    cpu_share: float | None
    held: bool
    valid: bool


@dataclass(frozen=True, slots=True)
class PointView:
    """One arm at one size; rates are requests per second.

    `holds` is None where not even the lowest rate held the level, which is `lowest`; where no
    valid probe failed either, as when the generator fell behind, nothing is known.
    """

    arm: str
    label: str
    products: int
    events: int
    needed: float | None
    holds: float | None
    at_least: bool
    at_most: bool
    limited_by: str
    probes: tuple[ProbeView, ...]

    @property
    def lowest(self) -> float | None:
        """The lowest rate that was offered and not held; what is invalid tells nothing."""
        failed = (p.rate_per_second for p in self.probes if p.valid and not p.held)
        return min(failed, default=None)

    @property
    def words(self) -> str:
        """The rate that it holds, in words."""
        if self.holds is None:
            lowest = self.lowest
            return "not known" if lowest is None else f"below {units.rate(lowest)}"
        if self.at_most:
            return f"at most {units.rate(self.holds)}"
        return f"at least {units.rate(self.holds)}" if self.at_least else units.rate(self.holds)


@dataclass(frozen=True, slots=True)
class SaidView:
    """A sentence of the report under test and what the rates say of it."""

    id: str
    quote: str
    verdict: palette.Verdict
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True)
class CapacityView:
    """Capacity by arm and size, smaller sizes first."""

    level: str
    arms: tuple[str, ...]
    labels: Mapping[str, str]
    points: tuple[PointView, ...]
    claims: tuple[SaidView, ...]
    limits: tuple[str, ...]

    def of(self, arm: str) -> tuple[PointView, ...]:
        """The points of an arm."""
        return tuple(point for point in self.points if point.arm == arm)


def capacity_view(report: Report) -> CapacityView | None:
    """The capacity of a run, None where it was not searched.

    Raises:
        BenchError: capacity.json lacks what is shown.
    """
    if report.capacity is None:
        return None
    document = report.capacity
    try:
        arms = tuple(map(str, document["arms"]))
        points = [_point(report, entry) for entry in document["points"]]
        return CapacityView(
            level=_level(document["service_level"]),
            arms=arms,
            labels={arm: arm_label(report, arm) for arm in arms},
            points=tuple(sorted(points, key=lambda p: (p.products, arms.index(p.arm)))),
            claims=tuple(map(_said, document.get("claims") or ())),
            limits=tuple(map(str, document.get("limits") or ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BenchError(
            f"The document capacity.json cannot be shown ({error!r}); "
            "make it again with `resale-bench capacity`."
        ) from error


def _level(level: Document) -> str:
    quantile = units.significant(float(level["quantile"]) * 100)
    return (
        f"p{quantile} within {units.duration(level['within_ns'])}, "
        f"errors below {units.share(level['errors_below'])}"
    )


def _point(report: Report, entry: Document) -> PointView:
    return PointView(
        arm=str(entry["arm"]),
        label=arm_label(report, str(entry["arm"])),
        products=int(entry["products"]),
        events=int(entry["events"]),
        needed=entry.get("needed_per_second"),
        holds=entry.get("holds_per_second"),
        at_least=bool(entry.get("at_least")),
        at_most=bool(entry.get("at_most")),
        limited_by=str(entry.get("limited_by") or ""),
        probes=tuple(map(_probe, entry.get("probes") or ())),
    )


def _probe(entry: Document) -> ProbeView:
    return ProbeView(
        rate_per_second=float(entry["rate_per_second"]),
        p50_ns=entry.get("p50_ns"),
        p99_ns=entry.get("p99_ns"),
        error_share=entry.get("error_share"),
        late=int(entry.get("late") or 0),
        cpu_share=entry.get("cpu_share"),
        held=bool(entry.get("held")),
        valid=bool(entry.get("valid", True)),
    )


def _said(entry: Document) -> SaidView:
    evidence = entry.get("evidence") or ""
    return SaidView(
        id=str(entry["id"]),
        quote=str(entry["quote"]),
        verdict=palette.verdict(entry["verdict"]),
        reason=str(entry.get("reason") or ""),
        evidence=evidence if isinstance(evidence, str) else "; ".join(map(str, evidence)),
    )
