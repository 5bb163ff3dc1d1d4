"""Verdicts on indexes and pairs, in sentences that name the operation and the index.

Judging room: no file, no clock, no database may enter, and no randomness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from bench.judge.ablation_effects import Effect
from bench.judge.ablation_records import Ablation, IndexFacts, IndexPair
from bench.judge.figures import significant

IndexVerdict = Literal["pays", "dead weight", "harmful", "mixed", "untested"]


def index_verdict(
    index: IndexFacts, cells: Mapping[str, Effect], *, taken: bool, upkeep: Mapping[str, int]
) -> tuple[IndexVerdict, str]:
    """The verdict on one index and its reason.

    `cells` are its effects by read operation, `taken` whether the planner takes it in any
    state, `upkeep` the steps that it adds to writes.
    """
    helps = {name: one for name, one in cells.items() if one.word == "helps"}
    harms = {name: one for name, one in cells.items() if one.word == "harms"}
    masked = [name for name, one in cells.items() if one.word == "masked"]
    if helps or harms:
        said = " ".join(filter(None, (_strongest(index, helps), _strongest(index, harms))))
        return ("mixed" if helps and harms else "pays" if helps else "harmful"), said
    cost = _cost(upkeep)
    if masked:
        return "dead weight", (
            f"Without {index.name} nothing changes: another index stands in for it in "
            f"{_listed(masked)}, so one of the two is enough. {cost}"
        )
    if taken:
        return "dead weight", (
            f"The planner takes {index.name} in some states, and no operation is the dearer "
            f"without it. {cost}"
        )
    if not index.sought_by:
        return "untested", (
            f"No read operation of the study looks for {index.columns[0]} of {index.table}: the "
            f"queries that {index.name} is meant for are not in the study. {cost}"
        )
    return "dead weight", (
        f"The planner takes {index.name} in no state, although {_listed(index.sought_by)} looks "
        f"for {index.columns[0]}. {cost}"
    )


def _strongest(index: IndexFacts, effects: Mapping[str, Effect]) -> str:
    """The effect that changes the most, in a sentence, and how many more there are."""
    if not effects:
        return ""
    name = max(effects, key=lambda each: (_size(effects[each]), each))
    word = effects[name].word
    others = [each for each in effects if each != name]
    more = f" It {word} {_listed(others)} too." if others else ""
    unsure = [each for each, one in effects.items() if one.confirmed is False]
    doubt = f" The times do not confirm it for {_listed(unsure)}." if unsure else ""
    return f"{index.name} {word} {name}: {effects[name].reason}{more}{doubt}"


def _size(found: Effect) -> float:
    ratio = found.steps_ratio if found.speedup is None else found.speedup.ratio
    return max(ratio, 1 / ratio) if ratio > 0 else float("inf")


def _cost(upkeep: Mapping[str, int]) -> str:
    if not upkeep:
        return "No write of the study touches it; it takes space alone."
    costs = ", ".join(f"{steps:,} steps to each {name}" for name, steps in upkeep.items())
    return f"It adds {costs}."


def pair_reason(
    pair: IndexPair, both: Mapping[str, Effect], cells: Mapping[str, Mapping[str, Effect]]
) -> str:
    """What leaving both out tells that leaving out one alone does not."""
    one, other = pair.names
    said = []
    for name, found in both.items():
        singles = {index: cells[name][index].word for index in pair.names}
        if found.word in singles.values():
            continue
        if found.word == "none":
            said.append(f"What the loss of one of them does to {name} is undone without both.")
        elif harming := [index for index, word in singles.items() if word == "harms"]:
            stands = other if harming == [one] else one
            said.append(
                f"{name} gets cheaper without {harming[0]}, but only as long as {stands} is there: "
                f"without both it {_changes(found)}."
            )
        elif found.word == "helps":
            said.append(
                f"In {name} each stands in for the other: without both it {_changes(found)}."
            )
        else:
            said.append(f"Only without both does {name} get cheaper: it {_changes(found)}.")
    if said:
        return " ".join(said)
    return (
        f"Leaving out {one} and {other} together shows nothing that leaving out one of them "
        "does not show already."
    )


def _changes(found: Effect) -> str:
    steps = f"takes {significant(found.steps_ratio)} times the steps"
    if found.speedup is None:
        return steps
    unsure = "" if found.confirmed else ", which leaves it open whether that is felt"
    return f"{steps} and {significant(found.speedup.ratio)} times the time{unsure}"


def limits(record: Ablation, cells: Mapping[str, Mapping[str, Effect]]) -> list[str]:
    """What the matrix does not tell, in sentences."""
    found = [
        f"Counters hold for SQLite {record.sqlite_version}, for this data and for the statistics "
        f"of the arm {record.arm}; each is of one set of drawn parameters.",
        "An index is left out by hiding it, not by dropping it: its pages stay in the file.",
        "Writes are counted in a transaction that is rolled back, and not timed.",
    ]
    found += [seen.difference for seen in record.operations if seen.difference is not None]
    for name, row in cells.items():
        moved = [index for index, one in row.items() if one.word != "none"]
        if moved and record.study.operation(name).control:
            found.append(
                f"The control {name} is moved by {_listed(moved)}, which no index of the "
                "migration should do: it is no control in this study."
            )
    return found


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
