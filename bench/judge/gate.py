"""The gate's document: two sides' exact measurements and times -> gate.json.

Judging room: no file, no clock, no database and no randomness may enter. The exact layer is
judged in `gate_exact`, times in `gate_times`; here both become one verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bench.judge.gate_answers import Difference, Differing, difference, parameters_text
from bench.judge.gate_exact import CUT_TIES, Exact, is_steady, judge_exact, unsteady
from bench.judge.gate_limits import GateLimits
from bench.judge.gate_plans import by_plan
from bench.judge.gate_seen import Schema, Seen, schema_notes
from bench.judge.gate_time_words import quicker, slower, tax_time, too_slow, undecided, why_slower
from bench.judge.gate_times import (
    Noise,
    Timed,
    TimeVerdict,
    noise_of,
    time_document,
    verdicts_of,
)

SCHEMA_VERSION = 1
GateVerdict = Literal["pass", "regression", "inconclusive", "incomparable"]
EXIT_CODES: Mapping[GateVerdict, int] = {
    "pass": 0,
    "regression": 1,
    "inconclusive": 3,
    "incomparable": 4,
}
# Worst first: what the reasons of a run begin with.
_ORDER = ("regression", "missing", "inconclusive", "improved", "new", "pass")


@dataclass(frozen=True, slots=True)
class GateSide:
    """What one side is: SIDE of gate.json; hashes are None where nothing is known of them."""

    what: str
    commit: str | None
    dirty: bool
    content_hash: str | None
    sqlite_version: str | None
    python: str | None
    schema_hash: str | None
    arm: str


@dataclass(frozen=True, slots=True)
class GateOperation:
    """One operation: which of the sides has it, and what was measured of it on each.

    `time_wanted`: its time decides; else it is told. `differs` has answers that differ for a draw
    that was to be timed. `parameters` are those of each draw. `too_slow_s` is how long the fewest
    rounds would take, where the budget has no room for them.
    """

    name: str
    title: str
    kind: str
    in_base: bool
    in_head: bool
    base: tuple[Seen, ...] = ()
    head: tuple[Seen, ...] = ()
    timed: Timed | None = None
    time_wanted: bool = True
    differs: Differing | None = None
    parameters: tuple[Mapping[str, Any], ...] = ()
    too_slow_s: float | None = None


@dataclass(frozen=True, slots=True)
class Gated:
    """All that was measured of two sides; `schemas` are the base's and the head's.

    `untimed` is the sentence of why no time was measured at all, None where times were.
    """

    study: str
    base: GateSide
    head: GateSide
    size: Mapping[str, Any]
    schemas: tuple[Schema, Schema]
    operations: tuple[GateOperation, ...]
    limits: GateLimits
    notes: tuple[str, ...] = ()
    untimed: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)


def gate_document(gated: Gated) -> dict[str, Any]:
    """The content of gate.json; see `EXIT_CODES` for what each verdict means to a CI."""
    timed = [one.timed for one in gated.operations if one.timed is not None and one.time_wanted]
    noise = noise_of(timed)
    verdicts = verdicts_of(timed, lambda one: _time_limit(one, gated.limits))
    operations = [_operation(one, gated, noise, verdicts) for one in gated.operations]
    reasons = _reasons(operations, gated.limits)
    verdict = _verdict(operations, gated.limits)
    if not any(one["presence"] == "both" for one in operations):
        verdict = "inconclusive"
        reasons = ["No operation is on both sides, so nothing was compared.", *reasons]
    return _document(gated, verdict, reasons, noise.document(), operations)


def incomparable_document(gated: Gated, why: Sequence[str]) -> dict[str, Any]:
    """The content of gate.json for sides that cannot be compared, with the sentences of why."""
    nothing = {"floor": 0.0, "operations": {}}
    return _document(gated, "incomparable", list(why), nothing, [])


def _document(
    gated: Gated,
    verdict: GateVerdict,
    reasons: list[str],
    noise: Mapping[str, Any],
    operations: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "study": gated.study,
        "verdict": verdict,
        "exit_code": EXIT_CODES[verdict],
        "reasons": reasons,
        "base": asdict(gated.base),
        "head": asdict(gated.head),
        "size": dict(gated.size),
        "noise_floor": dict(noise),
        "operations": operations,
        "notes": [*gated.notes, *schema_notes(gated.schemas)],
        "seconds": dict(gated.seconds),
        "machine": dict(gated.machine),
    }


def _time_limit(timed: Timed, limits: GateLimits) -> float:
    return limits.of(timed.name).time_of(timed.base_median_ns)


def _operation(
    one: GateOperation, gated: Gated, noise: Noise, verdicts: Mapping[str, TimeVerdict]
) -> dict[str, Any]:
    presence = "both" if one.in_base and one.in_head else "new" if one.in_head else "missing"
    entry: dict[str, Any] = {
        "name": one.name,
        "title": one.title,
        "kind": one.kind,
        "presence": presence,
        "verdict": presence,
        "layer": None,
        "message": None,
        "cause": None,
        "cost": None,
        "exact": None,
        "difference": None,
        "by_plan": None,
        "time": None,
    }
    if presence != "both":
        return entry | _alone(presence, one.head)
    limits = gated.limits.of(one.name)
    exact = judge_exact(one.base, one.head, limits, gated.schemas)
    if exact is not None:
        entry["exact"] = exact.document
        entry["difference"] = _shown(exact.difference, exact.draw, one.parameters)
    if one.timed is not None:
        limit = _time_limit(one.timed, gated.limits)
        verdict = verdicts.get(one.name)
        entry["time"] = time_document(one.timed, limit, noise, len(verdicts), verdict)
    decided = exact is not None and exact.verdict in ("regression", "inconclusive")
    differs = one.differs
    if differs is not None and not decided and (limits.answers or differs.refused is not None):
        return entry | _timed_differs(differs, one.parameters)
    if one.kind == "write":
        said = _both(exact, None, one.time_wanted, gated.untimed)
        return entry | said | _tax_told(exact, one.name, said, entry["time"])
    groups = _groups(one, gated, entry["time"], len(verdicts))
    if groups:
        entry["by_plan"] = groups
    time = entry["time"] and entry["time"] | {"by_plan": groups}
    if time and any(group["slower"] for group in groups):
        time = time | {"verdict": "regression"}
    return entry | _both(exact, time, one.time_wanted, gated.untimed or too_slow(one.too_slow_s))


_PRESENCE = {
    "new": "Only the head has it: there is nothing to compare it with.",
    "missing": "The base has it and the head does not: nothing guards it any more.",
}


def _groups(
    one: GateOperation, gated: Gated, time: Mapping[str, Any] | None, operations: int
) -> list[dict[str, Any]]:
    """What was measured of each plan, where parameter sets run different ones."""
    limits = gated.limits.of(one.name)

    def limit_of(base_ns: float) -> float:
        return max(limits.time_of(base_ns), 0.0 if time is None else time["noise"])

    return by_plan(
        one.base, one.head, one.timed, one.parameters, limit_of=limit_of, operations=operations
    )


def _timed_differs(differs: Differing, parameters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The verdict where answers differ for a draw that was to be timed, and how they do."""
    if differs.draw is None:
        told = (
            "Two processes of the base do not answer alike, so nothing can be compared; make the "
            "answer depend on the database and the request alone."
        )
        return _said("inconclusive", "exact", told, None)
    values = parameters_text(parameters[differs.draw]) if parameters else ""
    if differs.refused is not None:
        told = (
            f"For {values or 'one'}, one of the draws that were to be timed, the head cannot run "
            f"it: {differs.refused.rstrip('.')}."
        )
        return _said("regression", "exact", told, None)
    found = None
    if differs.base is not None and differs.head is not None:
        found = difference(differs.base, differs.head)
    shown = {"difference": _shown(found, differs.draw, parameters)}
    if found is not None and found.kind == "ties":
        return shown | _said("inconclusive", "exact", CUT_TIES, None)
    told = (
        f"For {values or 'one'}, one of the draws that were to be timed, the answers differ"
        f"{found.told if found is not None else ''}."
    )
    return shown | _said("regression", "exact", told, None)


def _shown(
    found: Difference | None, draw: int, parameters: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """`difference` of an operation in gate.json, with the parameters of its draw in words."""
    if found is None:
        return None
    return found.document() | {
        "parameters": parameters_text(parameters[draw]) if parameters else ""
    }


def _alone(presence: str, head: Sequence[Seen]) -> dict[str, Any]:
    """The verdict of an operation that one side has; a new one has to work at least."""
    if presence == "new":
        refused = next((one.refused for one in head if one.refused is not None), None)
        if refused is not None:
            told = f"Only the head has it, and cannot run it: {refused.rstrip('.')}."
            return _said("regression", "exact", told, None)
        if not all(map(is_steady, head)):
            return _said("inconclusive", "exact", unsteady(*head), None)
    return _said(presence, None, _PRESENCE[presence], None)


def _both(
    exact: Exact | None, time: Mapping[str, Any] | None, wanted: bool, untimed: str | None
) -> dict[str, Any]:
    """The verdict of an operation that both sides have: exact counters before times.

    A time that is clearly shorter overrules counters that grew, of all draws alike; counters
    that speak against each other are decided by the time. Where none was to be measured they
    count as grown.
    """
    said = None if time is None else time["verdict"]
    if exact is not None and exact.verdict == "regression":
        if exact.by_work and said == "improved" and time is not None:
            return _said("improved", "time", f"{quicker(time)} {_trade(exact)}", None)
        return _said("regression", "exact", exact.message, exact.cause)
    if time is not None and said == "regression":
        return _said("regression", "time", slower(time), why_slower(exact))
    if exact is None:
        told = (
            "It was not counted on both sides, so nothing is known of it; where the budget was "
            "used up before, give --budget-seconds more."
        )
        return _said("inconclusive", None, told, None)
    if exact.verdict == "inconclusive":
        return _said("inconclusive", "exact", exact.message, None)
    if exact.verdict == "mixed" and not wanted:
        told = f"{exact.message} Only a time could tell which weighs more, and none was measured."
        return _said("regression", "exact", told, exact.cause)
    if wanted and time is None and untimed is not None and exact.verdict == "improved":
        return _said("improved", "exact", exact.message, None)
    if wanted and said in (None, "inconclusive"):
        mixed = f" {_trade(exact)}" if exact.verdict == "mixed" else ""
        return _said("inconclusive", "time", f"{undecided(time, untimed)}{mixed}", None)
    if time is not None and said == "improved" and exact.verdict != "improved":
        mixed = f" {_trade(exact)}" if exact.verdict == "mixed" else ""
        return _said("improved", "time", f"{quicker(time)}{mixed}", None)
    if exact.verdict == "improved":
        return _said("improved", "exact", exact.message, None)
    if exact.verdict == "mixed":
        return _said("pass", "time", f"It takes no longer, within the limit. {_trade(exact)}", None)
    return _said("pass", None, exact.message, None)


def _trade(exact: Exact) -> str:
    return f"Counters alone do not say so: {(exact.message or '').rstrip('.')}."


def _tax_told(
    exact: Exact | None, name: str, said: Mapping[str, Any], time: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What a write pays for new indexes, and how to accept that where it is too much."""
    if exact is None or exact.cost is None:
        return {}
    cost = f"{exact.cost} {tax_time(time)}"
    if said["verdict"] == "pass":
        return {"message": cost, "cost": cost}
    if said["verdict"] != "regression":
        return {}
    accepted = math.ceil(exact.tax * 2) / 2
    told = (
        f"{cost} If the reads are worth that, write into pyproject.toml:\n"
        f"[tool.resale-bench.gate.operations.{name}]\nwrite_tax = {accepted:g}"
    )
    return {"cause": " ".join(filter(None, (said["cause"], told)))}


def _said(
    verdict: str, layer: str | None, message: str | None, cause: str | None
) -> dict[str, Any]:
    return {"verdict": verdict, "layer": layer, "message": message, "cause": cause}


def _verdict(operations: Sequence[Mapping[str, Any]], limits: GateLimits) -> GateVerdict:
    found = {one["verdict"] for one in operations if not _allowed(one, limits)}
    if "regression" in found:
        return "regression"
    return "inconclusive" if found & {"inconclusive", "missing"} else "pass"


def _allowed(one: Mapping[str, Any], limits: GateLimits) -> bool:
    return one["verdict"] == "missing" and limits.of(one["name"]).removed


def _reasons(operations: Sequence[Mapping[str, Any]], limits: GateLimits) -> list[str]:
    """A sentence for each operation that has something to say, the most important first."""
    telling = [one for one in operations if one["verdict"] != "pass"]
    telling.sort(key=lambda one: _ORDER.index(one["verdict"]))
    paid = [f"A cost of {one['name']}: {one['cost']}" for one in operations if one["cost"]]
    return paid + [
        " ".join(
            filter(
                None,
                (
                    f"{one['name']}: {one['message']}",
                    one["cause"],
                    "The limits allow that." if _allowed(one, limits) else None,
                ),
            )
        )
        for one in telling
    ]
