"""From a comparison to claims.json: each promise of the report, judged.

Verdicts: `exceeded` the interval lies wholly above the promised range,
`confirmed` inside it or touching it from above its lower end, `short` faster but
wholly below it, `refuted` not faster, `inconclusive` where the interval does not decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.judge.format import digits_apart, effect_interval, measured, significant, span
from bench.judge.growth_claims import growth
from bench.judge.limits import limit
from bench.judge.records import Finding
from bench.results.claims import KEPT, ClaimPart, ClaimVerdict, JudgedClaim
from bench.results.comparison import Comparison, Verdict
from bench.results.growth import Growth
from bench.study import Claim, Study

# A claim is as good as its worst operation. Inconclusive ranks between what is proven to
# fail and what is proven to hold: an undecided part keeps a promise from being kept,
# but never hides a part that is refuted or short.
WORST_FIRST: tuple[ClaimVerdict, ...] = (
    "refuted",
    "short",
    "inconclusive",
    "confirmed",
    "exceeded",
)


def judge_claims(
    study: Study,
    comparison: Comparison,
    facts: Mapping[str, float | None],
    grown: Growth | None = None,
) -> tuple[JudgedClaim, ...]:
    """Every claim of the study, judged; `facts` are those of migration.json.

    `measured` and `ci95` are those of the worst operation: a ratio for
    speedups, nanoseconds for limits (the highest p95, see `bench.judge.limits`), the
    value itself for facts; `unit` says which.
    """
    judges: dict[str, Callable[[Claim], Finding]] = {
        "speedup": lambda claim: _speedup(study, claim, comparison),
        "limit": lambda claim: limit(study, claim, comparison),
        "fact": lambda claim: _fact(claim, facts),
        "growth": lambda claim: growth(claim, grown),
    }
    return tuple(_judged(claim, judges[claim.kind](claim)) for claim in study.claims)


def failed(claims: Sequence[JudgedClaim]) -> list[JudgedClaim]:
    """The claims marked as required that do not hold."""
    return [claim for claim in claims if claim.required and claim.verdict not in KEPT]


def range_verdict(
    low: float, high: float, difference: Verdict, expected: tuple[float, float]
) -> ClaimVerdict:
    """One operation's speedup interval against the promised range.

    `difference` is the comparison's own verdict, which knows the noise floor:
    `same` and `slower` are not faster, and so refute.
    """
    least, most = expected
    if difference in ("same", "slower"):
        return "refuted"
    if difference == "inconclusive":
        return "inconclusive"
    if low > most:
        return "exceeded"
    if low >= least:
        return "confirmed"
    return "short" if high < least else "inconclusive"


def worst(verdicts: Sequence[ClaimVerdict]) -> ClaimVerdict:
    """The verdict of a claim on several operations; of none, `inconclusive`."""
    return min(verdicts, key=WORST_FIRST.index, default="inconclusive")


def _judged(claim: Claim, finding: Finding) -> JudgedClaim:
    return JudgedClaim(
        id=claim.id,
        quote=claim.quote,
        kind=claim.kind,
        arm=claim.arm,
        expected=claim.expected,
        fact=claim.fact,
        limit_ns=claim.limit_ns,
        promise=claim.promise if claim.kind == "limit" else None,
        note=claim.note,
        required=claim.required,
        verdict=finding.verdict,
        reason=finding.reason,
        unit=finding.unit,
        measured=finding.measured,
        ci95=finding.ci95,
        operations=finding.operations,
        evidence=finding.evidence,
    )


def _speedup(study: Study, claim: Claim, comparison: Comparison) -> Finding:
    parts = [_part(study, claim, name, comparison) for name in claim.operations]
    verdict = worst([part.verdict for part in parts])
    deciding = [part for part in parts if part.verdict == verdict]
    timed = {part.speedup: part for part in deciding if part.speedup is not None}
    chosen = timed[min(timed)] if timed else None
    return Finding(
        verdict,
        _speedup_reason(claim, verdict, chosen or deciding[0], len(parts)),
        "ratio",
        measured=None if chosen is None else chosen.speedup,
        ci95=None if chosen is None else chosen.ci95,
        operations=tuple(parts),
        evidence=claim.operations,
    )


def _part(study: Study, claim: Claim, name: str, comparison: Comparison) -> ClaimPart:
    entry = comparison.operation(name)
    pair = None if entry is None else entry.pair(study.base, claim.arm)
    if pair is None:
        problem = "it was not measured on both arms"
        return ClaimPart(name=name, verdict="inconclusive", problem=problem)
    if pair.ci95 is None:
        return ClaimPart(
            name=name, verdict="inconclusive", difference=pair.verdict, problem=pair.cause
        )
    assert claim.expected is not None  # the study's own check
    return ClaimPart(
        name=name,
        speedup=pair.speedup,
        ci95=pair.ci95,
        verdict=range_verdict(*pair.ci95, pair.verdict, claim.expected),
        difference=pair.verdict,
    )


def _speedup_reason(claim: Claim, verdict: ClaimVerdict, part: ClaimPart, of: int) -> str:
    """The verdict in words, with the speedup in the direction that the report shows it in."""
    name = part.name
    assert claim.expected is not None  # the study's own check
    if part.speedup is None or part.ci95 is None:
        return f"{name} could not be judged: {part.problem}."
    low, high = part.ci95
    digits = digits_apart((low, high), claim.expected)
    promised = f"{span(*claim.expected, digits)}× faster"
    interval = effect_interval(part.speedup, low, high, digits)
    figures = f"{measured(part.speedup, low, high)} (95 % interval {interval})"
    among = "" if of == 1 else f", the worst of {of} operations,"
    return f"{name}{among} came out {figures}: {_ending(verdict, promised, part, claim)}."


def _ending(verdict: ClaimVerdict, promised: str, part: ClaimPart, claim: Claim) -> str:
    assert claim.expected is not None  # the study's own check
    if verdict == "inconclusive" and part.difference == "inconclusive":
        below = part.ci95 is not None and part.ci95[1] < claim.expected[0]
        return "too uncertain to call it faster" + (
            f", and wholly below the promised {promised}" if below else f", {promised} was promised"
        )
    return {
        "refuted": f"not faster, where {promised} was promised",
        "short": f"wholly below the promised {promised}",
        "inconclusive": f"which does not decide whether the promised {promised} is reached",
        "confirmed": f"which reaches the promised {promised}",
        "exceeded": f"wholly above the promised {promised}",
    }[verdict]


def _fact(claim: Claim, facts: Mapping[str, float | None]) -> Finding:
    assert claim.fact is not None  # the study's own check
    assert claim.expected is not None  # the study's own check
    value = facts.get(claim.fact)
    name = claim.fact.replace("_", " ")
    if value is None:
        known = f" It knows {', '.join(sorted(facts))}." if facts else ""
        return Finding("inconclusive", f"This run did not find out: {name}.{known}", claim.unit)
    least, most = claim.expected
    digits = digits_apart((value,), claim.expected)
    promised = span(least, most, digits)
    holds = least <= value <= most
    unit = "" if claim.unit == "value" else f" {claim.unit}"
    found = f"{value:,}" if isinstance(value, int) else significant(value, digits)
    reason = f"{name[0].upper()}{name[1:]}: found {found}{unit}, promised {promised}{unit}."
    return Finding("confirmed" if holds else "refuted", reason, claim.unit, measured=value)
