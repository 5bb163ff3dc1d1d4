"""The verdict on one operation of a gate, and its sentences: counters and answers before times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.judge.format import percents_apart
from bench.judge.gate_answers import Differing, difference, parameters_text
from bench.judge.gate_exact import CUT_TIES, Exact, is_steady, unsteady
from bench.judge.gate_seen import Seen
from bench.results import gate as results
from bench.study.gate_limits import GateLimits


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one operation, what decided it and why; see `GatedOperation`."""

    verdict: results.OperationVerdict
    layer: results.Layer | None = None
    message: str | None = None
    cause: str | None = None
    cost: str | None = None
    difference: results.AnswerDifference | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """What was timed of an operation, also by plan; `untimed` is why nothing was.

    `wanted`: the time decides; else it is shown.
    """

    compared: results.TimeComparison | None
    by_plan: tuple[results.PlanGroup, ...] = ()
    wanted: bool = True
    untimed: str | None = None


def of_one_side(presence: results.Presence, head: Sequence[Seen]) -> Outcome:
    """The verdict on an operation that one side has; a new one has to work at least."""
    if presence == "missing":
        message = "The base has it and the head does not: nothing guards it any more."
        return Outcome("missing", None, message)
    refusal = next((seen.refused for seen in head if seen.refused is not None), None)
    if refusal is not None:
        message = f"Only the head has it, and cannot run it: {refusal.rstrip('.')}."
        return Outcome("regression", "exact", message)
    if not all(map(is_steady, head)):
        return Outcome("inconclusive", "exact", unsteady(*head))
    return Outcome("new", None, "Only the head has it: there is nothing to compare it with.")


def of_both_sides(exact: Exact | None, times: Times) -> Outcome:
    """The verdict on an operation that both sides have: exact counters before times.

    A time that is clearly shorter overrules counters that grew, of all draws alike; counters
    that speak against each other are decided by the time. Where none was to be measured they
    count as grown.
    """
    time, wanted, groups = times.compared, times.wanted, times.by_plan
    timed = None if time is None else time.verdict
    if time is not None and any(group.slower for group in groups):
        timed = "regression"
    if exact is not None and exact.verdict == "regression":
        if exact.by_work and timed == "improved" and time is not None:
            return Outcome("improved", "time", f"{_quicker(time, groups)} {_trade(exact)}")
        return Outcome("regression", "exact", exact.message, exact.cause)
    if time is not None and timed == "regression":
        return Outcome("regression", "time", _slower(time, groups), _why_slower(exact))
    if exact is None:
        message = (
            "It was not counted on both sides, so nothing is known of it; where the budget was "
            "used up before, give --budget-seconds more."
        )
        return Outcome("inconclusive", None, message)
    if exact.verdict == "inconclusive":
        return Outcome("inconclusive", "exact", exact.message)
    if exact.verdict == "mixed":
        if not wanted:
            only = "Only a time could tell which weighs more, and none was measured."
            return Outcome("regression", "exact", f"{exact.message} {only}", exact.cause)
        trade = f" {_trade(exact)}"
    else:
        trade = ""
    improved = Outcome("improved", "exact", exact.message)
    if wanted and timed in (None, "inconclusive"):
        if time is None and times.untimed is not None and exact.verdict == "improved":
            return improved
        return Outcome("inconclusive", "time", f"{_undecided(time, times.untimed)}{trade}")
    if exact.verdict == "improved":
        return improved
    if time is not None and timed == "improved":
        return Outcome("improved", "time", f"{_quicker(time, groups)}{trade}")
    if exact.verdict == "mixed":
        return Outcome("pass", "time", f"It takes no longer, within the limit.{trade}")
    return Outcome("pass", None, exact.message)


def _trade(exact: Exact) -> str:
    return f"Counters alone do not say so: {(exact.message or '').rstrip('.')}."


def of_timed_answers(differs: Differing, parameters: Sequence[Mapping[str, Any]]) -> Outcome:
    """The verdict where answers differ for a set that was to be timed, and how they do."""
    if differs.set_index is None:
        message = (
            "Two processes of the base do not answer alike, so nothing can be compared; make the "
            "answer depend on the database and the request alone."
        )
        return Outcome("inconclusive", "exact", message)
    values = parameters_text(parameters[differs.set_index]) if parameters else ""
    whose = f"For {values or 'one'}, one of the draws that were to be timed,"
    if differs.refusal is not None:
        message = f"{whose} the head cannot run it: {differs.refusal.rstrip('.')}."
        return Outcome("regression", "exact", message)
    if differs.base is None or differs.head is None:
        return Outcome("regression", "exact", f"{whose} the answers differ.")
    differing = difference(differs.base, differs.head).model_copy(update={"parameters": values})
    if differing.kind == "ties":
        return Outcome("inconclusive", "exact", CUT_TIES, difference=differing)
    message = f"{whose} the answers differ{differing.told}."
    return Outcome("regression", "exact", message, difference=differing)


def with_tax(
    outcome: Outcome,
    exact: Exact | None,
    name: str,
    time: results.TimeComparison | None,
    limits: GateLimits,
) -> Outcome:
    """What a write pays for new indexes, and how to accept that where it is too much."""
    if exact is None or exact.cost is None:
        return outcome
    # The time of a write decides nothing.
    took = "Its time was not measured."
    if time is not None and time.ci95 is not None:
        low, high = time.ci95
        took = f"It takes {_times(time)}, {low:.2f} to {high:.2f}, in transactions rolled back."
    cost = f"{exact.cost} {took}"
    if outcome.verdict == "pass":
        return replace(outcome, message=cost, cost=cost)
    if outcome.verdict != "regression":
        return outcome
    accepted = math.ceil(exact.tax * 2) / 2
    accept = (
        f"{cost} If the reads are worth that, write into {limits.file}:\n"
        f"{limits.heading(name)}\nwrite_tax = {accepted:g}"
    )
    return replace(outcome, cause=" ".join(filter(None, (outcome.cause, accept))))


def _slower(time: results.TimeComparison, groups: Sequence[results.PlanGroup]) -> str:
    """What a time says that is a regression; of several plans each by itself."""
    if groups:
        limits = [group.limit for group in groups if group.slower and group.limit is not None]
        return f"{_by_plan(groups)} {1 + min(limits, default=time.limit):.3g} times is allowed."
    assert time.alarm is not None
    low, high = time.alarm
    return (
        f"It takes {_times(time)}, between {low:.3f} and {high:.3f} times with certainty, and "
        f"{1 + time.limit:.3g} times is allowed."
    )


def _quicker(time: results.TimeComparison, groups: Sequence[results.PlanGroup]) -> str:
    """What a time says that is an improvement; of several plans each by itself."""
    return _by_plan(groups) if groups else f"It takes {_times(time)}."


def _by_plan(groups: Sequence[results.PlanGroup]) -> str:
    parts = [
        f"{'not timed' if group.ratio is None else f'{group.ratio:.3g} times as long'} "
        f"for {group.whose}"
        for group in groups
    ]
    return f"Its parameters run {len(groups)} plans: {', '.join(parts)}."


def _times(time: results.TimeComparison) -> str:
    base, head = _duration(time.base_median_ns), _duration(time.head_median_ns)
    return f"{time.ratio:.3f} times as long ({head} instead of {base})"


def _duration(ns: int) -> str:
    return f"{ns / 1e6:.3g} ms" if ns >= 1e6 else f"{ns / 1e3:.3g} µs"


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


def _undecided(time: results.TimeComparison | None, untimed: str | None) -> str:
    """Why a time was not decided, and what to do; `untimed` is why none was measured."""
    if time is None:
        if untimed is not None:
            return f"Its time was not measured. {untimed}"
        return "Its time was not measured; give --budget-seconds more."
    if time.noise > time.limit:
        noise, limit = percents_apart(time.noise, time.limit)
        return (
            f"Two runs of the same code differ by up to {noise} here, more than the limit of "
            f"{limit}; let the machine rest, or give --budget-seconds more."
        )
    interval = time.alarm or time.ci95
    known = f"between {interval[0]:.3f} and {interval[1]:.3f} times" if interval else "unknown"
    return (
        f"The time was not decided within the budget ({known} the base's, the limit is "
        f"{1 + time.limit:.3g}); give --budget-seconds more."
    )
