"""The recommended migration, judged: what becomes of each index and why, and what got slower.

Judging room: no file, no clock, no database may enter, and no randomness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.judge.causes import parse_plan
from bench.judge.recommended_records import ArmSchema, IndexHeld, MigrationText
from bench.judge.recommended_words import (
    Gain,
    added_reason,
    dropped_reason,
    kept_reason,
    limits,
    verdict_sentences,
)
from bench.study import Study

SCHEMA_VERSION = 1
ARM = "recommended"
VERDICTS = ("faster", "same", "slower", "inconclusive")

Action = Literal["kept", "added", "dropped"]
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Told:
    """The documents and schemas, and what is asked of them again and again."""

    study: Study
    arm: str
    comparison: Document
    schemas: Mapping[str, ArmSchema]
    ablation: Document | None

    @property
    def arms(self) -> tuple[str, str]:
        """The arms that the recommended one is held against."""
        return self.study.base, self.study.judged

    def indexes(self, arm: str) -> dict[str, IndexHeld]:
        return {index.name: index for index in self.schemas[arm].indexes}

    def serves(self, name: str, arm: str) -> list[str]:
        """The operations whose plan in that arm goes through the index."""
        found = []
        for operation in self.comparison["operations"]:
            lines = operation["arms"].get(arm, {}).get("plan") or ()
            if any(access.index == name for access in parse_plan(lines).accesses):
                found.append(str(operation["name"]))
        return found

    def ablated(self, name: str) -> Document | None:
        """What leaving the index out showed; None where that was not measured."""
        entries = self.ablation["indexes"] if self.ablation is not None else ()
        return next((entry for entry in entries if entry["name"] == name), None)

    def compared(self, base: str) -> dict[str, Document]:
        """The comparison of each operation with `base`, by operation."""
        return {
            str(operation["name"]): one
            for operation in self.comparison["operations"]
            for one in operation["comparisons"]
            if (one["base"], one["arm"]) == (base, self.arm)
        }


def recommended_document(
    study: Study,
    comparison: Document,
    schemas: Mapping[str, ArmSchema],
    migrations: Sequence[MigrationText],
    ablation: Document | None,
    *,
    arm: str = ARM,
) -> dict[str, Any]:
    """The content of recommended.json.

    `schemas` are those of the base arm, of the judged one and of `arm`; `migrations` are what
    `arm` runs after the judged arm's; `ablation` is ablation.json, None where it was not
    measured. `bytes` are pages in use beyond the base arm's. Indexes of the base arm are
    left out unless they are dropped.

    Raises:
        StudyError: the study has no such arm.
        KeyError: a schema that is needed was not given.
    """
    statistics = study.arm(arm).statistics
    told = _Told(study, arm, comparison, schemas, ablation)
    against = {base: _against(told, base) for base in told.arms}
    verdict, *details = verdict_sentences(
        {base: (study.arm(base).label, _speeds(told, base)) for base in told.arms},
        against,
        {operation.name: operation.kind for operation in study.operations},
        (schemas[arm].all_indexes, schemas[study.judged].all_indexes),
    )
    return {
        "schema_version": SCHEMA_VERSION,
        "study": study.name,
        "dataset": dict(comparison["dataset"]),
        "arm": arm,
        "migrations": [{"name": one.name, "sql": one.sql} for one in migrations],
        "statistics": list(statistics),
        "indexes": _indexes(told),
        "against": against,
        "bytes": {
            name: schemas[name].used_bytes - schemas[study.base].used_bytes
            for name in (*told.arms, arm)
        },
        "verdict": verdict,
        "details": details,
        "limits": limits(measured=bool(comparison["operations"]), ablated=ablation is not None),
    }


def _against(told: _Told, base: str) -> dict[str, list[str]]:
    compared = told.compared(base)
    return {
        verdict: [name for name, one in compared.items() if one["verdict"] == verdict]
        for verdict in VERDICTS
    }


def _speeds(told: _Told, base: str) -> dict[str, float | None]:
    return {name: one["speedup"] for name, one in told.compared(base).items()}


def _indexes(told: _Told) -> list[dict[str, Any]]:
    """Every index that the migrations have or had, in the order of the schemas: new ones last."""
    base, judged = (told.indexes(arm) for arm in told.arms)
    now = told.indexes(told.arm)
    found = [
        _entry(told, index, "kept" if now.get(name) == index else "dropped")
        for name, index in judged.items()
        if name not in base or now.get(name) != index
    ]
    return found + [
        _entry(told, index, "added") for name, index in now.items() if judged.get(name) != index
    ]


def _entry(told: _Told, index: IndexHeld, action: Action) -> dict[str, Any]:
    serves = told.serves(index.name, told.study.judged if action == "dropped" else told.arm)
    return {
        "name": index.name,
        "table": index.table,
        "sql": index.sql,
        "action": action,
        "reason": _reason(told, index, action, serves),
        "serves": serves,
    }


def _reason(told: _Told, index: IndexHeld, action: Action, serves: Sequence[str]) -> str:
    if action == "kept":
        return kept_reason(index, told.ablated(index.name), serves)
    judged, now = told.indexes(told.study.judged), told.indexes(told.arm)
    gone = [one for name, one in judged.items() if now.get(name) != one]
    new = [one for name, one in now.items() if judged.get(name) != one]
    if action == "dropped":
        instead = [one for one in new if stands_in(one, index)]
        return dropped_reason(index, instead, told.ablated(index.name), serves)
    replaced = [one for one in gone if stands_in(index, one)]
    return added_reason(index, replaced, _best(told, serves))


def stands_in(new: IndexHeld, old: IndexHeld) -> bool:
    """Whether `new` leads to the rows that `old` led to, as far as columns can tell.

    Its columns begin with those of `old`, in any order among themselves. A partial index
    stands in for the rows that are asked for; that these are all of them, the plans tell.
    """
    if new.table != old.table:
        return False
    lead = new.columns[: len(old.columns)]
    return set(lead) == set(old.columns)


def _best(told: _Told, serves: Sequence[str]) -> Gain | None:
    """The operation through the index that gained most against the judged arm."""
    compared = told.compared(told.study.judged)
    gains = [
        Gain(name, compared[name]["speedup"], told.study.arm(told.study.judged).label)
        for name in serves
        if name in compared and compared[name]["verdict"] == "faster"
    ]
    return max(gains, key=lambda gain: (gain.speedup, gain.operation), default=None)
