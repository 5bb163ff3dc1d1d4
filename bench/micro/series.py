"""What is measured of one operation: the lanes, what was seen in each, and how it is called.

A lane is an arm, or one of the arms a second time (the A/A pair).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median

import numpy as np
import numpy.typing as npt

from bench.engines.base import Connection, Counters
from bench.measure.arms import ArmFiles
from bench.study import Operation, Study

Latencies = npt.NDArray[np.int64]

# The lane of the arm that is measured a second time (the A/A pair).
TWIN = "again"


@dataclass(frozen=True, slots=True)
class Observation:
    """What does not depend on the clock: counters, plan and size of one arm's answer.

    `pages` are those of a write, its commit included; None for a read.
    """

    counters: Counters
    plan: tuple[str, ...]
    rows: int
    pages: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One operation in every lane.

    `latencies_ns[lane]` has the shape (rounds, draws, executions): rounds and
    draws are the same for all lanes, executions of one draw are not (a fast
    arm repeats a draw until the sample rests on enough time). `not_measured`
    gives the reason for each arm that has no lane; `twin_of` names the arm
    that the lane TWIN measured. `shared` names the arms whose latencies are those of
    another, since both ran the same program on the same file.
    """

    operation: str
    kind: str
    lanes: tuple[str, ...]
    latencies_ns: Mapping[str, Latencies]
    observations: Mapping[str, Observation]
    twin_of: str
    answers_equal: bool
    difference: str | None = None
    not_measured: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=dict)


def lanes_of(operation: Operation, tables_of: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Which lanes an operation has: the arms with the tables it needs, and the twin."""
    able = [arm for arm, have in tables_of.items() if set(operation.needs) <= set(have)]
    return (able[0], TWIN, *able[1:]) if able else ()


def lacking(operation: Operation, parts_of: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Why some arms cannot execute an operation, by arm."""
    missing = {arm: sorted(set(operation.needs) - set(have)) for arm, have in parts_of.items()}
    return {
        arm: f"there is no table {' and no table '.join(names)}"
        for arm, names in missing.items()
        if names
    }


FAR_SLOWER = 5


def twin_of(study: Study, typical_ns: Mapping[str, int]) -> str:
    """The arm that is measured twice, for the noise floor: the base, unless it is far slower.

    The base has a second file, made like the first, so that its pair also shows what two files
    of one content differ by. Where it takes FAR_SLOWER times what the judged arm takes,
    no noise can hide which is faster and a second run of it would cost minutes: the judged arm
    is measured twice then, on its one file. An operation that neither answers twins its first arm.
    """
    able = [arm for arm in (study.base, study.judged) if arm in typical_ns]
    if len(able) == 2 and typical_ns[study.base] > FAR_SLOWER * typical_ns[study.judged]:
        return study.judged
    return (able or list(typical_ns))[0]


def tables_of_arms(files: ArmFiles) -> dict[str, frozenset[str]]:
    """The tables that each arm has."""
    return _of_arms(files, files.engine.tables)


def parts_of_arms(files: ArmFiles) -> dict[str, frozenset[str]]:
    """The tables of each arm, and their columns as `table.column`: what its queries may need."""
    return _of_arms(files, files.engine.parts)


def _of_arms(
    files: ArmFiles, read: Callable[[Connection], frozenset[str]]
) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for arm in files.arms:
        with closing(files.open(arm)) as connection:
            found[arm] = read(connection)
    return found


def sample_medians(latencies: Latencies) -> list[list[int]]:
    """One value for each draw of each round: the median of its executions, in ns."""
    return [[int(median(draw)) for draw in turn.tolist()] for turn in latencies]
