"""From a comparison to claims.json: each promise of the report, judged.

Judging room: no file, no clock, no database may enter, and no randomness.

Verdicts: `exceeded` the interval lies wholly above the promised range,
`confirmed` inside it or touching it from above its lower end, `short` faster but
wholly below it, `refuted` not faster, `inconclusive` where the interval does not decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.judge.figures import digits_apart, effect_interval, measured, significant, span
from bench.judge.growth_claims import growth
from bench.judge.limits import limit
from bench.judge.records import ClaimVerdict, Verdict, result
from bench.results.growth import Growth
from bench.study import Claim, Study

SCHEMA_VERSION = 1

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
KEPT: frozenset[str] = frozenset({"confirmed", "exceeded"})


def claims_document(
    study: Study,
    comparison: Mapping[str, Any],
    facts: Mapping[str, float | None],
    grown: Growth | None = None,
) -> dict[str, Any]:
    """The content of claims.json; `grown` is growth.json, where there is one.

    `comparison` is the content of comparison.json and `facts` are those of migration.json.
    `measured` and `ci95` are those of the worst operation: a ratio for speedups, nanoseconds
    for limits (the highest p95, see `bench.judge.limits`), the value itself for facts; `unit`
    says which.
    """
    judges: dict[str, Callable[[Claim], dict[str, Any]]] = {
        "speedup": lambda claim: _speedup(study, claim, comparison),
        "limit": lambda claim: limit(study, claim, comparison),
        "fact": lambda claim: _fact(claim, facts),
        "growth": lambda claim: growth(claim, grown),
    }
    documents = [{**_head(claim), **judges[claim.kind](claim)} for claim in study.claims]
    return {"schema_version": SCHEMA_VERSION, "study": study.name, "claims": documents}


def failed(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The claims marked as required that do not hold, of the content of claims.json."""
    return [
        dict(claim)
        for claim in document["claims"]
        if claim["required"] and claim["verdict"] not in KEPT
    ]


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


def _head(claim: Claim) -> dict[str, Any]:
    return {
        "id": claim.id,
        "quote": claim.quote,
        "kind": claim.kind,
        "arm": claim.arm,
        "expected": None if claim.expected is None else list(claim.expected),
        "fact": claim.fact,
        "limit_ns": claim.limit_ns,
        "promise": claim.promise if claim.kind == "limit" else None,
        "note": claim.note,
        "required": claim.required,
    }


def _speedup(study: Study, claim: Claim, comparison: Mapping[str, Any]) -> dict[str, Any]:
    parts = [_part(study, claim, name, comparison) for name in claim.operations]
    verdict = worst([part["verdict"] for part in parts])
    deciding = [part for part in parts if part["verdict"] == verdict]
    timed = [part for part in deciding if part["speedup"] is not None]
    chosen = min(timed, key=lambda part: float(part["speedup"]), default=None)
    return result(
        verdict,
        _speedup_reason(claim, verdict, chosen or deciding[0], parts),
        "ratio",
        measured=None if chosen is None else chosen["speedup"],
        ci95=None if chosen is None else chosen["ci95"],
        operations=parts,
        evidence=claim.operations,
    )


def _part(study: Study, claim: Claim, name: str, comparison: Mapping[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = {
        "name": name,
        "speedup": None,
        "ci95": None,
        "verdict": "inconclusive",
        "difference": None,
        "problem": None,
    }
    found = _comparison_of(comparison, name, study.base, claim.arm)
    if found is None:
        return {**part, "problem": "it was not measured on both arms"}
    part["difference"] = found["verdict"]
    if found["ci95"] is None:
        return {**part, "problem": found["cause"]}
    low, high = found["ci95"]
    assert claim.expected is not None  # the study's own check
    return {
        **part,
        "speedup": found["speedup"],
        "ci95": [low, high],
        "verdict": range_verdict(low, high, found["verdict"], claim.expected),
    }


def _comparison_of(
    comparison: Mapping[str, Any], operation: str, base: str, arm: str
) -> Mapping[str, Any] | None:
    for entry in comparison["operations"]:
        if entry["name"] == operation:
            for found in entry["comparisons"]:
                if (found["base"], found["arm"]) == (base, arm):
                    return dict(found)
    return None


def _speedup_reason(
    claim: Claim, verdict: ClaimVerdict, part: Mapping[str, Any], parts: Sequence[Any]
) -> str:
    """The verdict in words, with the speedup in the direction that the report shows it in."""
    name = part["name"]
    assert claim.expected is not None  # the study's own check
    if part["speedup"] is None:
        return f"{name} could not be judged: {part['problem']}."
    low, high = part["ci95"]
    digits = digits_apart((low, high), claim.expected)
    promised = f"{span(*claim.expected, digits)}× faster"
    interval = effect_interval(part["speedup"], low, high, digits)
    figures = f"{measured(part['speedup'], low, high)} (95 % interval {interval})"
    among = "" if len(parts) == 1 else f", the worst of {len(parts)} operations,"
    return f"{name}{among} came out {figures}: {_ending(verdict, promised, part, claim)}."


def _ending(verdict: ClaimVerdict, promised: str, part: Mapping[str, Any], claim: Claim) -> str:
    assert claim.expected is not None  # the study's own check
    if verdict == "inconclusive" and part["difference"] == "inconclusive":
        below = part["ci95"][1] < claim.expected[0]
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


def _fact(claim: Claim, facts: Mapping[str, float | None]) -> dict[str, Any]:
    assert claim.fact is not None  # the study's own check
    assert claim.expected is not None  # the study's own check
    value = facts.get(claim.fact)
    name = claim.fact.replace("_", " ")
    if value is None:
        known = f" It knows {', '.join(sorted(facts))}." if facts else ""
        return result("inconclusive", f"This run did not find out: {name}.{known}", claim.unit)
    least, most = claim.expected
    digits = digits_apart((value,), claim.expected)
    promised = span(least, most, digits)
    holds = least <= value <= most
    unit = "" if claim.unit == "value" else f" {claim.unit}"
    found = f"{value:,}" if isinstance(value, int) else significant(value, digits)
    reason = f"{name[0].upper()}{name[1:]}: found {found}{unit}, promised {promised}{unit}."
    return result("confirmed" if holds else "refuted", reason, claim.unit, measured=value)
