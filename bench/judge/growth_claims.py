"""A promise about how an operation grows with the data: the exponent of its steps.

SQLite's steps are counted, not timed, so such a claim is cheap and firm enough to gate on.
"""

from __future__ import annotations

from bench.judge.format import digits_apart, significant, span
from bench.judge.records import ClaimVerdict, Finding
from bench.results.claims import ClaimPart
from bench.results.growth import Growth
from bench.study import Claim

UNIT = "exponent"


def growth(claim: Claim, document: Growth | None) -> Finding:
    """The finding on a claim of kind "growth".

    `confirmed` the interval of the exponent ends within the promised range or below it,
    `refuted` it lies wholly above, `inconclusive` where it does not decide. A claim on several
    operations is as good as its worst: the one whose interval reaches highest.
    """
    if document is None:
        return Finding(
            "inconclusive",
            "The run tells no growth; measure it with `resale-bench evidence --run RUN --parts "
            "growth`.",
            UNIT,
            evidence=claim.operations,
        )
    parts = [_part(claim, name, document) for name in claim.operations]
    order: tuple[ClaimVerdict, ...] = ("refuted", "inconclusive", "confirmed")
    verdict = min((part.verdict for part in parts), key=order.index)
    reach = {
        part.ci95[1]: part for part in parts if part.verdict == verdict and part.ci95 is not None
    }
    chosen = reach[max(reach)] if reach else None
    return Finding(
        verdict,
        _reason(claim, verdict, chosen),
        UNIT,
        measured=None if chosen is None else chosen.measured,
        ci95=None if chosen is None else chosen.ci95,
        operations=tuple(parts),
        evidence=claim.operations,
    )


def _part(claim: Claim, name: str, document: Growth) -> ClaimPart:
    assert claim.expected is not None  # the study's own check
    arms = next((entry.arms for entry in document.operations if entry.name == name), {})
    grown = arms.get(claim.arm or "")
    if grown is None or grown.steps_ci95 is None:
        problem = f"its growth on {claim.arm} was not measured"
        return ClaimPart(name=name, verdict="inconclusive", problem=problem)
    low, high = grown.steps_ci95
    most = claim.expected[1]
    verdict: ClaimVerdict = (
        "confirmed" if high <= most else "refuted" if low > most else "inconclusive"
    )
    return ClaimPart(name=name, measured=grown.steps_exponent, ci95=(low, high), verdict=verdict)


def _reason(claim: Claim, verdict: ClaimVerdict, part: ClaimPart | None) -> str:
    assert claim.expected is not None  # the study's own check
    ci95 = None if part is None else part.ci95
    digits = 3 if ci95 is None else digits_apart(ci95, claim.expected)
    promised = f"an exponent of {span(*claim.expected, digits)} was promised"
    if part is None or part.measured is None or ci95 is None:
        return f"The growth of {', '.join(claim.operations)} was not measured; {promised}."
    low, high = ci95
    found = (
        f"the steps of {part.name} grow with the exponent {significant(part.measured)} of "
        f"the data (95 % interval {significant(low, digits)} to {significant(high, digits)})"
    )
    ending = {
        "confirmed": "which keeps it",
        "refuted": "which is beyond it",
        "inconclusive": "which does not decide",
    }[verdict]
    return f"{found[0].upper()}{found[1:]}; {promised}, {ending}."
