"""What the statistics matrix is judged from: frozen records of states and operations.

Judging room: no file, no clock, no database may enter. Who measures builds these records;
`bench.judge.matrix` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.judge.evidence import Observed, Paired
from bench.study import Study

BASE = "none"


@dataclass(frozen=True, slots=True)
class StateGathered:
    """One state of the statistics: how it was gathered, how long that took, what it wrote.

    `rows` and `samples` count the rows of sqlite_stat1 and sqlite_stat4; `rows_per_key` is
    what sqlite_stat1 tells the planner of each index: rows for one value of its first column.
    `same_as` names an earlier state that wrote exactly the same.
    """

    name: str
    title: str
    statements: tuple[str, ...]
    duration_ns: int
    rows: int
    samples: int
    rows_per_key: Mapping[str, int] = field(default_factory=dict)
    same_as: str | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """All that was measured on one arm: its states, the first of them `none`, and operations.

    `observed` are operations in every state, `timed` the paired times of those that were timed,
    by operation; `untimed` says by operation why others were not. `beside` are steps that were
    gathered and compared with the states, and not measured: of each, `same_as` tells the state
    that it wrote the same as.
    """

    study: Study
    dataset: Mapping[str, Any]
    arm: str
    sqlite_version: str
    states: tuple[StateGathered, ...]
    observed: tuple[Observed, ...]
    timed: Mapping[str, Paired]
    untimed: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[StateGathered, ...] = ()
    limits: tuple[str, ...] = ()
