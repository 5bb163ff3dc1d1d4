"""From measured ablation to ablation.json: what each index does, by operation, and its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.judge import evidence
from bench.judge.ablation_effects import (
    ALL,
    NONE,
    AblationRecord,
    IndexFacts,
    IndexPair,
    Sides,
    alone,
    effect,
    without,
)
from bench.judge.evidence import Observed, Paired
from bench.judge.format import listed, significant
from bench.results.ablation import (
    Ablation,
    Effect,
    IndexAblation,
    IndexEffect,
    IndexVerdict,
    OperationAblation,
    PairAblation,
    PairEffect,
)
from bench.results.noise import NoiseFloor
from bench.results.observation import Observation

Cells = Mapping[str, Mapping[str, Effect]]
"""The effect of each index by read operation."""


def ablation_document(record: AblationRecord) -> Ablation:
    """Judge each index and pair of a record."""
    judge = _Judge(
        record, evidence.floor(record.timed), {paired.operation: paired for paired in record.timed}
    )
    cells = {
        seen.operation: {index.name: judge.cell(seen, index.name) for index in record.indexes}
        for seen in judge.reads
    }
    return Ablation(
        study=record.study.name,
        dataset=record.dataset,
        arm=record.arm,
        sqlite_version=record.sqlite_version,
        noise_floor=judge.noise,
        indexes=tuple(_index(judge, index, cells) for index in record.indexes),
        operations=tuple(_operation(judge, seen, cells) for seen in record.operations),
        pairs=tuple(_pair(judge, pair, cells) for pair in record.pairs),
        limits=tuple(_limits(record, cells)),
    )


@dataclass(frozen=True, slots=True)
class _Judge:
    """The record, its noise floor, and the paired times by operation."""

    record: AblationRecord
    noise: NoiseFloor
    timed: Mapping[str, Paired]

    @property
    def reads(self) -> list[Observed]:
        """The read operations that all states answer alike."""
        return [
            seen
            for seen in self.record.operations
            if seen.kind == "read" and seen.difference is None
        ]

    def effect(self, seen: Observed, names: tuple[str, ...], have: str, lack: str) -> Effect:
        """What these indexes do: the operation in a state with them and in one without."""
        paired = self.timed.get(seen.operation)
        minimum = self.record.study.minimum_effect
        return effect(
            Sides(
                operation=seen.operation,
                names=names,
                have=seen.states[have],
                lack=seen.states[lack],
                timed=None if paired is None else (paired, have, lack),
                band=evidence.band_of(self.noise, seen.operation, minimum),
                minimum_effect=minimum,
            )
        )

    def cell(self, seen: Observed, index: str) -> Effect:
        """What one index does among all: a loss that another makes good is "masked"."""
        loss = self.effect(seen, (index,), ALL, without(index))
        if loss.effect != "none":
            return loss
        if self.effect(seen, (index,), alone(index), NONE).effect != "helps":
            return loss
        reason = (
            f"Without {index} nothing changes for {seen.operation}, although {index} as "
            "the only new index serves it: another stands in for it."
        )
        return loss.model_copy(update={"effect": "masked", "reason": reason})

    def observation(self, seen: Observed, state: str) -> Observation:
        """The operation in one state as the document holds it."""
        paired = self.timed.get(seen.operation)
        return seen.states[state].observation(None if paired is None else paired.median_ns(state))


def _operation(judge: _Judge, seen: Observed, cells: Cells) -> OperationAblation:
    operation = judge.record.study.operation(seen.operation)
    return OperationAblation(
        name=seen.operation,
        title=operation.title,
        kind=seen.kind,
        control=operation.control,
        difference=seen.difference,
        all=judge.observation(seen, ALL),
        none=judge.observation(seen, NONE),
        cells={
            index: IndexEffect(
                **dict(cell),
                without=judge.observation(seen, without(index)),
                alone=judge.observation(seen, alone(index)),
            )
            for index, cell in cells.get(seen.operation, {}).items()
        },
    )


def _index(judge: _Judge, index: IndexFacts, cells: Cells) -> IndexAblation:
    effects = {operation: row[index.name] for operation, row in cells.items()}
    taken = any(
        index.name in state.opened for seen in judge.reads for state in seen.states.values()
    )
    upkeep = _upkeep(judge.record.operations, index.name)
    verdict, reason = _verdict(index, effects, taken=taken, upkeep=upkeep)
    return IndexAblation(
        name=index.name,
        table=index.table,
        columns=index.columns,
        verdict=verdict,
        reason=reason,
        helps=tuple(name for name, found in effects.items() if found.effect == "helps"),
        harms=tuple(name for name, found in effects.items() if found.effect == "harms"),
        write_vm_steps=upkeep,
        bytes=index.size_bytes,
    )


def _upkeep(operations: Sequence[Observed], index: str) -> dict[str, int]:
    """By how many steps each write costs more with an index than without, where it differs."""
    extra = {
        seen.operation: seen.states[ALL].counters.vm_steps
        - seen.states[without(index)].counters.vm_steps
        for seen in operations
        if seen.kind == "write"
    }
    return {operation: steps for operation, steps in extra.items() if steps}


def _verdict(
    index: IndexFacts, effects: Mapping[str, Effect], *, taken: bool, upkeep: Mapping[str, int]
) -> tuple[IndexVerdict, str]:
    """The verdict on one index and its reason.

    `effects` are by read operation, `taken` says whether the planner takes it in any state,
    `upkeep` are the steps that it adds to writes.
    """
    helps, harms, masked = (
        {name: found for name, found in effects.items() if found.effect == word}
        for word in ("helps", "harms", "masked")
    )
    if helps or harms:
        reason = " ".join(filter(None, (_strongest(index, helps), _strongest(index, harms))))
        return ("mixed" if helps and harms else "pays" if helps else "harmful"), reason
    cost = _cost(upkeep)
    if masked:
        return "dead weight", (
            f"Without {index.name} nothing changes: another index stands in for it in "
            f"{listed(list(masked))}, so one of the two is enough. {cost}"
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
        f"The planner takes {index.name} in no state, although {listed(index.sought_by)} looks "
        f"for {index.columns[0]}. {cost}"
    )


def _strongest(index: IndexFacts, effects: Mapping[str, Effect]) -> str:
    """The effect that changes the most, in a sentence, and how many more there are."""
    if not effects:
        return ""
    name = max(effects, key=lambda each: (_magnitude(effects[each]), each))
    word = effects[name].effect
    others = [each for each in effects if each != name]
    more = f" It {word} {listed(others)} too." if others else ""
    unsure = [each for each, found in effects.items() if found.confirmed is False]
    doubt = f" The times do not confirm it for {listed(unsure)}." if unsure else ""
    return f"{index.name} {word} {name}: {effects[name].reason}{more}{doubt}"


def _magnitude(found: Effect) -> float:
    ratio = found.steps_ratio if found.speedup is None else found.speedup
    return max(ratio, 1 / ratio) if ratio > 0 else float("inf")


def _cost(upkeep: Mapping[str, int]) -> str:
    if not upkeep:
        return "No write of the study touches it; it takes space alone."
    costs = ", ".join(f"{steps:,} steps to each {name}" for name, steps in upkeep.items())
    return f"It adds {costs}."


def _pair(judge: _Judge, pair: IndexPair, cells: Cells) -> PairAblation:
    state = without(*pair.names)
    effects = {
        seen.operation: PairEffect(
            **dict(judge.effect(seen, pair.names, ALL, state)),
            without_both=judge.observation(seen, state),
        )
        for seen in judge.reads
        if any(name in one.opened for name in pair.names for one in seen.states.values())
    }
    return PairAblation(
        indexes=pair.names,
        why=pair.why,
        operations=effects,
        reason=_pair_reason(pair, effects, cells),
    )


def _pair_reason(pair: IndexPair, both: Mapping[str, Effect], cells: Cells) -> str:
    """What leaving both out tells that leaving out one alone does not."""
    one, other = pair.names
    sentences = []
    for name, found in both.items():
        singles = {index: cells[name][index].effect for index in pair.names}
        if found.effect in singles.values():
            continue
        if found.effect == "none":
            sentences.append(f"What the loss of one of them does to {name} is undone without both.")
        elif harming := [index for index, word in singles.items() if word == "harms"]:
            stands = other if harming == [one] else one
            sentences.append(
                f"{name} gets cheaper without {harming[0]}, but only as long as {stands} is there: "
                f"without both it {_changes(found)}."
            )
        elif found.effect == "helps":
            sentences.append(
                f"In {name} each stands in for the other: without both it {_changes(found)}."
            )
        else:
            sentences.append(f"Only without both does {name} get cheaper: it {_changes(found)}.")
    if sentences:
        return " ".join(sentences)
    return (
        f"Leaving out {one} and {other} together shows nothing that leaving out one of them "
        "does not show already."
    )


def _changes(found: Effect) -> str:
    steps = f"takes {significant(found.steps_ratio)} times the steps"
    if found.speedup is None:
        return steps
    unsure = "" if found.confirmed else ", which leaves it open whether that is felt"
    return f"{steps} and {significant(found.speedup)} times the time{unsure}"


def _limits(record: AblationRecord, cells: Cells) -> list[str]:
    """What the matrix does not tell, in sentences."""
    limits = [
        f"Counters hold for SQLite {record.sqlite_version}, for this data and for the statistics "
        f"of the arm {record.arm}; each is of one set of drawn parameters.",
        "An index is left out by hiding it, not by dropping it: its pages stay in the file.",
        "Writes are counted in a transaction that is rolled back, and not timed.",
    ]
    limits += [seen.difference for seen in record.operations if seen.difference is not None]
    for name, row in cells.items():
        moved = [index for index, found in row.items() if found.effect != "none"]
        if moved and record.study.operation(name).control:
            limits.append(
                f"The control {name} is moved by {listed(moved)}, which no index of the "
                "migration should do: it is no control in this study."
            )
    return limits
