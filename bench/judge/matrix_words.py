"""What the statistics matrix answers, in sentences made of its own figures.

Judging room: no file, no clock, no database may enter. The entries are those of
statistics.json; nothing is measured or decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.judge.causes import parse_plan
from bench.judge.figures import duration, effect
from bench.judge.matrix_records import BASE, StateGathered
from bench.judge.misjudged import GUESSED_ROWS, by_equality, misjudged

# The operation and the state that the first question is about.
FOCUS, ADVISED = "events_by_type_since", "optimize"


def answers(
    states: Sequence[StateGathered],
    beside: Sequence[StateGathered],
    operations: Sequence[Mapping[str, Any]],
) -> list[str]:
    """First what the advised step does to the type filter, then what each state mends and harms."""
    found = []
    focus = next((entry for entry in operations if entry["name"] == FOCUS), None)
    known = {state.name: state for state in states}
    if focus is not None and ADVISED in known:
        found.append(_advised(focus, known))
        found += _first_mending(focus, states)
    found += [_state(state, known, operations) for state in states if state.name != BASE]
    found += [_beside(state, known) for state in beside]
    return found


def _advised(focus: Mapping[str, Any], known: Mapping[str, StateGathered]) -> str:
    """What D1's step does to the type filter: plan, steps and time, before and after."""
    state = known[ADVISED]
    before, after = focus["states"][BASE], focus["states"][ADVISED]
    pair = _pair(focus, ADVISED)
    plans = (
        f"changes the plan of {focus['name']} from {_plan(before)} to {_plan(after)}"
        if after["flipped"]
        else f"leaves the plan of {focus['name']} as it is, {_plan(after)}"
    )
    judged = "" if pair is None else f" ({_verdict(pair)})"
    text = (
        f"The step that D1 advises, {state.title}, {plans}: "
        f"{_figures(before)} before, {_figures(after)} after{judged}."
    )
    full = known.get("full", known.get("samples"))
    true = {} if full is None else full.rows_per_key
    wrong = misjudged(after["plan"], state.rows_per_key, true)
    return text if wrong is None else f"{text} {wrong}"


def _first_mending(focus: Mapping[str, Any], states: Sequence[StateGathered]) -> Iterator[str]:
    """The first state that makes the type filter faster, and what it tells the planner."""
    for state in states:
        pair = None if state.name == BASE else _pair(focus, state.name)
        if pair is None or pair["verdict"] != "faster":
            continue
        seen, before = focus["states"][state.name], focus["states"][BASE]
        told = _told(before["plan"], state)
        yield (
            f"{_capital(state.title)} mends {focus['name']}: {_plan(seen)}, {_figures(seen)}, "
            f"{effect(pair['speedup'])} than without statistics{told}."
        )
        return


def _told(plan: Sequence[str], state: StateGathered) -> str:
    """What a state says of the index that the planner took without statistics."""
    for access in parse_plan(plan).accesses:
        index = by_equality(access)
        if index is not None and index in state.rows_per_key:
            rows = state.rows_per_key[index]
            return f"; it counts {rows:,} rows for each value of {index}, not {GUESSED_ROWS}"
    return ""


def _state(
    state: StateGathered,
    known: Mapping[str, StateGathered],
    operations: Sequence[Mapping[str, Any]],
) -> str:
    """Which operations a state mends and which it harms, with how much."""
    if state.same_as is not None:
        like = known[state.same_as].title
        return f"{_capital(state.title)} writes the same as {like} and so changes the same."
    judged: dict[str, list[str]] = {"faster": [], "slower": [], "same": [], "inconclusive": []}
    anew, flips = [], []
    for entry in operations:
        if entry["states"][state.name]["flipped"]:
            flips.append(entry["name"])
        pair = _pair(entry, state.name)
        if pair is None:
            continue
        decided = pair["verdict"] in ("faster", "slower")
        name = entry["name"] + (f" ({effect(pair['speedup'])})" if decided else "")
        if pair["verdict"] == "slower" and not entry["states"][state.name]["flipped"]:
            anew.append(name)
        else:
            judged[pair["verdict"]].append(name)
    parts = [
        f"mends {_list(judged['faster'])}",
        f"harms {_list(judged['slower'])}",
        f"leaves {len(judged['same'])} as they were",
    ]
    if anew:
        parts.append(f"slows {_list(anew)} without a change of plan")
    if judged["inconclusive"]:
        parts.append(f"leaves {_list(judged['inconclusive'])} undecided")
    flipped = f"; it changes the plan of {_list(flips)}" if flips else "; it changes no plan"
    took = f" (gathered in {duration(state.duration_ns)})"
    return f"{_capital(state.title)}{took} {', '.join(parts)}{flipped}."


def _beside(state: StateGathered, known: Mapping[str, StateGathered]) -> str:
    same = known.get(state.same_as or "")
    like = (
        "writes what no other state holds" if same is None else f"writes the same as {same.title}"
    )
    return f"{_capital(state.title)} {like}, in {duration(state.duration_ns)}."


def _pair(entry: Mapping[str, Any], state: str) -> Mapping[str, Any] | None:
    for pair in entry["comparisons"]:
        if pair["state"] == state:
            return dict(pair)
    return None


def _plan(seen: Mapping[str, Any]) -> str:
    return "; ".join(line.strip() for line in seen["plan"]) or "no plan"


def _figures(seen: Mapping[str, Any]) -> str:
    took = "" if seen["median_ns"] is None else f" in {duration(seen['median_ns'])}"
    return f"{seen['vm_steps']:,} steps{took}"


def _verdict(pair: Mapping[str, Any]) -> str:
    if pair["speedup"] is None:
        return str(pair["verdict"])
    if pair["verdict"] == "same":
        return "no difference"
    return f"{pair['verdict']}, {effect(pair['speedup'])}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
