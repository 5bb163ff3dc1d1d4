"""Capacity: which rate to probe next, and what the highest is that holds.

- A probe offers one rate. It holds if the level's quantile of the response time is within the
  limit, errors are below their share, and nothing piles up.
- Chance can make a rate fail that the server holds (the machine stalls), and can hardly make one
  hold that the server does not. So going up takes one probe that held; a narrow failure is
  repeated, and two of three decide. Where half of all requests came too late or went wrong, once
  is enough. The answer is the highest of many rates, which flatters it, so it has to hold twice
  of three times as well.
- A probe that the generator spoilt says nothing of the server. It is repeated once; then its rate
  bounds the search, and the answer is "at least".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.errors import BenchError
from bench.results.capacity import Limit, Probe, ServiceLevel

Status = Literal["open", "once", "held", "failed", "invalid"]

STEP = 2.0
"""The ramp's factor: so far a probe may overload the server, which then has to be waited for."""
WITHIN = 1.1
"""The search ends when the highest rate that held and the lowest that failed are so close."""
LONGEST_S = 40.0
"""No probe is longer than this; it bounds the rates of which a probe can tell something."""
_MOST_ATTEMPTS = 2
"""How often a rate is offered that the generator spoils."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range of rates to search, in requests per second, and where to begin.

    `seconds` is the usual length of a probe, without its warm-up.
    """

    floor: float
    start: float
    ceiling: float
    seconds: float

    def seconds_at(self, rate: float, level: ServiceLevel) -> float:
        """How long a probe of that rate has to be: the usual time, or as its count needs."""
        return min(max(self.seconds, level.least / rate), LONGEST_S)


def bounds_of(level: ServiceLevel, seconds: float, ceiling: float) -> Bounds:
    """The bounds that follow: no rate of which the longest probe could not tell anything.

    The ramp begins at the lowest rate that a probe of the usual length can judge.

    Raises:
        BenchError: the ceiling is below the floor, or `seconds` is no length of a probe.
    """
    if not 1 <= seconds <= LONGEST_S:
        raise BenchError(f"A probe of {seconds:g} s cannot be used; give 1 to {LONGEST_S:g} s.")
    floor = _rounded_up(level.least / LONGEST_S)
    if not floor <= ceiling < 1e6:
        raise BenchError(
            f"A ceiling of {ceiling:g} requests a second cannot be used: below {floor:.3g} even "
            f"{LONGEST_S:g} s have too few requests for the quantile {level.quantile:g}; raise it."
        )
    start = max(floor, _rounded_up(level.least / seconds))
    return Bounds(floor, min(start, ceiling), ceiling, seconds)


def status_of(probes: Sequence[Probe]) -> Status:
    """What the probes of one rate say of it; `open` where one more has to tell."""
    valid = [probe for probe in probes if probe.valid]
    held = sum(probe.held for probe in valid)
    failed = len(valid) - held
    if held >= 2:
        return "held"
    if failed >= 2 or (not held and any(probe.gross for probe in valid)):
        return "failed"
    spoilt = len(probes) - len(valid) >= _MOST_ATTEMPTS
    if held and not failed:
        # A spoilt repetition takes nothing away from the one that held.
        return "held" if spoilt else "once"
    return "invalid" if spoilt else "open"


def statuses(probes: Sequence[Probe]) -> dict[float, Status]:
    """What is known of each rate that was probed, lowest first."""
    rates = sorted({probe.rate_per_second for probe in probes})
    return {
        rate: status_of([probe for probe in probes if probe.rate_per_second == rate])
        for rate in rates
    }


def next_rate(probes: Sequence[Probe], bounds: Bounds) -> float | None:
    """The rate to probe next, given all probes so far; None when the search is over.

    Up from the start by doubling (or down to the floor by halves), then bisection in the
    logarithm of the rate until the bracket is within 10 %, then the answer once more.
    """
    known = statuses(probes)
    for rate, status in known.items():
        if status == "open":
            return rate
    low, high = bracket(known)
    if high is None:
        if low is None:
            return bounds.start
        if low < bounds.ceiling:
            return min(_rounded(low * STEP), bounds.ceiling)
    elif low is None:
        return None if high <= bounds.floor else max(_rounded(high / STEP), bounds.floor)
    elif high > low * WITHIN:
        return _rounded(math.sqrt(low * high))
    return low if known[low] == "once" else None


def bracket(known: dict[float, Status]) -> tuple[float | None, float | None]:
    """The highest rate that held below any that did not, and the lowest that did not."""
    bad = [rate for rate, status in known.items() if status not in ("held", "once")]
    high = min(bad, default=None)
    good = [rate for rate in known if high is None or rate < high]
    return max(good, default=None), high


def _rounded(rate: float) -> float:
    """Three significant digits: a rate that can be read, and still far finer than the search."""
    return float(f"{rate:.3g}")


def _rounded_up(rate: float) -> float:
    digits = 2 - math.floor(math.log10(rate))
    scale = math.pow(10, digits)
    return round(math.ceil(rate * scale) / scale, max(digits, 0))


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search came to; `holds_per_second` is None where no rate held."""

    holds_per_second: float | None
    at_least: bool
    at_most: bool
    limited_by: Limit


def search_result(probes: Sequence[Probe]) -> SearchResult:
    """The answer of a finished search: the rate, and what keeps it from being higher."""
    known = statuses(probes)
    low, high = bracket(known)
    if high is None or known[high] != "failed":
        limit: Limit = "ceiling" if high is None else "generator"
        return SearchResult(low, at_least=low is not None, at_most=False, limited_by=limit)
    if low is None:
        return SearchResult(None, at_least=False, at_most=True, limited_by="floor")
    failures = [
        probe.because
        for probe in probes
        if probe.rate_per_second == high and probe.valid and not probe.held
    ]
    limited: Limit = "errors" if 2 * failures.count("errors") >= len(failures) else "p99"
    return SearchResult(low, at_least=False, at_most=False, limited_by=limited)
