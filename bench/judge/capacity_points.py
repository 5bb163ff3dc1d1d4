"""From probes to capacity.json: one point for each arm and size, and what that says of promises.

`bench.judge.capacity_search` says how a rate is found.

A shop needs the rate of its busiest hour. A rate that held answers for every lower one: fewer
visitors of an open system wait less. So the needed rate is probed by itself only where no rate
above it held and none beside it was tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.judge.capacity_search import WITHIN, found
from bench.judge.claims import worst
from bench.judge.format import significant
from bench.judge.records import ClaimVerdict
from bench.results.capacity import Point, Probe, SizeClaim
from bench.study import Claim, Study

# A shop up to this factor away from a promise's size counts as of that size.
_SAME_SIZE = 1.1
LIMITS = (
    "The rate is that of the whole mix of visitors; another mix has another capacity.",
    "Requests of a probe are shared out among the operations in proportion, so that no probe "
    "has more or fewer of the rare slow ones by chance; which rows they ask for, and when, is "
    "drawn.",
    "Each probe starts the server anew on the same file and lasts some seconds: what would build "
    "up over hours is not in it, nor is folding the write-ahead log into the file.",
    "A small shop has few open offers and few goods: at a high rate the same ones are asked for "
    "again, and refused in order (409).",
    "Player and server share one machine and its memory; there is no network between them.",
    "The needed rate is that of the busiest hour of the seeded year, evenly spread over that "
    "hour; a sale or a bot may ask for more.",
)


def point_of(
    arm: str,
    scale: float,
    *,
    products: int,
    events: int,
    needed_per_second: float,
    probes: Sequence[Probe],
) -> Point:
    """What a finished search of one arm at one size came to."""
    answer = found(searched(probes))
    held, crashed = at_needed(probes, needed_per_second)
    return Point(
        arm=arm,
        scale=scale,
        products=products,
        events=events,
        needed_per_second=needed_per_second,
        needed_held=held,
        needed_crashed=crashed,
        holds_per_second=answer.holds_per_second,
        at_least=answer.at_least,
        at_most=answer.at_most,
        limited_by=answer.limited_by,
        probes=tuple(probes),
    )


def searched(probes: Sequence[Probe]) -> tuple[Probe, ...]:
    """The probes of the search, without those of the needed rate."""
    return tuple(probe for probe in probes if not probe.apart)


def point_words(point: Point) -> str:
    """A point in one sentence without a full stop."""
    size = f"{point.arm} at {point.products:,} products and {point.events:,} events"
    if point.holds_per_second is not None:
        least = "at least " if point.at_least else ""
        holds = f"holds {least}{significant(point.holds_per_second)}/s"
    elif point.limited_by == "generator":
        holds = "could not be probed, since the generator fell behind"
    else:
        rates = (probe.rate_per_second for probe in searched(point.probes))
        holds = f"does not hold {significant(min(rates, default=0.0))}/s"
    return f"{size} {holds} and needs {significant(point.needed_per_second)}/s"


def needed_per_second(events_in_busiest_hour: int, batches: float, batch: int) -> float:
    """Requests per second of a shop's busiest hour.

    Pages tell their events in batches: of `rate` requests a second the share `batches` are
    such, with `batch` events each, so that rate * batches * batch events are written a second.
    In the busiest hour that is its events / 3600, which gives the rate.
    """
    return events_in_busiest_hour / 3600 / (batches * batch)


def wants_needed(probes: Sequence[Probe], needed_per_second: float) -> bool:
    """Whether the needed rate still has to be probed: no probe answers for it."""
    return at_needed(probes, needed_per_second) == (None, None) and not any(
        _beside(probe.rate_per_second, needed_per_second) for probe in probes
    )


def at_needed(probes: Sequence[Probe], needed_per_second: float) -> tuple[bool | None, bool | None]:
    """Whether the level holds at the needed rate, and whether the shop crashes there.

    A crash is errors beyond the level. None: nothing tells. A rate that held answers for all
    lower ones; what failed at a higher rate tells nothing of this one.
    """
    answer = found(searched(probes)).holds_per_second
    if answer is not None and answer * WITHIN >= needed_per_second:
        return True, False
    beside = [
        probe
        for probe in probes
        if probe.valid and _beside(probe.rate_per_second, needed_per_second)
    ]
    if not beside:
        return None, None
    failed = [probe for probe in beside if not probe.held]
    if len(failed) * 2 > len(beside):
        crashed = sum(probe.because == "errors" for probe in failed) * 2 > len(failed)
        return False, crashed
    return True, False


def _beside(rate: float, needed: float) -> bool:
    return needed / WITHIN <= rate <= needed * WITHIN


def claim_verdicts(study: Study, points: Sequence[Point]) -> tuple[SizeClaim, ...]:
    """What the points say of the study's promises of size (claims of the kind "limit").

    A promise to stay "within" is kept where its arm, at its size, holds the level at the needed
    rate. One to go "beyond" has two halves: slow from `at_products` on, kept where the arm of
    that many products does not hold the level at the needed rate; and a crash at `at_events`,
    kept where errors go beyond the level there. It is as good as its worse half. A promise
    without a size holds for the largest shop of its arm that was probed; without `at_events` it
    promises no crash.
    """
    said = []
    for claim in study.claims:
        if claim.kind != "limit":
            continue
        halves = _slow_and_crash(claim, points) if claim.promise == "beyond" else [
            _fast(claim, points)
        ]  # fmt: skip
        said.append(
            SizeClaim(
                id=claim.id,
                quote=claim.quote,
                verdict=worst([half.verdict for half in halves]),
                reason=" ".join(half.reason for half in halves),
                evidence=tuple(dict.fromkeys(half.evidence for half in halves if half.evidence)),
            )
        )
    return tuple(said)


@dataclass(frozen=True, slots=True)
class _Half:
    verdict: ClaimVerdict
    reason: str
    evidence: str = ""


def _fast(claim: Claim, points: Sequence[Point]) -> _Half:
    point = _sized(claim, points, products=claim.at_products, events=claim.at_events)
    size = _size(point, products=claim.at_products, events=claim.at_events)
    if point is None:
        return _Half("inconclusive", f"No point of {claim.arm}{size and ' at '}{size} was probed.")
    held = point.needed_held
    if held is None:
        return _Half("inconclusive", f"At {size} {_unknown(point)}.", point_words(point))
    verdict: ClaimVerdict = "confirmed" if held else "refuted"
    return _Half(verdict, f"At {size} {claim.arm} {_level(held, point)}.", point_words(point))


def _slow_and_crash(claim: Claim, points: Sequence[Point]) -> list[_Half]:
    halves = []
    if claim.at_products or not claim.at_events:
        halves.append(_half(claim, points, products=claim.at_products))
    if claim.at_events:
        halves.append(_half(claim, points, events=claim.at_events))
    return halves


def _half(claim: Claim, points: Sequence[Point], *, products: int = 0, events: int = 0) -> _Half:
    """A crash is promised at so many events, slowness at so many products."""
    crash = events > 0
    what = "Crash" if crash else "Slow"
    point = _sized(claim, points, products=products, events=events)
    size = _size(point, products=products, events=events)
    if point is None:
        where = f"{claim.arm}{size and ' at '}{size}"
        return _Half("inconclusive", f"{what}: no point of {where} was probed.")
    held, crashed = point.needed_held, point.needed_crashed
    promised = crashed if crash else None if held is None else not held
    if promised is None or held is None:
        return _Half("inconclusive", f"{what}: at {size} {_unknown(point)}.", point_words(point))
    told = _level(held, point)
    if crash and not held:
        told = "fails with errors" if crashed else "is slow, but without errors beyond the level"
        told += " at the rate that it needs"
    verdict: ClaimVerdict = "confirmed" if promised else "refuted"
    return _Half(verdict, f"{what}: at {size} {claim.arm} {told}.", point_words(point))


def _level(held: bool, point: Point) -> str:
    holds = "holds the level" if held else "does not hold the level"
    return f"{holds} at the {significant(point.needed_per_second)}/s of its busiest hour"


def _unknown(point: Point) -> str:
    if any(probe.valid for probe in point.probes):
        return (
            f"the probes cannot tell whether {point.arm} holds the "
            f"{significant(point.needed_per_second)}/s of its busiest hour"
        )
    return f"no probe of {point.arm} was valid"


def _sized(claim: Claim, points: Sequence[Point], *, products: int, events: int) -> Point | None:
    """The arm's largest point of that size; 0 admits every size."""
    found = [
        point
        for point in points
        if point.arm == claim.arm
        and (products == 0 or _same(point.products, products))
        and (events == 0 or _same(point.events, events))
    ]
    return max(found, key=lambda point: (point.products, point.events), default=None)


def _size(point: Point | None, *, products: int, events: int) -> str:
    """The size that is promised in words, else the point's own; empty where there is neither."""
    if not (products or events):
        if point is None:
            return ""
        products, events = point.products, point.events
    named = ((products, "products"), (events, "events"))
    return " and ".join(f"{count:,} {what}" for count, what in named if count)


def _same(size: int, promised: int) -> bool:
    return promised / _SAME_SIZE <= size <= promised * _SAME_SIZE
