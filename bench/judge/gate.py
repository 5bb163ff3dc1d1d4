"""From two sides' exact measurements and times to gate.json.

The exact layer is judged in `gate_exact`, times in `gate_times`, an operation by both in
`gate_outcome`; here all operations become one verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.judge.gate_answers import Differing, parameters_text
from bench.judge.gate_exact import Exact, judge_exact
from bench.judge.gate_limits import GateLimits
from bench.judge.gate_outcome import (
    Outcome,
    Times,
    of_both_sides,
    of_one_side,
    of_timed_answers,
    too_slow,
    with_tax,
)
from bench.judge.gate_plans import by_plan
from bench.judge.gate_seen import Schema, Seen, schema_notes
from bench.judge.gate_times import Noise, Timed, noise_of, time_document, verdicts_of
from bench.results.gate import (
    Gate,
    GatedOperation,
    GateSide,
    GateSize,
    GateVerdict,
    PlanGroup,
    Presence,
    Seconds,
    TimeComparison,
    TimeVerdict,
)

EXIT_CODES: Mapping[GateVerdict, int] = {
    "pass": 0,
    "regression": 1,
    "inconclusive": 3,
    "incomparable": 4,
}
# Worst first: what the reasons of a run begin with.
_ORDER = ("regression", "missing", "inconclusive", "improved", "new", "pass")


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
    size: GateSize
    schemas: tuple[Schema, Schema]
    operations: tuple[GateOperation, ...]
    limits: GateLimits
    notes: tuple[str, ...] = ()
    untimed: str | None = None
    seconds: Seconds = field(default_factory=Seconds)
    machine: Mapping[str, Any] = field(default_factory=dict)


def gate_document(gated: Gated) -> Gate:
    """Judge all that was measured; see `EXIT_CODES` for what each verdict means to a CI."""
    timed = [one.timed for one in gated.operations if one.timed is not None and one.time_wanted]
    noise = noise_of(timed)
    verdicts = verdicts_of(timed, lambda one: _time_limit(one, gated.limits))
    operations = tuple(_operation(one, gated, noise, verdicts) for one in gated.operations)
    reasons = _reasons(operations, gated.limits)
    verdict = _verdict(operations, gated.limits)
    if not any(one.presence == "both" for one in operations):
        verdict = "inconclusive"
        reasons = ["No operation is on both sides, so nothing was compared.", *reasons]
    return _document(gated, verdict, reasons, noise, operations)


def incomparable_document(gated: Gated, why: Sequence[str]) -> Gate:
    """The document for sides that cannot be compared, with the sentences of why."""
    return _document(gated, "incomparable", why, Noise(0.0, {}), ())


def _document(
    gated: Gated,
    verdict: GateVerdict,
    reasons: Sequence[str],
    noise: Noise,
    operations: tuple[GatedOperation, ...],
) -> Gate:
    return Gate(
        study=gated.study,
        verdict=verdict,
        exit_code=EXIT_CODES[verdict],
        reasons=tuple(reasons),
        base=gated.base,
        head=gated.head,
        size=gated.size,
        noise_floor=noise.document(),
        operations=operations,
        notes=(*gated.notes, *schema_notes(gated.schemas)),
        seconds=gated.seconds,
        machine=gated.machine,
    )


def _time_limit(timed: Timed, limits: GateLimits) -> float:
    return limits.of(timed.name).time_of(timed.base_median_ns)


def _operation(
    one: GateOperation, gated: Gated, noise: Noise, verdicts: Mapping[str, TimeVerdict]
) -> GatedOperation:
    if not (one.in_base and one.in_head):
        presence: Presence = "new" if one.in_head else "missing"
        return _judged(one, presence, of_one_side(presence, one.head))
    limits = gated.limits.of(one.name)
    exact = judge_exact(one.base, one.head, limits, gated.schemas)
    time = None
    if one.timed is not None:
        limit = _time_limit(one.timed, gated.limits)
        time = time_document(one.timed, limit, noise, len(verdicts), verdicts.get(one.name))
    decided = exact is not None and exact.verdict in ("regression", "inconclusive")
    differs = one.differs
    groups: tuple[PlanGroup, ...] = ()
    if differs is not None and not decided and (limits.answers or differs.refused is not None):
        outcome = of_timed_answers(differs, one.parameters)
    elif one.kind == "write":
        # Its time is told and decides nothing.
        outcome = of_both_sides(exact, Times(None, (), one.time_wanted, gated.untimed))
        outcome = with_tax(outcome, exact, one.name, time)
    else:
        groups = _groups(one, gated, time, len(verdicts))
        untimed = gated.untimed or too_slow(one.too_slow_s)
        outcome = of_both_sides(exact, Times(time, groups, one.time_wanted, untimed))
    return _judged(one, "both", outcome, exact, groups, time)


def _judged(
    one: GateOperation,
    presence: Presence,
    outcome: Outcome,
    exact: Exact | None = None,
    groups: tuple[PlanGroup, ...] = (),
    time: TimeComparison | None = None,
) -> GatedOperation:
    found = outcome.difference
    if found is None and exact is not None and exact.difference is not None:
        values = parameters_text(one.parameters[exact.draw]) if one.parameters else ""
        found = exact.difference.model_copy(update={"parameters": values})
    return GatedOperation(
        name=one.name,
        title=one.title,
        kind=one.kind,
        presence=presence,
        verdict=outcome.verdict,
        layer=outcome.layer,
        message=outcome.message,
        cause=outcome.cause,
        cost=outcome.cost,
        exact=None if exact is None else exact.comparison,
        difference=found,
        by_plan=groups or None,
        time=time,
    )


def _groups(
    one: GateOperation, gated: Gated, time: TimeComparison | None, operations: int
) -> tuple[PlanGroup, ...]:
    """What was measured of each plan, where parameter sets run different ones."""
    limits = gated.limits.of(one.name)

    def limit_of(base_ns: float) -> float:
        return max(limits.time_of(base_ns), 0.0 if time is None else time.noise)

    return by_plan(
        one.base, one.head, one.timed, one.parameters, limit_of=limit_of, operations=operations
    )


def _verdict(operations: Sequence[GatedOperation], limits: GateLimits) -> GateVerdict:
    found = {one.verdict for one in operations if not _allowed(one, limits)}
    if "regression" in found:
        return "regression"
    return "inconclusive" if found & {"inconclusive", "missing"} else "pass"


def _allowed(one: GatedOperation, limits: GateLimits) -> bool:
    return one.verdict == "missing" and limits.of(one.name).removed


def _reasons(operations: Sequence[GatedOperation], limits: GateLimits) -> list[str]:
    """A sentence for each operation that has something to say, the most important first."""
    telling = [one for one in operations if one.verdict != "pass"]
    telling.sort(key=lambda one: _ORDER.index(one.verdict))
    paid = [f"A cost of {one.name}: {one.cost}" for one in operations if one.cost]
    return paid + [
        " ".join(
            filter(
                None,
                (
                    f"{one.name}: {one.message}",
                    one.cause,
                    "The limits allow that." if _allowed(one, limits) else None,
                ),
            )
        )
        for one in telling
    ]
