"""From two sides' exact measurements and times to gate.json.

The exact layer is judged in `gate_exact`, times in `gate_times`, an operation by both in
`gate_outcome`; here all operations become one verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.judge import gate_outcome
from bench.judge.gate_answers import Differing, parameters_text
from bench.judge.gate_exact import Exact, judge_exact
from bench.judge.gate_seen import Schema, Seen, schema_notes
from bench.judge.gate_times import Timed, by_plan, noise_of, time_document, verdicts_of
from bench.judge.noise import NO_CONTROLS, Controls
from bench.results import gate as results
from bench.results.model import PairNoise
from bench.study.gate_limits import GateLimits

EXIT_CODES: Mapping[results.GateVerdict, int] = {
    "pass": 0, "regression": 1, "inconclusive": 3, "incomparable": 4,
}  # fmt: skip
# Worst first: what the reasons of a run begin with.
_ORDER = ("regression", "missing", "inconclusive", "improved", "new", "pass")


@dataclass(frozen=True, slots=True)
class GateOperation:
    """One operation: which of the sides has it, and what was measured of it on each.

    `time_wanted`: its time decides; else it is shown. `differs` has answers that differ for a draw
    that was to be timed. `parameters` are those of each parameter set. `too_slow_s` is how long the
    fewest rounds would take, where the budget has no room for them.
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
    base: results.GateSide
    head: results.GateSide
    size: results.GateSize
    schemas: tuple[Schema, Schema]
    operations: tuple[GateOperation, ...]
    limits: GateLimits
    notes: tuple[str, ...] = ()
    untimed: str | None = None
    seconds: results.Seconds = field(default_factory=results.Seconds)
    machine: Mapping[str, Any] = field(default_factory=dict)

    def time_limit(self, timed: Timed) -> float:
        """By which share the time of an operation may grow."""
        return self.limits.of(timed.name).time_of(timed.base_median_ns)

    def allows(self, operation: results.GatedOperation) -> bool:
        """Whether an operation is missing and may be."""
        return operation.verdict == "missing" and self.limits.of(operation.name).removed


def gate_document(gated: Gated) -> results.Gate:
    """Judge all that was measured; see `EXIT_CODES` for what each verdict means to a CI."""
    timed = [
        operation.timed
        for operation in gated.operations
        if operation.timed is not None and operation.time_wanted
    ]
    controls, verdicts = noise_of(timed), verdicts_of(timed, gated.time_limit)
    operations = tuple(
        _operation(operation, gated, controls, verdicts) for operation in gated.operations
    )
    reasons = _reasons(operations, gated)
    open_verdicts = {operation.verdict for operation in operations if not gated.allows(operation)}
    verdict: results.GateVerdict = "regression" if "regression" in open_verdicts else "pass"
    if verdict == "pass" and open_verdicts & {"inconclusive", "missing"}:
        verdict = "inconclusive"
    if not any(operation.presence == "both" for operation in operations):
        verdict = "inconclusive"
        reasons = ["No operation is on both sides, so nothing was compared.", *reasons]
    return _document(gated, verdict, reasons, controls, operations)


def incomparable_document(gated: Gated, why: Sequence[str]) -> results.Gate:
    """The document for sides that cannot be compared, with the sentences of why."""
    return _document(gated, "incomparable", why, NO_CONTROLS, ())


def _document(
    gated: Gated,
    verdict: results.GateVerdict,
    reasons: Sequence[str],
    controls: Controls,
    operations: tuple[results.GatedOperation, ...],
) -> results.Gate:
    pairs = {
        name: PairNoise.model_validate(pair, from_attributes=True)
        for name, pair in controls.pairs.items()
    }
    return results.Gate(
        study=gated.study,
        verdict=verdict,
        exit_code=EXIT_CODES[verdict],
        reasons=tuple(reasons),
        base=gated.base,
        head=gated.head,
        size=gated.size,
        noise_floor=results.GateNoise(floor=controls.floor, operations=pairs),
        operations=operations,
        notes=(*gated.notes, *schema_notes(gated.schemas)),
        seconds=gated.seconds,
        machine=gated.machine,
    )


def _operation(
    operation: GateOperation,
    gated: Gated,
    controls: Controls,
    verdicts: Mapping[str, results.TimeVerdict],
) -> results.GatedOperation:
    if not (operation.in_base and operation.in_head):
        presence: results.Presence = "new" if operation.in_head else "missing"
        return _judged(operation, presence, gate_outcome.of_one_side(presence, operation.head))
    limits = gated.limits.of(operation.name)
    exact = judge_exact(operation.base, operation.head, limits, gated.schemas)
    time = None
    if operation.timed is not None:
        limit, verdict = gated.time_limit(operation.timed), verdicts.get(operation.name)
        time = time_document(operation.timed, limit, controls, len(verdicts), verdict)
    decided = exact is not None and exact.verdict in ("regression", "inconclusive")
    differs = operation.differs
    times = gate_outcome.Times(time, (), operation.time_wanted, gated.untimed)
    if differs is not None and not decided and (limits.answers or differs.refusal is not None):
        outcome = gate_outcome.of_timed_answers(differs, operation.parameters)
    elif operation.kind == "write":
        # Its time is shown and decides nothing.
        outcome = gate_outcome.with_tax(
            gate_outcome.of_both_sides(exact, times), exact, operation.name, time, gated.limits
        )
    else:
        groups = by_plan(
            operation.base,
            operation.head,
            operation.timed,
            operation.parameters,
            limit_of=lambda base_ns: max(limits.time_of(base_ns), time.noise if time else 0.0),
            operations=len(verdicts),
        )
        untimed = gated.untimed or gate_outcome.too_slow(operation.too_slow_s)
        times = gate_outcome.Times(time, groups, operation.time_wanted, untimed)
        outcome = gate_outcome.of_both_sides(exact, times)
    return _judged(operation, "both", outcome, exact, times)


def _judged(
    operation: GateOperation,
    presence: results.Presence,
    outcome: gate_outcome.Outcome,
    exact: Exact | None = None,
    times: gate_outcome.Times | None = None,
) -> results.GatedOperation:
    values = asdict(outcome)
    if outcome.difference is None and exact is not None and exact.difference is not None:
        parameters = operation.parameters[exact.set_index] if operation.parameters else {}
        values["difference"] = exact.difference.model_copy(
            update={"parameters": parameters_text(parameters)}
        )
    return results.GatedOperation(
        name=operation.name,
        title=operation.title,
        kind=operation.kind,
        presence=presence,
        exact=None if exact is None else exact.comparison,
        by_plan=times.by_plan or None if times else None,
        time=times.compared if times else None,
        **values,
    )


def _reasons(operations: Sequence[results.GatedOperation], gated: Gated) -> list[str]:
    """A sentence for each operation that has something to say, the most important first."""
    reasons = [f"A cost of {entry.name}: {entry.cost}" for entry in operations if entry.cost]
    notable = [operation for operation in operations if operation.verdict != "pass"]
    for operation in sorted(notable, key=lambda entry: _ORDER.index(entry.verdict)):
        allowed = "The limits allow that." if gated.allows(operation) else None
        parts = (f"{operation.name}: {operation.message}", operation.cause, allowed)
        reasons.append(" ".join(filter(None, parts)))
    return reasons
