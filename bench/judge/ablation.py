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
    effect,
    only,
    speedup_between,
    without,
)
from bench.judge.evidence import Observed, Paired
from bench.judge.format import joined, significant
from bench.judge.noise import Controls
from bench.results import ablation as results
from bench.results.model import Observation

Cells = Mapping[str, Mapping[str, results.Effect]]
"""The effect of each index by read operation."""


def ablation_document(record: AblationRecord) -> results.Ablation:
    """Judge each index and pair of a record."""
    controls, noise = evidence.floor(record.timed)
    judge = _Judge(record, controls, {paired.operation: paired for paired in record.timed})
    cells = {
        seen.operation: {index.name: judge.cell(seen, index.name) for index in record.indexes}
        for seen in judge.reads
    }
    return results.Ablation(
        study=record.study.name,
        dataset=record.dataset,
        arm=record.arm,
        sqlite_version=record.sqlite_version,
        noise_floor=noise,
        indexes=tuple(_index(judge, index, cells) for index in record.indexes),
        operations=tuple(_operation(judge, seen, cells) for seen in record.operations),
        pairs=tuple(_pair(judge, pair, cells) for pair in record.pairs),
        limits=tuple(_limits(record, cells)),
    )


@dataclass(frozen=True, slots=True)
class _Judge:
    """The record, its A/A controls, and the paired times by operation."""

    record: AblationRecord
    controls: Controls
    timed: Mapping[str, Paired]

    @property
    def reads(self) -> list[Observed]:
        """The read operations that all states answer alike."""
        return [
            seen
            for seen in self.record.operations
            if seen.kind == "read" and seen.difference is None
        ]

    def effect(
        self, seen: Observed, names: tuple[str, ...], have: str, lack: str
    ) -> results.Effect:
        """What these indexes do: the operation in a state with them and in one without."""
        speedup = speedup_between(self.timed.get(seen.operation), have, lack)
        sides = Sides(seen.operation, names, seen.states[have], seen.states[lack], speedup)
        return effect(sides, self.controls, self.record.study.minimum_effect)

    def cell(self, seen: Observed, index: str) -> results.Effect:
        """What one index does among all: a loss that another makes good is "masked"."""
        loss = self.effect(seen, (index,), ALL, without(index))
        if loss.effect != "none":
            return loss
        if self.effect(seen, (index,), only(index), NONE).effect != "helps":
            return loss
        reason = (
            f"Without {index} nothing changes for {seen.operation}, although {index} as "
            "the only new index serves it: another replaces it."
        )
        return loss.model_copy(update={"effect": "masked", "reason": reason})

    def observation(self, seen: Observed, state: str) -> Observation:
        """The operation in one state as the document holds it."""
        return evidence.observation(seen, state, self.timed.get(seen.operation))


def _operation(judge: _Judge, seen: Observed, cells: Cells) -> results.OperationAblation:
    operation = judge.record.study.operation(seen.operation)
    return results.OperationAblation(
        name=seen.operation,
        title=operation.title,
        kind=seen.kind,
        control=operation.control,
        difference=seen.difference,
        all=judge.observation(seen, ALL),
        none=judge.observation(seen, NONE),
        cells={
            index: results.IndexEffect(
                **dict(cell),
                without=judge.observation(seen, without(index)),
                alone=judge.observation(seen, only(index)),
            )
            for index, cell in cells.get(seen.operation, {}).items()
        },
    )


def _index(judge: _Judge, index: IndexFacts, cells: Cells) -> results.IndexAblation:
    effects = {operation: row[index.name] for operation, row in cells.items()}
    taken = any(
        index.name in state.opened for seen in judge.reads for state in seen.states.values()
    )
    added_steps = _steps_of_writes(judge.record.operations, index.name)
    verdict, reason = _verdict(index, effects, taken=taken, added_steps=added_steps)
    return results.IndexAblation(
        name=index.name,
        table=index.table,
        columns=index.columns,
        verdict=verdict,
        reason=reason,
        helps=tuple(_with(effects, "helps")),
        harms=tuple(_with(effects, "harms")),
        write_vm_steps=added_steps,
        bytes=index.size_bytes,
    )


def _with(
    effects: Mapping[str, results.Effect], word: results.EffectWord
) -> dict[str, results.Effect]:
    return {name: cell for name, cell in effects.items() if cell.effect == word}


def _steps_of_writes(operations: Sequence[Observed], index: str) -> dict[str, int]:
    """By how many steps each write costs more with an index than without, where it differs."""
    extra = {
        seen.operation: seen.states[ALL].counters.vm_steps
        - seen.states[without(index)].counters.vm_steps
        for seen in operations
        if seen.kind == "write"
    }
    return {operation: steps for operation, steps in extra.items() if steps}


def _verdict(
    index: IndexFacts,
    effects: Mapping[str, results.Effect],
    *,
    taken: bool,
    added_steps: Mapping[str, int],
) -> tuple[results.IndexVerdict, str]:
    """The verdict on one index and its reason.

    `effects` are by read operation, `taken` says whether the planner takes it in any state,
    `added_steps` are the steps that it adds to writes.
    """
    helps, harms = _with(effects, "helps"), _with(effects, "harms")
    if helps or harms:
        reason = " ".join(filter(None, (_strongest(index, helps), _strongest(index, harms))))
        return ("mixed" if helps and harms else "pays" if helps else "harmful"), reason
    if masked := _with(effects, "masked"):
        reason = (
            f"Without {index.name} nothing changes: another index replaces it in "
            f"{joined(list(masked))}, so one of the two is enough."
        )
    elif taken:
        reason = (
            f"The planner takes {index.name} in some states, and no operation is the dearer "
            "without it."
        )
    elif not index.sought_by:
        reason = (
            f"No read operation of the study looks for {index.columns[0]} of {index.table}: the "
            f"queries that {index.name} is meant for are not in the study."
        )
    else:
        reason = (
            f"The planner takes {index.name} in no state, although {joined(index.sought_by)} looks "
            f"for {index.columns[0]}."
        )
    costs = ", ".join(f"{steps:,} steps to each {name}" for name, steps in added_steps.items())
    no_cost = "No write of the study touches it; it takes space alone."
    reason = f"{reason} {f'It adds {costs}.' if costs else no_cost}"
    return "dead weight" if masked or taken or index.sought_by else "untested", reason


def _strongest(index: IndexFacts, effects: Mapping[str, results.Effect]) -> str:
    """The effect that changes the most, in a sentence, and how many more there are."""
    if not effects:
        return ""
    ratios = {
        each: cell.steps_ratio if cell.speedup is None else cell.speedup
        for each, cell in effects.items()
    }
    sizes = {each: max(r, 1 / r) if r > 0 else float("inf") for each, r in ratios.items()}
    name = max(effects, key=lambda each: (sizes[each], each))
    word = effects[name].effect
    others = [each for each in effects if each != name]
    more = f" It {word} {joined(others)} too." if others else ""
    unsure = [each for each, cell in effects.items() if cell.confirmed is False]
    doubt = f" The times do not confirm it for {joined(unsure)}." if unsure else ""
    return f"{index.name} {word} {name}: {effects[name].reason}{more}{doubt}"


def _pair(judge: _Judge, pair: IndexPair, cells: Cells) -> results.PairAblation:
    state = without(*pair.names)
    effects = {
        seen.operation: results.PairEffect(
            **dict(judge.effect(seen, pair.names, ALL, state)),
            without_both=judge.observation(seen, state),
        )
        for seen in judge.reads
        if any(
            name in state_seen.opened for name in pair.names for state_seen in seen.states.values()
        )
    }
    return results.PairAblation(
        indexes=pair.names,
        why=pair.why,
        operations=effects,
        reason=_pair_reason(pair, effects, cells),
    )


def _pair_reason(pair: IndexPair, both: Mapping[str, results.Effect], cells: Cells) -> str:
    """What leaving both out tells that leaving out one alone does not."""
    first, second = pair.names
    sentences = []
    for name, loss in both.items():
        singles = {index: cells[name][index].effect for index in pair.names}
        harming = [index for index, word in singles.items() if word == "harms"]
        change = _change(loss)
        if loss.effect in singles.values():
            continue
        if loss.effect == "none":
            sentences.append(f"What the loss of one of them does to {name} is undone without both.")
        elif harming:
            remaining = second if harming == [first] else first
            sentences.append(
                f"{name} gets cheaper without {harming[0]}, but only as long as {remaining} is "
                f"there: without both it {change}."
            )
        elif loss.effect == "helps":
            sentences.append(f"In {name} each replaces the other: without both it {change}.")
        else:
            sentences.append(f"Only without both does {name} get cheaper: it {change}.")
    return " ".join(sentences) or (
        f"Leaving out {first} and {second} together shows nothing that leaving out one of them "
        "does not show already."
    )


def _change(loss: results.Effect) -> str:
    steps = f"takes {significant(loss.steps_ratio)} times the steps"
    if loss.speedup is None:
        return steps
    unsure = "" if loss.confirmed else ", which leaves it open whether that is felt"
    return f"{steps} and {significant(loss.speedup)} times the time{unsure}"


def _limits(record: AblationRecord, cells: Cells) -> list[str]:
    """What the matrix does not tell, in sentences."""
    limits = [
        f"Counters hold for SQLite {record.sqlite_version}, for this data and for the statistics "
        f"of the arm {record.arm}; each is of one set of drawn parameters.",
        "An index is left out by hiding it, not by dropping it: its pages stay in the file.",
        "Writes are counted in a transaction that is rolled back, and not timed.",
    ]
    limits += [seen.difference for seen in record.operations if seen.difference]
    for name, row in cells.items():
        moved = [index for index, cell in row.items() if cell.effect != "none"]
        if moved and record.study.operation(name).control:
            limits.append(
                f"The control {name} is moved by {joined(moved)}, which no index of the "
                "migration should do: it is no control in this study."
            )
    return limits
