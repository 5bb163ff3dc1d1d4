"""What is measured of one operation: its series, and what was seen in each.

A series is an arm, or one of the arms a second time (the A/A control).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from bench.engines.base import Connection, Counters
from bench.measure.files import ArmFiles
from bench.measure.timing import Latencies
from bench.study import Operation, Study

# The series of the arm that is measured a second time.
AA_CONTROL = "again"


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
    """One operation in every series.

    `latencies_ns[series]` has the shape (rounds, samples, executions): rounds and samples are the
    same for all series, executions of one sample are not (a fast arm repeats it until it rests on
    enough time). `not_measured` gives the reason for each arm that has no series;
    `controlled_arm` is the one that AA_CONTROL measured again. `shared` names the arms whose
    latencies are those of another, since both ran the same program on the same file.
    """

    operation: str
    kind: str
    series: tuple[str, ...]
    latencies_ns: Mapping[str, Latencies]
    observations: Mapping[str, Observation]
    controlled_arm: str
    answers_equal: bool
    difference: str | None = None
    not_measured: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=dict)


def series_of(operation: Operation, tables_of: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Which series an operation has: the arms with the tables it needs, and the A/A control."""
    able = [arm for arm, have in tables_of.items() if set(operation.needs) <= set(have)]
    return (able[0], AA_CONTROL, *able[1:]) if able else ()


def lacking(operation: Operation, parts_of: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Why some arms cannot execute an operation, by arm."""
    missing = {arm: sorted(set(operation.needs) - set(have)) for arm, have in parts_of.items()}
    return {
        arm: f"there is no table {' and no table '.join(names)}"
        for arm, names in missing.items()
        if names
    }


FAR_SLOWER = 5


def controlled_arm(study: Study, typical_ns: Mapping[str, int]) -> str:
    """The arm that is measured twice, for the noise floor: the base, unless it is far slower.

    The base has a second file, made like the first, so that its pair also shows what two files
    of one content differ by. Where it takes FAR_SLOWER times what the judged arm takes,
    no noise can hide which is faster and a second run of it would cost minutes: the judged arm
    is measured twice then, on its one file. Where neither answers, it is the first that does.
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
    names: dict[str, frozenset[str]] = {}
    for arm in files.arms:
        with closing(files.open(arm)) as connection:
            names[arm] = read(connection)
    return names
