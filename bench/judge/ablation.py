"""From measured ablation to ablation.json: what each index does, by operation, and its verdict.

Judging room: no file, no clock, no database may enter, and no randomness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.judge import evidence
from bench.judge.ablation_effects import Effect, Sides, effect
from bench.judge.ablation_records import (
    ALL,
    NONE,
    Ablation,
    IndexFacts,
    IndexPair,
    alone,
    without,
)
from bench.judge.ablation_words import index_verdict, limits, pair_reason
from bench.judge.evidence import Observed, Paired

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class _Judged:
    """The record, and what is asked of it again and again."""

    record: Ablation
    noise: Mapping[str, Any]
    timed: Mapping[str, Paired]

    @property
    def reads(self) -> list[Observed]:
        """The read operations that all states answer alike."""
        return [
            one for one in self.record.operations if one.kind == "read" and one.difference is None
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
        found = self.effect(seen, (index,), ALL, without(index))
        if found.word != "none":
            return found
        by_itself = self.effect(seen, (index,), alone(index), NONE)
        if by_itself.word != "helps":
            return found
        return replace(
            found,
            word="masked",
            reason=f"Without {index} nothing changes for {seen.operation}, although {index} as "
            "the only new index serves it: another stands in for it.",
        )


def ablation_document(record: Ablation) -> dict[str, Any]:
    """The content of ablation.json.

    Times are integers in nanoseconds; `speedup` is time without / time with all, and
    `steps_ratio` steps without / steps with all: above 1 the index helps.
    """
    noise = evidence.floor(record.timed)
    judged = _Judged(record, noise, {one.operation: one for one in record.timed})
    cells = {
        seen.operation: {index.name: judged.cell(seen, index.name) for index in record.indexes}
        for seen in judged.reads
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "study": record.study.name,
        "dataset": dict(record.dataset),
        "arm": record.arm,
        "sqlite_version": record.sqlite_version,
        "noise_floor": noise,
        "indexes": [_index(judged, index, cells) for index in record.indexes],
        "operations": [_operation(judged, seen, cells) for seen in record.operations],
        "pairs": [_pair(judged, pair, cells) for pair in record.pairs],
        "limits": limits(record, cells),
    }


def _index(
    judged: _Judged, index: IndexFacts, cells: Mapping[str, Mapping[str, Effect]]
) -> dict[str, Any]:
    mine = {operation: row[index.name] for operation, row in cells.items()}
    taken = any(
        index.name in state.opened for seen in judged.reads for state in seen.states.values()
    )
    upkeep = _upkeep(judged.record.operations, index.name)
    verdict, reason = index_verdict(index, mine, taken=taken, upkeep=upkeep)
    return {
        "name": index.name,
        "table": index.table,
        "columns": list(index.columns),
        "verdict": verdict,
        "reason": reason,
        "helps": [name for name, one in mine.items() if one.word == "helps"],
        "harms": [name for name, one in mine.items() if one.word == "harms"],
        "write_vm_steps": upkeep,
        "bytes": index.size_bytes,
    }


def _upkeep(operations: Sequence[Observed], index: str) -> dict[str, int]:
    """By how many steps each write costs more with an index than without, where it differs."""
    found = {}
    for seen in operations:
        if seen.kind == "write":
            here, there = seen.states[ALL], seen.states[without(index)]
            extra = here.counters.vm_steps - there.counters.vm_steps
            if extra:
                found[seen.operation] = extra
    return found


def _operation(
    judged: _Judged, seen: Observed, cells: Mapping[str, Mapping[str, Effect]]
) -> dict[str, Any]:
    operation = judged.record.study.operation(seen.operation)
    return {
        "name": seen.operation,
        "title": operation.title,
        "kind": seen.kind,
        "control": operation.control,
        "difference": seen.difference,
        "all": _seen(judged, seen, ALL),
        "none": _seen(judged, seen, NONE),
        "cells": {
            index: {
                "without": _seen(judged, seen, without(index)),
                "alone": _seen(judged, seen, alone(index)),
                **_effect(found),
            }
            for index, found in cells.get(seen.operation, {}).items()
        },
    }


def _seen(judged: _Judged, seen: Observed, state: str) -> dict[str, Any]:
    paired = judged.timed.get(seen.operation)
    return seen.states[state].document(None if paired is None else paired.median_ns(state))


def _effect(found: Effect) -> dict[str, Any]:
    speedup = found.speedup
    return {
        "effect": found.word,
        "steps_ratio": found.steps_ratio,
        "speedup": None if speedup is None else speedup.ratio,
        "ci95": None if speedup is None else [speedup.low, speedup.high],
        "confirmed": found.confirmed,
        "reason": found.reason,
    }


def _pair(
    judged: _Judged, pair: IndexPair, cells: Mapping[str, Mapping[str, Effect]]
) -> dict[str, Any]:
    state = without(*pair.names)
    found = {
        seen.operation: judged.effect(seen, pair.names, ALL, state)
        for seen in judged.reads
        if any(name in one.opened for name in pair.names for one in seen.states.values())
    }
    by_name = {seen.operation: seen for seen in judged.reads}
    return {
        "indexes": list(pair.names),
        "why": pair.why,
        "operations": {
            name: {"without_both": _seen(judged, by_name[name], state), **_effect(one)}
            for name, one in found.items()
        },
        "reason": pair_reason(pair, found, cells),
    }
