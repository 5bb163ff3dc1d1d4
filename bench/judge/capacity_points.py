"""From probes to capacity.json: one point for each arm and size, and what that says of promises.

A service needs the rate of its busiest hour. A rate that held answers for every lower one: fewer
users of an open system wait less. So the needed rate is probed by itself only where no rate
above it held and none beside it was tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from bench.judge.capacity_search import WITHIN, search_result
from bench.judge.claims import worst
from bench.judge.format import sentence_case, significant
from bench.judge.sizes import rows_text, size_text
from bench.results.capacity import Point, Probe, SizeClaim
from bench.results.claims import ClaimVerdict
from bench.study import Study

# Data up to this factor away from a promise's size counts as of that size.
_SAME_SIZE = 1.1
LIMITS = (
    "The rate is that of the whole mix of requests; another mix has another capacity.",
    "Requests of a probe are shared out among the operations in proportion, so that no probe "
    "has more or fewer of the rare slow ones by chance; which rows they ask for, and when, is "
    "drawn.",
    "Each probe starts the server anew on the same file and lasts some seconds: what would build "
    "up over hours is not in it, nor is folding the write-ahead log into the file.",
    "Player and server share one machine and its memory; there is no network between them.",
    "The needed rate is that of the busiest hour in the data, evenly spread over that hour.",
)


def point_of(
    arm: str,
    scale: float,
    *,
    rows: Mapping[str, int],
    needed_per_second: float,
    probes: Sequence[Probe],
) -> Point:
    """What a finished search of one arm at one size came to."""
    result = search_result(searched(probes))
    held, crashed = at_needed(probes, needed_per_second)
    return Point(
        arm=arm,
        scale=scale,
        rows=rows,
        needed_per_second=needed_per_second,
        needed_held=held,
        needed_crashed=crashed,
        probes=tuple(probes),
        **asdict(result),
    )


def searched(probes: Sequence[Probe]) -> tuple[Probe, ...]:
    """The probes of the search, without those of the needed rate."""
    return tuple(probe for probe in probes if not probe.apart)


def point_words(nouns: Mapping[str, str], point: Point) -> str:
    """A point in one sentence without a full stop; `nouns` are `Study.size`."""
    size = f"{point.arm} at {size_text(nouns, point.rows)}"
    if point.holds_per_second is not None:
        least = "at least " if point.at_least else ""
        holds = f"holds {least}{significant(point.holds_per_second)}/s"
    elif point.limited_by == "generator":
        holds = "could not be probed, since the generator fell behind"
    else:
        rates = (probe.rate_per_second for probe in searched(point.probes))
        holds = f"does not hold {significant(min(rates, default=0.0))}/s"
    return f"{size} {holds} and needs {significant(point.needed_per_second)}/s"


def wants_needed(probes: Sequence[Probe], needed_per_second: float) -> bool:
    """Whether the needed rate still has to be probed: no probe answers for it."""
    return at_needed(probes, needed_per_second) == (None, None) and not any(
        _beside(probe.rate_per_second, needed_per_second) for probe in probes
    )


def at_needed(probes: Sequence[Probe], needed_per_second: float) -> tuple[bool | None, bool | None]:
    """Whether the level holds at the needed rate, and whether the service crashes there.

    A crash is errors beyond the level. None: nothing tells. A rate that held answers for all
    lower ones; what failed at a higher rate tells nothing of this one.
    """
    held = search_result(searched(probes)).holds_per_second
    if held is not None and held * WITHIN >= needed_per_second:
        return True, False
    beside = [p for p in probes if p.valid and _beside(p.rate_per_second, needed_per_second)]
    if not beside:
        return None, None
    failed = [probe for probe in beside if not probe.held]
    if len(failed) * 2 <= len(beside):
        return True, False
    return False, sum(probe.because == "errors" for probe in failed) * 2 > len(failed)


def _beside(rate: float, needed: float) -> bool:
    return needed / WITHIN <= rate <= needed * WITHIN


def claim_verdicts(study: Study, points: Sequence[Point]) -> tuple[SizeClaim, ...]:
    """What the points say of the study's promises of size (claims of the kind "limit").

    A promise to stay "within" is kept where its arm, at its size, holds the level at the needed
    rate. One to go "beyond" has two halves: slow from `at_rows` on, kept where the arm of
    that size does not hold the level at the needed rate; and a crash at `crash_at_rows`, kept
    where errors go beyond the level there. It is as good as its worse half. A promise without a
    size holds for the largest data of its arm that was probed; without `crash_at_rows` it
    promises no crash.
    """
    claims = []
    for claim in study.claims:
        if claim.kind != "limit":
            continue
        arm, rows, crash_rows = claim.arm, claim.at_rows, claim.crash_at_rows
        if claim.promise == "within":
            halves = [_half("fast", arm, rows, study.size, points)]
        else:
            halves = []
            if rows or not crash_rows:
                halves.append(_half("slow", arm, rows, study.size, points))
            if crash_rows:
                halves.append(_half("crash", arm, crash_rows, study.size, points))
        claims.append(
            SizeClaim(
                id=claim.id,
                quote=claim.quote,
                verdict=worst([half.verdict for half in halves]),
                reason=" ".join(half.reason for half in halves),
                evidence=tuple(dict.fromkeys(half.evidence for half in halves if half.evidence)),
            )
        )
    return tuple(claims)


@dataclass(frozen=True, slots=True)
class _Half:
    verdict: ClaimVerdict
    reason: str
    evidence: str = ""


def _half(
    promise: Literal["fast", "slow", "crash"], arm: str, rows: Mapping[str, int],
    nouns: Mapping[str, str], points: Sequence[Point],
) -> _Half:  # fmt: skip
    """Judge the largest point of the arm that has these rows by table; none admits every size."""
    fitting = [
        point
        for point in points
        if point.arm == arm
        and all(
            count / _SAME_SIZE <= point.rows.get(table, 0) <= count * _SAME_SIZE
            for table, count in rows.items()
        )
    ]
    point = max(fitting, key=lambda point: point.scale, default=None)

    def half(verdict: ClaimVerdict, reason: str) -> _Half:
        text = sentence_case(reason) if promise == "fast" else f"{promise.title()}: {reason}"
        return _Half(verdict, text, "" if point is None else point_words(nouns, point))

    words = rows_text(nouns, rows) or ("" if point is None else size_text(nouns, point.rows))
    if point is None:
        where = f"{arm} at {words}" if words else arm
        return half("inconclusive", f"no point of {where} was probed.")
    held, crashed = point.needed_held, point.needed_crashed
    needed = f"the {significant(point.needed_per_second)}/s of its busiest hour"
    if held is None or (promise == "crash" and crashed is None):
        unknown = f"no probe of {point.arm} was valid"
        if any(probe.valid for probe in point.probes):
            unknown = f"the probes cannot tell whether {point.arm} holds {needed}"
        return half("inconclusive", f"at {words} {unknown}.")
    state = f"{'holds' if held else 'does not hold'} the level at {needed}"
    if promise == "crash" and not held:
        errors = "fails with errors" if crashed else "is slow, but without errors beyond the level"
        state = f"{errors} at the rate that it needs"
    kept = {"fast": held, "slow": not held, "crash": crashed}[promise]
    return half("confirmed" if kept else "refuted", f"at {words} {arm} {state}.")
