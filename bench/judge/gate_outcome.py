"""The verdict on one operation of a gate, and its sentences: counters and answers before times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.judge.gate_answers import Differing, difference, parameters_text
from bench.judge.gate_exact import CUT_TIES, Exact, is_steady, unsteady
from bench.judge.gate_plans import groups_told
from bench.judge.gate_seen import Seen
from bench.judge.gate_times import apart
from bench.results.gate import (
    AnswerDifference,
    Layer,
    OperationVerdict,
    PlanGroup,
    Presence,
    TimeComparison,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one operation, what decided it and why; see `GatedOperation`."""

    verdict: OperationVerdict
    layer: Layer | None = None
    message: str | None = None
    cause: str | None = None
    cost: str | None = None
    difference: AnswerDifference | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """What was timed of an operation, also by plan; `untimed` is why nothing was.

    `wanted`: the time decides; else it is told.
    """

    compared: TimeComparison | None
    by_plan: tuple[PlanGroup, ...] = ()
    wanted: bool = True
    untimed: str | None = None


_PRESENCE = {
    "new": "Only the head has it: there is nothing to compare it with.",
    "missing": "The base has it and the head does not: nothing guards it any more.",
}


def of_one_side(presence: Presence, head: Sequence[Seen]) -> Outcome:
    """The verdict on an operation that one side has; a new one has to work at least."""
    if presence == "missing":
        return Outcome("missing", None, _PRESENCE[presence])
    refused = next((one.refused for one in head if one.refused is not None), None)
    if refused is not None:
        told = f"Only the head has it, and cannot run it: {refused.rstrip('.')}."
        return Outcome("regression", "exact", told)
    if not all(map(is_steady, head)):
        return Outcome("inconclusive", "exact", unsteady(*head))
    return Outcome("new", None, _PRESENCE["new"])


def of_both_sides(exact: Exact | None, times: Times) -> Outcome:
    """The verdict on an operation that both sides have: exact counters before times.

    A time that is clearly shorter overrules counters that grew, of all draws alike; counters
    that speak against each other are decided by the time. Where none was to be measured they
    count as grown.
    """
    time, wanted = times.compared, times.wanted
    said = None if time is None else time.verdict
    if time is not None and any(group.slower for group in times.by_plan):
        said = "regression"
    if exact is not None and exact.verdict == "regression":
        if exact.by_work and said == "improved" and time is not None:
            return Outcome("improved", "time", f"{_quicker(time, times.by_plan)} {_trade(exact)}")
        return Outcome("regression", "exact", exact.message, exact.cause)
    if time is not None and said == "regression":
        return Outcome("regression", "time", _slower(time, times.by_plan), _why_slower(exact))
    if exact is None:
        told = (
            "It was not counted on both sides, so nothing is known of it; where the budget was "
            "used up before, give --budget-seconds more."
        )
        return Outcome("inconclusive", None, told)
    if exact.verdict == "inconclusive":
        return Outcome("inconclusive", "exact", exact.message)
    if exact.verdict == "mixed" and not wanted:
        told = f"{exact.message} Only a time could tell which weighs more, and none was measured."
        return Outcome("regression", "exact", told, exact.cause)
    if wanted and time is None and times.untimed is not None and exact.verdict == "improved":
        return Outcome("improved", "exact", exact.message)
    mixed = f" {_trade(exact)}" if exact.verdict == "mixed" else ""
    if wanted and said in (None, "inconclusive"):
        return Outcome("inconclusive", "time", f"{_undecided(time, times.untimed)}{mixed}")
    if time is not None and said == "improved" and exact.verdict != "improved":
        return Outcome("improved", "time", f"{_quicker(time, times.by_plan)}{mixed}")
    if exact.verdict == "improved":
        return Outcome("improved", "exact", exact.message)
    if exact.verdict == "mixed":
        return Outcome("pass", "time", f"It takes no longer, within the limit.{mixed}")
    return Outcome("pass", None, exact.message)


def _trade(exact: Exact) -> str:
    return f"Counters alone do not say so: {(exact.message or '').rstrip('.')}."


def of_timed_answers(differs: Differing, parameters: Sequence[Mapping[str, Any]]) -> Outcome:
    """The verdict where answers differ for a draw that was to be timed, and how they do."""
    if differs.draw is None:
        told = (
            "Two processes of the base do not answer alike, so nothing can be compared; make the "
            "answer depend on the database and the request alone."
        )
        return Outcome("inconclusive", "exact", told)
    values = parameters_text(parameters[differs.draw]) if parameters else ""
    whose = f"For {values or 'one'}, one of the draws that were to be timed,"
    if differs.refused is not None:
        told = f"{whose} the head cannot run it: {differs.refused.rstrip('.')}."
        return Outcome("regression", "exact", told)
    found = None
    if differs.base is not None and differs.head is not None:
        found = difference(differs.base, differs.head)
        found = found.model_copy(update={"parameters": values})
    if found is not None and found.kind == "ties":
        return Outcome("inconclusive", "exact", CUT_TIES, difference=found)
    told = f"{whose} the answers differ{found.told if found is not None else ''}."
    return Outcome("regression", "exact", told, difference=found)


def with_tax(
    outcome: Outcome, exact: Exact | None, name: str, time: TimeComparison | None
) -> Outcome:
    """What a write pays for new indexes, and how to accept that where it is too much."""
    if exact is None or exact.cost is None:
        return outcome
    cost = f"{exact.cost} {_tax_time(time)}"
    if outcome.verdict == "pass":
        return replace(outcome, message=cost, cost=cost)
    if outcome.verdict != "regression":
        return outcome
    accepted = math.ceil(exact.tax * 2) / 2
    told = (
        f"{cost} If the reads are worth that, write into pyproject.toml:\n"
        f"[tool.resale-bench.gate.operations.{name}]\nwrite_tax = {accepted:g}"
    )
    return replace(outcome, cause=" ".join(filter(None, (outcome.cause, told))))


def _slower(time: TimeComparison, groups: Sequence[PlanGroup]) -> str:
    """What a time says that is a regression; of several plans each by itself."""
    if groups:
        limits = [one.limit for one in groups if one.slower and one.limit is not None]
        return f"{groups_told(groups)} {1 + min(limits, default=time.limit):.3g} times is allowed."
    assert time.alarm is not None
    low, high = time.alarm
    return (
        f"It takes {_times(time)}, between {low:.3f} and {high:.3f} times with certainty, and "
        f"{1 + time.limit:.3g} times is allowed."
    )


def _quicker(time: TimeComparison, groups: Sequence[PlanGroup]) -> str:
    """What a time says that is an improvement; of several plans each by itself."""
    return groups_told(groups) if groups else f"It takes {_times(time)}."


def _times(time: TimeComparison) -> str:
    base, head = _duration(time.base_median_ns), _duration(time.head_median_ns)
    return f"{time.ratio:.3f} times as long ({head} instead of {base})"


def _duration(ns: int) -> str:
    return f"{ns / 1e6:.3g} ms" if ns >= 1e6 else f"{ns / 1e3:.3g} µs"


def _tax_time(time: TimeComparison | None) -> str:
    """What a write that pays for indexes takes, which is told and decides nothing."""
    if time is None or time.ci95 is None:
        return "Its time was not measured."
    low, high = time.ci95
    return f"It takes {_times(time)}, {low:.2f} to {high:.2f}, in transactions rolled back."


def _why_slower(exact: Exact | None) -> str:
    """What counters and plans say of a time that grew."""
    if exact is None:
        return "It could not be counted on both sides, so the counters do not tell why."
    if exact.comparison.plan_changed:
        return exact.cause or "The plan changed, though no counter exceeds its limit."
    return (
        "Plans and counters are within their limits, so the time is lost outside of SQLite: "
        "look at the code of the route."
    )


def too_slow(seconds: float | None) -> str | None:
    """Why an operation was not timed and what it would take; None where time was not short."""
    if seconds is None:
        return None
    return (
        f"Its least rounds take about {seconds:.0f} s, more than is left of the budget; "
        f"give --budget-seconds {math.ceil(4 * seconds)} to this operation alone, or gate a "
        "smaller database."
    )


def _undecided(time: TimeComparison | None, untimed: str | None) -> str:
    """Why a time was not decided, and what to do; `untimed` is why none was measured."""
    if time is None:
        if untimed is not None:
            return f"Its time was not measured. {untimed}"
        return "Its time was not measured; give --budget-seconds more."
    if time.noise > time.limit:
        noise, limit = apart(time.noise, time.limit)
        return (
            f"Two runs of the same code differ by up to {noise} here, more than the limit of "
            f"{limit}; let the machine rest, or give --budget-seconds more."
        )
    interval = time.alarm or time.ci95
    told = f"between {interval[0]:.3f} and {interval[1]:.3f} times" if interval else "unknown"
    return (
        f"The time was not decided within the budget ({told} the base's, the limit is "
        f"{1 + time.limit:.3g}); give --budget-seconds more."
    )
