"""From a comparison to claims.json: each promise of the report, judged.

Verdicts: `exceeded` the interval lies wholly above the promised range, `confirmed` inside it or
touching it from above its lower end, `short` faster but wholly below it, `refuted` not faster,
`inconclusive` where the interval does not decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from bench.judge.format import (
    digits_apart,
    effect_interval,
    measured,
    sentence_case,
    significant,
    span,
)
from bench.judge.limits import Finding, limit
from bench.results.claims import KEPT, ClaimPart, ClaimText, ClaimVerdict, JudgedClaim
from bench.results.comparison import Comparison, Verdict
from bench.results.growth import Growth
from bench.study import Claim, Study

# A claim is as good as its worst operation. Inconclusive ranks between what is proven to fail and
# what is proven to hold: an undecided part keeps a promise from being kept, but never hides a part
# that is refuted or short.
WORST_FIRST: tuple[ClaimVerdict, ...] = (
    "refuted", "short", "inconclusive", "confirmed", "exceeded",
)  # fmt: skip


def judge_claims(
    study: Study,
    comparison: Comparison,
    facts: Mapping[str, float | None],
    grown: Growth | None = None,
) -> tuple[JudgedClaim, ...]:
    """Every claim of the study, judged; `facts` are those of migration.json.

    `measured` and `ci95` are those of the worst operation: a ratio for speedups, nanoseconds for
    limits (the highest p95, see `bench.judge.limits`), the exponent of the steps for growth, the
    value itself for facts; `unit` says which.
    """
    judges: dict[str, Callable[[Claim], Finding]] = {
        "speedup": lambda claim: _speedup(study, claim, comparison),
        "limit": lambda claim: limit(study, claim, comparison),
        "fact": lambda claim: _fact(claim, facts),
        "growth": lambda claim: growth(claim, grown),
    }
    judged = []
    for claim in study.claims:
        promised = dict(ClaimText.model_validate(claim, from_attributes=True))
        if claim.kind != "limit":
            promised["promise"] = None
        judged.append(JudgedClaim(**promised, **asdict(judges[claim.kind](claim))))
    return tuple(judged)


def failed(claims: Sequence[JudgedClaim]) -> list[JudgedClaim]:
    """The claims marked as required that do not hold."""
    return [claim for claim in claims if claim.required and claim.verdict not in KEPT]


def range_verdict(
    low: float, high: float, difference: Verdict, expected: tuple[float, float]
) -> ClaimVerdict:
    """One operation's speedup interval against the promised range.

    `difference` is the comparison's own verdict, which knows the noise floor: `same` and `slower`
    are not faster, and so refute.
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
    return ClaimPart(
        name=name,
        speedup=pair.speedup,
        ci95=pair.ci95,
        verdict=range_verdict(*pair.ci95, pair.verdict, _expected(claim)),
        difference=pair.verdict,
    )


def _expected(claim: Claim) -> tuple[float, float]:
    assert claim.expected is not None  # the study's own check
    return claim.expected


def _speedup_reason(claim: Claim, verdict: ClaimVerdict, part: ClaimPart, of: int) -> str:
    """The verdict in words, with the speedup in the direction that the report shows it in."""
    if part.speedup is None or part.ci95 is None:
        return f"{part.name} could not be judged: {part.problem}."
    low, high = part.ci95
    least, most = _expected(claim)
    digits = digits_apart((low, high), (least, most))
    promised = f"{span(least, most, digits)}× faster"
    interval = effect_interval(part.speedup, low, high, digits)
    measured_text = f"{measured(part.speedup, low, high)} (95 % interval {interval})"
    among = "" if of == 1 else f", the worst of {of} operations,"
    conclusion = {
        "refuted": f"not faster, where {promised} was promised",
        "short": f"wholly below the promised {promised}",
        "inconclusive": f"which does not decide whether the promised {promised} is reached",
        "confirmed": f"which reaches the promised {promised}",
        "exceeded": f"wholly above the promised {promised}",
    }[verdict]
    if verdict == "inconclusive" and part.difference == "inconclusive":
        below = f"and wholly below the promised {promised}"
        reached = below if high < least else f"{promised} was promised"
        conclusion = f"too uncertain to call it faster, {reached}"
    return f"{part.name}{among} came out {measured_text}: {conclusion}."


def _fact(claim: Claim, facts: Mapping[str, float | None]) -> Finding:
    assert claim.fact is not None  # the study's own check
    value = facts.get(claim.fact)
    name = claim.fact.replace("_", " ")
    if value is None:
        known = f" It knows {', '.join(sorted(facts))}." if facts else ""
        return Finding("inconclusive", f"This run did not find out: {name}.{known}", claim.unit)
    least, most = _expected(claim)
    digits = digits_apart((value,), (least, most))
    unit = "" if claim.unit == "value" else f" {claim.unit}"
    shown = f"{value:,}" if isinstance(value, int) else significant(value, digits)
    reason = f"{name}: found {shown}{unit}, promised {span(least, most, digits)}{unit}."
    verdict: ClaimVerdict = "confirmed" if least <= value <= most else "refuted"
    return Finding(verdict, sentence_case(reason), claim.unit, measured=value)


def growth(claim: Claim, document: Growth | None) -> Finding:
    """The finding on a claim of kind "growth": on the exponent of SQLite's steps.

    `confirmed` the interval of the exponent ends within the promised range or below it,
    `refuted` it lies wholly above, `inconclusive` where it does not decide. A claim on several
    operations is as good as its worst: the one whose interval reaches highest.
    """
    if document is None:
        return Finding(
            "inconclusive",
            "The run tells no growth; measure it with `resale-bench evidence --run RUN --parts "
            "growth`.",
            "exponent",
            evidence=claim.operations,
        )
    parts = [_growth_part(claim, name, document) for name in claim.operations]
    verdict = worst([part.verdict for part in parts])
    reach = {
        part.ci95[1]: part for part in parts if part.verdict == verdict and part.ci95 is not None
    }
    chosen = reach[max(reach)] if reach else None
    return Finding(
        verdict,
        _growth_reason(claim, verdict, chosen),
        "exponent",
        measured=None if chosen is None else chosen.measured,
        ci95=None if chosen is None else chosen.ci95,
        operations=tuple(parts),
        evidence=claim.operations,
    )


def _growth_part(claim: Claim, name: str, document: Growth) -> ClaimPart:
    arms = next((entry.arms for entry in document.operations if entry.name == name), {})
    grown = arms.get(claim.arm or "")
    if grown is None or grown.steps_ci95 is None:
        problem = f"its growth on {claim.arm} was not measured"
        return ClaimPart(name=name, verdict="inconclusive", problem=problem)
    low, high = grown.steps_ci95
    _, most = _expected(claim)
    verdict: ClaimVerdict = (
        "confirmed" if high <= most else "refuted" if low > most else "inconclusive"
    )
    return ClaimPart(name=name, measured=grown.steps_exponent, ci95=(low, high), verdict=verdict)


def _growth_reason(claim: Claim, verdict: ClaimVerdict, part: ClaimPart | None) -> str:
    expected = _expected(claim)
    ci95 = None if part is None else part.ci95
    digits = 3 if ci95 is None else digits_apart(ci95, expected)
    promised = f"an exponent of {span(*expected, digits)} was promised"
    if part is None or part.measured is None or ci95 is None:
        return f"The growth of {', '.join(claim.operations)} was not measured; {promised}."
    low, high = ci95
    conclusion = {"confirmed": "keeps it", "refuted": "is beyond it"}.get(
        verdict, "does not decide"
    )
    return (
        f"The steps of {part.name} grow with the exponent {significant(part.measured)} of the data "
        f"(95 % interval {significant(low, digits)} to {significant(high, digits)}); {promised}, "
        f"which {conclusion}."
    )
