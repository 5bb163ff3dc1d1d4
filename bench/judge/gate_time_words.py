"""What the gate says of times, in sentences.

Judging room: no file, no clock, no database and no randomness may enter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from bench.judge.gate_exact import Exact
from bench.judge.gate_plans import groups_told
from bench.judge.gate_times import apart


def slower(time: Mapping[str, Any]) -> str:
    """What a `time` of gate.json that is a regression says; of several plans each by itself."""
    if time.get("by_plan"):
        limits = [one["limit"] for one in time["by_plan"] if one["slower"]]
        allowed = min(limits, default=time["limit"])
        return f"{groups_told(time['by_plan'])} {1 + allowed:.3g} times is allowed."
    low, high = time["alarm"]
    return (
        f"It takes {_times(time)}, between {low:.3f} and {high:.3f} times with certainty, and "
        f"{1 + time['limit']:.3g} times is allowed."
    )


def quicker(time: Mapping[str, Any]) -> str:
    """What a `time` of gate.json that is an improvement says; of several plans each by itself."""
    if time.get("by_plan"):
        return groups_told(time["by_plan"])
    return f"It takes {_times(time)}."


def _times(time: Mapping[str, Any]) -> str:
    base, head = _duration(time["base_median_ns"]), _duration(time["head_median_ns"])
    return f"{time['ratio']:.3f} times as long ({head} instead of {base})"


def _duration(ns: int) -> str:
    return f"{ns / 1e6:.3g} ms" if ns >= 1e6 else f"{ns / 1e3:.3g} µs"


def tax_time(time: Mapping[str, Any] | None) -> str:
    """What a write that pays for indexes takes, which is told and decides nothing."""
    if time is None or time["ci95"] is None:
        return "Its time was not measured."
    low, high = time["ci95"]
    return f"It takes {_times(time)}, {low:.2f} to {high:.2f}, in transactions rolled back."


def why_slower(exact: Exact | None) -> str:
    """What counters and plans say of a time that grew."""
    if exact is None:
        return "It could not be counted on both sides, so the counters do not tell why."
    if exact.document["plan_changed"]:
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


def undecided(time: Mapping[str, Any] | None, untimed: str | None) -> str:
    """Why a time was not decided, and what to do; `untimed` is why none was measured."""
    if time is None:
        if untimed is not None:
            return f"Its time was not measured. {untimed}"
        return "Its time was not measured; give --budget-seconds more."
    if time["noise"] > time["limit"]:
        noise, limit = apart(time["noise"], time["limit"])
        return (
            f"Two runs of the same code differ by up to {noise} here, more than the limit of "
            f"{limit}; let the machine rest, or give --budget-seconds more."
        )
    interval = time["alarm"] or time["ci95"]
    told = f"between {interval[0]:.3f} and {interval[1]:.3f} times" if interval else "unknown"
    return (
        f"The time was not decided within the budget ({told} the base's, the limit is "
        f"{1 + time['limit']:.3g}); give --budget-seconds more."
    )
