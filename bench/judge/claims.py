"""From a comparison to claims.json: each promise of the report, judged.

Judging room: no file, no clock, no database may enter, and no randomness.

Verdicts: `exceeded` the interval lies wholly above the promised range,
`confirmed` inside it or touching it from above its lower end, `short` faster but
wholly below it, `refuted` not faster, `inconclusive` where the interval does not decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.judge.records import ClaimVerdict, Verdict
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
# A dataset up to this factor above a limit's size counts as that size.
_SAME_SIZE = 1.1


def claims_document(
    study: Study, comparison: Mapping[str, Any], migration: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of claims.json.

    `comparison` is the content of comparison.json and `migration` that of
    migration.json. `measured` and `ci95` are those of the worst operation: a
    ratio for speedups, nanoseconds for limits (the highest p95), the value
    itself for facts; `unit` says which.
    """
    judges = {"speedup": _speedup, "limit": _limit}
    documents: list[dict[str, Any]] = []
    for claim in study.claims:
        judge = judges.get(claim.kind)
        found = (
            _fact(claim, migration.get("facts", {}))
            if judge is None
            else judge(study, claim, comparison)
        )
        documents.append({**_head(claim), **found})
    return {"schema_version": SCHEMA_VERSION, "study": study.name, "claims": documents}


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
    }


def _result(
    verdict: ClaimVerdict,
    reason: str,
    unit: str,
    *,
    measured: float | None = None,
    ci95: Sequence[float] | None = None,
    operations: Sequence[Mapping[str, Any]] = (),
    evidence: Sequence[str] = (),
) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "reason": reason,
        "unit": unit,
        "measured": measured,
        "ci95": None if ci95 is None else list(ci95),
        "operations": [dict(entry) for entry in operations],
        "evidence": list(evidence),
    }


def _speedup(study: Study, claim: Claim, comparison: Mapping[str, Any]) -> dict[str, Any]:
    parts = [_part(study, claim, name, comparison) for name in claim.operations]
    verdict = worst([part["verdict"] for part in parts])
    deciding = [part for part in parts if part["verdict"] == verdict]
    timed = [part for part in deciding if part["speedup"] is not None]
    chosen = min(timed, key=lambda part: float(part["speedup"]), default=None)
    return _result(
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
    name = part["name"]
    assert claim.expected is not None  # the study's own check
    least, most = claim.expected
    promised = f"{least:g}x" if least == most else f"{least:g}-{most:g}x"
    if part["speedup"] is None:
        return f"{name} could not be judged: {part['problem']}."
    low, high = part["ci95"]
    figures = f"{_ratio(part['speedup'])} (95 % interval {_ratio(low)} to {_ratio(high)})"
    among = "" if len(parts) == 1 else f", the worst of {len(parts)} operations,"
    ending = {
        "refuted": f"not faster, where {promised} was promised",
        "short": f"faster, but wholly below the promised {promised}",
        "inconclusive": f"which does not decide whether the promised {promised} is reached",
        "confirmed": f"which reaches the promised {promised}",
        "exceeded": f"wholly above the promised {promised}",
    }[verdict]
    changed = "was" if verdict == "refuted" else "came out"
    return f"{name}{among} {changed} {figures}: {ending}."


def _ratio(value: float) -> str:
    """At most three significant digits and no exponent."""
    if value >= 100:
        return f"{value:,.0f}x" if value < 1000 else f"{round(value, 2 - _magnitude(value)):,.0f}x"
    return f"{value:.3g}x"


def _magnitude(value: float) -> int:
    return len(str(int(value))) - 1


def _limit(study: Study, claim: Claim, comparison: Mapping[str, Any]) -> dict[str, Any]:
    products = int(comparison["dataset"]["products"])
    events = int(comparison["dataset"]["events"])
    if products < claim.at_products or events < claim.at_events:
        return _result(
            "inconclusive",
            f"Judged only from {claim.at_products:,} products and {claim.at_events:,} events on; "
            f"this run had {products:,} and {events:,}.",
            "ns",
        )
    reads = [
        entry
        for entry in comparison["operations"]
        if entry["kind"] == "read" and claim.arm in entry["arms"]
    ]
    usable = {
        entry["name"]: entry["arms"][claim.arm]
        for entry in reads
        if entry["answers_equal"] and entry["arms"][claim.arm]["p95_ci95_ns"] is not None
    }
    if not usable:
        return _result("inconclusive", f"No read operation was timed on {claim.arm}.", "ns")
    larger = products > claim.at_products * _SAME_SIZE or events > claim.at_events * _SAME_SIZE
    verdict, reason = _limit_verdict(claim, usable, len(reads) - len(usable), larger)
    slowest = max(usable, key=lambda name: int(usable[name]["p95_ns"]))
    size = f" (at {products:,} products and {events:,} events)"
    return _result(
        verdict,
        reason + size + ".",
        "ns",
        measured=usable[slowest]["p95_ns"],
        ci95=usable[slowest]["p95_ci95_ns"],
        evidence=_beyond(claim.limit_ns, usable) or [slowest],
    )


def _limit_verdict(
    claim: Claim, arms: Mapping[str, Mapping[str, Any]], unusable: int, larger: bool
) -> tuple[ClaimVerdict, str]:
    """The verdict on a limit, and the reason without its full stop.

    More data can only slow an operation, so a dataset larger than the claim's
    proves what stays within the limit, but not what is beyond it.
    """
    assert claim.limit_ns is not None  # the study's own check
    limit = _time(claim.limit_ns)
    beyond = _beyond(claim.limit_ns, arms)
    unsure = [
        name
        for name, arm in arms.items()
        if arm["p95_ci95_ns"][0] <= claim.limit_ns < arm["p95_ci95_ns"][1]
    ]
    slowest = max(arms, key=lambda name: int(arms[name]["p95_ns"]))
    figure = f"the slowest, {slowest}, has its p95 at {_time(int(arms[slowest]['p95_ns']))}"
    if beyond:
        reason = f"Beyond {limit}: {len(beyond)} of {len(arms)} read operations; {figure}"
        if larger:
            return "inconclusive", reason + ", but the data is larger than the claim's"
        return ("confirmed" if claim.promise == "beyond" else "refuted"), reason
    if unsure:
        return "inconclusive", f"The interval of {unsure[0]} straddles {limit}; {figure}"
    if unusable:
        what = "1 read operation" if unusable == 1 else f"{unusable} read operations"
        return "inconclusive", f"{what} could not be judged; {figure}"
    reason = f"All {len(arms)} read operations stay within {limit}; {figure}"
    return ("refuted" if claim.promise == "beyond" else "confirmed"), reason


def _beyond(limit_ns: int | None, arms: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Operations whose p95 is certainly beyond the limit, the slowest first."""
    assert limit_ns is not None  # the study's own check
    beyond = [name for name, arm in arms.items() if arm["p95_ci95_ns"][0] > limit_ns]
    return sorted(beyond, key=lambda name: -int(arms[name]["p95_ns"]))


def _time(nanoseconds: int) -> str:
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds} ns"


def _fact(claim: Claim, facts: Mapping[str, Any]) -> dict[str, Any]:
    assert claim.fact is not None  # the study's own check
    value = facts.get(claim.fact)
    name = claim.fact.replace("_", " ")
    if value is None:
        return _result("inconclusive", f"This run did not find out: {name}.", claim.unit)
    if claim.expected is None:
        return _result(
            "inconclusive", f"No value was promised for {name}.", claim.unit, measured=value
        )
    least, most = claim.expected
    promised = f"{least:g}" if least == most else f"{least:g} to {most:g}"
    holds = least <= value <= most
    unit = "" if claim.unit == "value" else f" {claim.unit}"
    reason = f"{name[0].upper()}{name[1:]}: found {_plain(value)}{unit}, promised {promised}{unit}."
    return _result("confirmed" if holds else "refuted", reason, claim.unit, measured=value)


def _plain(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}"
