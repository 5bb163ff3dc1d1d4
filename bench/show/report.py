"""The report's input: the documents of one run, held together and not changed.

Room show: plain documents in, nothing computed here. No file, no database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bench.errors import BenchError
from bench.report.arms import Arms
from bench.results.ablation import Ablation
from bench.results.capacity import Capacity
from bench.results.cost import Cost
from bench.results.growth import Growth
from bench.results.live import OnlineMigration
from bench.results.load import Load
from bench.results.migration import Migration
from bench.results.recommended import Recommended
from bench.results.statistics import Statistics

Document = Mapping[str, Any]


class HeadlineLike(Protocol):
    """The verdict in one sentence and four figures, as `bench.judge.summary` gives it.

    `worst` is (operation, speedup, 95 % interval) or None;
    `write_tax` is the time of a write after / before, or None.
    """

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""

    @property
    def promises_kept(self) -> int:
        """Claims that are confirmed or exceeded."""

    @property
    def promises_total(self) -> int:
        """Claims judged."""

    @property
    def slower(self) -> Sequence[str]:
        """Names of the operations that the migration made slower."""

    @property
    def worst(self) -> tuple[str, float, tuple[float, float]] | None:
        """Name, speedup and interval of the operation that lost most."""

    @property
    def stall_seconds(self) -> float | None:
        """How long writes wait while the migration runs."""

    @property
    def bytes_added(self) -> int | None:
        """What the database file grew by."""

    @property
    def write_tax(self) -> float | None:
        """Time of a write after the migration / before it."""


@dataclass(frozen=True, slots=True)
class Report:
    """One run, ready to be shown.

    `run`, `comparison`, `claims` and `migration` are the documents run.json,
    comparison.json, claims.json and migration.json; `realism` holds rows of
    name, target, actual, tolerance, source, ok and note. `families` maps a
    family of operations to its title; `arm_labels` an arm to its label.
    `load`, `live` and `capacity` are the documents of what a visitor feels, each
    None where it was not measured; so are `ablation`, `statistics`, `cost`, `growth` and
    `recommended`, the documents of the evidence.
    """

    run: Document
    comparison: Document
    claims: Document
    migration: Migration
    headline: HeadlineLike
    realism: Sequence[Document] = ()
    title: str = "A database migration, measured"
    families: Mapping[str, str] = field(default_factory=dict)
    arm_labels: Mapping[str, str] = field(default_factory=dict)
    base: str = "before"
    judged: str = "after"
    load: Load | None = None
    live: OnlineMigration | None = None
    capacity: Capacity | None = None
    ablation: Ablation | None = None
    statistics: Statistics | None = None
    cost: Cost | None = None
    growth: Growth | None = None
    recommended: Recommended | None = None

    def __post_init__(self) -> None:
        for name, document, key in (
            ("comparison", self.comparison, "operations"),
            ("claims", self.claims, "claims"),
        ):
            if not isinstance(document.get(key), Sequence):
                raise BenchError(
                    f"The {name} document has no list {key!r}; "
                    "make it again with `resale-bench run`."
                )

    @property
    def arms(self) -> Arms:
        """What its arms are called, in the study's order."""
        from bench.show.view import arm_label, arm_names

        return Arms(
            {name: arm_label(self, name) for name in arm_names(self)}, self.base, self.judged
        )
