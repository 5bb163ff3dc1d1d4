"""What ablation is judged from: frozen records of indexes, states, operations and times.

Judging room: no file, no clock, no database may enter, and no randomness. Who measures
(`bench.evidence.ablation`) builds these records; `bench.judge.ablation` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from bench.judge.evidence import Observed, Paired
from bench.study import Study

ALL, NONE = "all", "none"


def without(*names: str) -> str:
    """The name of the state in which these indexes are left out."""
    return f"without {' and '.join(names)}"


def alone(name: str) -> str:
    """The name of the state in which this one of the judged indexes is there and no other."""
    return f"only {name}"


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """One index that is judged.

    `sought_by` names the read operations that look for its first column, or sort or group by
    it, whatever index serves them; `size_bytes` None: unknown.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    sought_by: tuple[str, ...]
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class IndexPair:
    """Two indexes of one table that can stand in for each other, and why that is thought."""

    names: tuple[str, str]
    why: str


@dataclass(frozen=True, slots=True)
class Ablation:
    """All that was measured: each operation in each state, and paired times where they differ.

    Every operation was seen in the states ALL and NONE, `without` and `alone` of each index,
    and `without` both of each pair.
    """

    study: Study
    dataset: Mapping[str, Any]
    arm: str
    sqlite_version: str
    indexes: tuple[IndexFacts, ...]
    pairs: tuple[IndexPair, ...]
    operations: tuple[Observed, ...]
    timed: tuple[Paired, ...]


def pairs_of(
    indexes: Sequence[IndexFacts], operations: Sequence[Observed]
) -> tuple[IndexPair, ...]:
    """The pairs to be left out together: where one may hide what the loss of the other does.

    That is so where the columns of one begin with those of the other, and where an operation
    is answered by the one in some state and by the other in another.
    """
    found = []
    for one, other in combinations(indexes, 2):
        if one.table != other.table:
            continue
        short, long = sorted((one, other), key=lambda index: len(index.columns))
        served = [seen.operation for seen in operations if _in_turn(seen, one.name, other.name)]
        if long.columns[: len(short.columns)] == short.columns:
            columns = ", ".join(short.columns)
            why = f"{long.name} begins with the columns of {short.name} ({columns})."
        elif served:
            why = f"The planner takes one where it lacks the other: {', '.join(served)}."
        else:
            continue
        found.append(IndexPair((one.name, other.name), why))
    return tuple(found)


def _in_turn(seen: Observed, one: str, other: str) -> bool:
    if seen.kind != "read":
        return False
    opened = [state.opened for state in seen.states.values()]
    return any(one in names and other not in names for names in opened) and any(
        other in names and one not in names for names in opened
    )
