"""A promise about how an operation grows with the data: the exponent of its steps.

Judging room: no file, no clock, no database may enter, and no randomness. SQLite's steps are
counted, not timed, so such a claim is cheap and firm enough to gate on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.judge.figures import digits_apart, significant, span
from bench.judge.records import ClaimVerdict, result
from bench.results.growth import Growth
from bench.study import Claim

UNIT = "exponent"


def growth(claim: Claim, document: Growth | None) -> dict[str, Any]:
    """The finding on a claim of kind "growth".

    `confirmed` the interval of the exponent ends within the promised range or below it,
    `refuted` it lies wholly above, `inconclusive` where it does not decide. A claim on several
    operations is as good as its worst: the one whose interval reaches highest.
    """
    if document is None:
        return result(
            "inconclusive",
            "The run tells no growth; measure it with `resale-bench evidence --run RUN --parts "
            "growth`.",
            UNIT,
            evidence=claim.operations,
        )
    parts = [_part(claim, name, document) for name in claim.operations]
    known = [part for part in parts if part["ci95"] is not None]
    order: tuple[ClaimVerdict, ...] = ("refuted", "inconclusive", "confirmed")
    verdict = min((part["verdict"] for part in parts), key=order.index)
    deciding = [part for part in known if part["verdict"] == verdict]
    chosen = max(deciding, key=lambda part: float(part["ci95"][1]), default=None)
    return result(
        verdict,
        _reason(claim, verdict, chosen),
        UNIT,
        measured=None if chosen is None else chosen["measured"],
        ci95=None if chosen is None else chosen["ci95"],
        operations=[{**part, "speedup": None, "difference": None} for part in parts],
        evidence=claim.operations,
    )


def _part(claim: Claim, name: str, document: Growth) -> dict[str, Any]:
    assert claim.expected is not None  # the study's own check
    arms = next((entry.arms for entry in document.operations if entry.name == name), {})
    grown = arms.get(claim.arm or "")
    if grown is None or grown.steps_ci95 is None:
        return {
            "name": name, "measured": None, "ci95": None, "verdict": "inconclusive",
            "problem": f"its growth on {claim.arm} was not measured",
        }  # fmt: skip
    low, high = grown.steps_ci95
    most = claim.expected[1]
    verdict = "confirmed" if high <= most else "refuted" if low > most else "inconclusive"
    return {
        "name": name, "measured": grown.steps_exponent, "ci95": [low, high],
        "verdict": verdict, "problem": None,
    }  # fmt: skip


def _reason(claim: Claim, verdict: ClaimVerdict, part: Mapping[str, Any] | None) -> str:
    assert claim.expected is not None  # the study's own check
    digits = 3 if part is None else digits_apart(part["ci95"], claim.expected)
    promised = f"an exponent of {span(*claim.expected, digits)} was promised"
    if part is None:
        return f"The growth of {', '.join(claim.operations)} was not measured; {promised}."
    low, high = part["ci95"]
    found = (
        f"the steps of {part['name']} grow with the exponent {significant(part['measured'])} of "
        f"the data (95 % interval {significant(low, digits)} to {significant(high, digits)})"
    )
    ending = {
        "confirmed": "which keeps it",
        "refuted": "which is beyond it",
        "inconclusive": "which does not decide",
    }[verdict]
    return f"{found[0].upper()}{found[1:]}; {promised}, {ending}."
