"""statistics.json: what the planner's statistics do to each operation."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from bench.results.comparison import Verdict
from bench.results.model import (
    DatasetSummary,
    Document,
    Interval,
    Measured,
    Model,
    NoiseFloor,
    Observation,
)


class State(Model):
    """One state of the statistics: how it was gathered, how long that took, what it wrote.

    `rows` and `samples` count the rows of sqlite_stat1 and sqlite_stat4; `rows_per_key` is what
    sqlite_stat1 tells the planner of each index: rows for one value of its first column.
    `same_as` names an earlier state that wrote exactly the same.
    """

    name: str
    title: str
    statements: tuple[str, ...]
    duration_ns: int
    rows: int
    samples: int
    rows_per_key: Mapping[str, int] = {}
    same_as: str | None = None


class StateObservation(Observation):
    """One operation in one state; `flipped`: its plan is another than without statistics."""

    p95_ns: int | None
    flipped: bool


class StateComparison(Model):
    """A state against `base`, no statistics: `speedup` is time of the base / time of the state.

    `band` is the share that a difference has to exceed. `shared`: both were timed as one, since
    they run the same program. `cause` says why the state is slower, or what is missing.
    """

    base: str
    state: str
    band: float
    shared: bool = False
    speedup: float | None = None
    ci95: Interval | None = None
    verdict: Verdict
    ratio_rounds: tuple[float, ...] | None = Field(
        default=None, exclude_if=lambda rounds: rounds is None
    )
    cause: str | None = None


class OperationStatistics(Model):
    """One operation in every state, by the state's name; `not_timed` says why there is no time."""

    name: str
    title: str
    kind: str
    not_timed: str | None
    states: Mapping[str, StateObservation]
    comparisons: tuple[StateComparison, ...]

    def comparison(self, state: str) -> StateComparison | None:
        """The comparison of a state with no statistics; None where it was not compared."""
        return next((entry for entry in self.comparisons if entry.state == state), None)


class Statistics(Document):
    """The whole document, of the judged arm `arm`.

    `beside` are states that were gathered and not measured, since they wrote what another did.
    """

    schema_version: int = 2
    study: str
    dataset: DatasetSummary
    arm: str
    sqlite_version: str
    base: str
    minimum_effect: float
    states: tuple[State, ...]
    beside: tuple[State, ...]
    noise_floor: NoiseFloor
    operations: tuple[OperationStatistics, ...]
    answers: tuple[str, ...]
    limits: tuple[str, ...]
    measured: Measured | None = None
