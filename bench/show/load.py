"""What every format shows of load.json: selected, ordered and named once.

Room show: takes the judged document apart into flat records. It sorts and looks
up; every figure in the records stands in the document already. What an invalid
load or a shop with broken rules measured keeps its figures and loses its verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.errors import BenchError
from bench.show.report import Document, Report
from bench.show.view import Range, anchor, arm_label

QUANTILES = ("p50", "p95", "p99", "p999")
LABELS = {"p50": "p50", "p95": "p95", "p99": "p99", "p999": "p99.9"}
ALL = "all"
NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Spread:
    """Quantiles of one latency in nanoseconds, None where there were too few samples."""

    values: Mapping[str, float | None]
    ci95: Mapping[str, Range | None]
    max_ns: float | None
    samples: int


@dataclass(frozen=True, slots=True)
class LaneView:
    """One request on one lane; `counters` are averages per request, by name."""

    name: str
    label: str
    slots: int
    good: int
    requests_per_second: float | None
    errors: Mapping[str, int]
    since_due: Spread
    service: Spread
    counters: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RatioView:
    """One quantile's base time / arm time."""

    quantile: str
    speedup: float | None
    ci95: Range | None
    verdict: str


@dataclass(frozen=True, slots=True)
class RequestView:
    """One kind of request, or all; `verdict` is None where nothing was judged."""

    name: str
    anchor: str
    title: str
    http: str
    lanes: tuple[LaneView, ...]
    ratios: tuple[RatioView, ...]
    verdict: str
    reason: str
    cause: str

    def lane(self, name: str) -> LaneView | None:
        """The lane of that name."""
        return next((lane for lane in self.lanes if lane.name == name), None)

    def ratio(self, quantile: str) -> RatioView | None:
        """The comparison of that quantile."""
        return next((ratio for ratio in self.ratios if ratio.quantile == quantile), None)


@dataclass(frozen=True, slots=True)
class SecondView:
    """One second of a lane or of a class of requests; times in nanoseconds."""

    second: float
    requests_per_second: float | None
    p50_ns: float | None
    p99_ns: float | None
    max_ns: float | None
    errors: int


Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class LoadView:
    """The load comparison.

    `because` says why it is invalid, `violations` which rules of the shop it broke.
    `percentiles` pairs shares with nanoseconds, by lane and request.
    """

    base: str
    arm: str
    labels: Mapping[str, str]
    valid: bool
    because: tuple[str, ...]
    held: bool
    violations: tuple[str, ...]
    plan: Document
    overall: RequestView
    requests: tuple[RequestView, ...]
    percentiles: Mapping[str, Mapping[str, Curve]]
    timeline: Mapping[str, tuple[SecondView, ...]]
    document: Document

    @property
    def judged(self) -> bool:
        """Whether its verdicts count: the load is valid and the shop kept its rules."""
        return self.valid and self.held

    @property
    def lanes(self) -> tuple[str, str]:
        """The compared lanes, base first."""
        return (self.base, self.arm)

    def title(self, name: str) -> str:
        """A request's title."""
        return next((r.title for r in self.requests if r.name == name), name)


def load_view(report: Report) -> LoadView | None:
    """The load comparison of a run, None where none was made.

    Raises:
        BenchError: load.json lacks what is shown.
    """
    if report.load is None:
        return None
    try:
        return _view(report, report.load)
    except (KeyError, TypeError, ValueError) as error:
        raise BenchError(
            f"The document load.json cannot be shown ({error!r}); "
            "make it again with `resale-bench load`."
        ) from error


def _view(report: Report, document: Document) -> LoadView:
    base, arm = str(document["base"]), str(document["arm"])
    rules = document.get("invariants") or {}
    valid, held = bool(document["valid"]), bool(rules.get("held", True))
    titles = titles_of(report)
    judged = document["judged"]
    labels = {lane: arm_label(report, lane) for lane in (base, arm)}

    def request(entry: Document) -> RequestView:
        return _request(entry, labels, titles, judged=valid and held)

    return LoadView(
        base=base,
        arm=arm,
        labels=labels,
        valid=valid,
        because=tuple(map(str, document.get("invalid_because") or ())),
        held=held,
        violations=tuple(map(str, rules.get("violations") or ())),
        plan=document.get("plan") or {},
        overall=request({**judged["overall"], "name": ALL}),
        requests=tuple(sorted(map(request, judged["operations"]), key=_order)),
        percentiles={
            lane: {name: _curve(points) for name, points in found.items()}
            for lane, found in (document.get("percentiles") or {}).items()
        },
        timeline={lane: seconds(found) for lane, found in (document.get("timeline") or {}).items()},
        document=document,
    )


def titles_of(report: Report) -> dict[str, str]:
    """The titles of requests by name, as far as the study has them."""
    known = {
        str(e["name"]): str(e.get("title") or e["name"]) for e in report.comparison["operations"]
    }
    return known | {ALL: "All requests"}


def title_of(name: str, titles: Mapping[str, str]) -> str:
    """A request's title: the study's, else its name in words; `checkout: 409` keeps its answer."""
    stem, colon, answer = name.partition(":")
    words = titles.get(stem, stem.replace("_", " "))
    return f"{words[:1].upper()}{words[1:]}{colon}{answer}"


def _request(
    entry: Document, labels: Mapping[str, str], titles: Mapping[str, str], *, judged: bool
) -> RequestView:
    name = str(entry["name"])
    return RequestView(
        name=name,
        anchor=f"load-{anchor(name)}",
        title=title_of(name, titles),
        http=str(entry.get("http") or ""),
        lanes=tuple(_lane(lane, labels[lane], entry["lanes"][lane]) for lane in labels),
        ratios=tuple(_ratio(found, judged) for found in entry.get("comparisons") or ()),
        verdict=str(entry.get("verdict") or "inconclusive") if judged else NOT_JUDGED,
        reason=str(entry.get("reason") or "") if judged else "",
        cause=str(entry.get("cause") or "") if judged else "",
    )


def _lane(name: str, label: str, entry: Document) -> LaneView:
    counters = entry.get("counters") or {}
    return LaneView(
        name=name,
        label=label,
        slots=int(entry["slots"]),
        good=int(entry["good"]),
        requests_per_second=entry.get("requests_per_second"),
        errors={str(kind): int(n) for kind, n in (entry.get("errors") or {}).items() if n},
        since_due=spread(entry["since_due"]),
        service=spread(entry["service"]),
        counters={str(key): float(n) for key, n in counters.items() if n is not None},
    )


def spread(entry: Document | None) -> Spread:
    """The quantiles of one latency; none at all where there was no good answer."""
    found = entry or {}
    return Spread(
        values={q: found.get(f"{q}_ns") for q in QUANTILES},
        ci95={q: _range(found.get(f"{q}_ci95_ns")) for q in QUANTILES},
        max_ns=found.get("max_ns"),
        samples=int(found.get("samples") or 0),
    )


def _ratio(entry: Document, judged: bool) -> RatioView:
    return RatioView(
        quantile=str(entry["quantile"]),
        speedup=entry.get("speedup") if judged else None,
        ci95=_range(entry.get("ci95")) if judged else None,
        verdict=str(entry.get("verdict") or "inconclusive") if judged else NOT_JUDGED,
    )


def _range(value: Any) -> Range | None:
    if value is None or len(value) != 2 or None in value:
        return None
    return (float(value[0]), float(value[1]))


def _curve(points: Iterable[tuple[float, float]]) -> Curve:
    return tuple((float(share), float(ns)) for share, ns in points if ns)


def seconds(entries: Iterable[Mapping[str, Any]]) -> tuple[SecondView, ...]:
    """A timeline's entries in the order of time."""
    found = (
        SecondView(
            second=float(entry["second"]),
            requests_per_second=entry.get("requests_per_second"),
            p50_ns=entry.get("p50_ns"),
            p99_ns=entry.get("p99_ns"),
            max_ns=entry.get("max_ns"),
            errors=int(entry.get("errors") or 0),
        )
        for entry in entries
    )
    return tuple(sorted(found, key=lambda entry: entry.second))


_RANKS = {"slower": 0, "faster": 1, "same": 2}


def _order(request: RequestView) -> tuple[int, float, str]:
    """Slower ones first, then faster ones, each by effect; what does not decide comes last."""
    return (_RANKS.get(request.verdict, 3), -effect_size(request), request.name)


def effect_size(request: RequestView) -> float:
    """How far the median moved in either direction, as a logarithm; 0 where that is not known."""
    ratio = request.ratio("p50")
    return abs(math.log(ratio.speedup)) if ratio and ratio.speedup else 0.0


def moved(load: LoadView, most: int = 6) -> tuple[RequestView, ...]:
    """Requests that got slower or faster and have a curve on both lanes, slower ones first."""
    return tuple(
        request
        for request in load.requests
        if request.verdict in ("slower", "faster")
        and all(load.percentiles.get(lane, {}).get(request.name) for lane in load.lanes)
    )[:most]
