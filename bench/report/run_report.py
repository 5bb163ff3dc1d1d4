"""One run, ready to be shown: its documents, and what the study calls things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.report.arms import Arms
from bench.results.ablation import Ablation
from bench.results.capacity import Capacity
from bench.results.claims import Claims
from bench.results.comparison import Comparison
from bench.results.cost import Cost
from bench.results.growth import Growth
from bench.results.live import OnlineMigration
from bench.results.load import Load
from bench.results.migration import Migration
from bench.results.recommended import Recommended
from bench.results.run import Realism, Run
from bench.results.statistics import Statistics


@dataclass(frozen=True, slots=True)
class Report:
    """The documents of a run; those that it need not hold are None.

    `families` maps a family of operations to its title.
    """

    title: str
    arms: Arms
    run: Run
    comparison: Comparison
    claims: Claims
    migration: Migration
    realism: Realism
    families: Mapping[str, str] = field(default_factory=dict)
    load: Load | None = None
    live: OnlineMigration | None = None
    capacity: Capacity | None = None
    ablation: Ablation | None = None
    statistics: Statistics | None = None
    cost: Cost | None = None
    growth: Growth | None = None
    recommended: Recommended | None = None
