"""The documents of a run together, each in its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.results.ablation import Ablation
from bench.results.capacity import Capacity
from bench.results.claims import Claims
from bench.results.comparison import Comparison
from bench.results.cost import Cost
from bench.results.growth import Growth
from bench.results.live import OnlineMigration
from bench.results.load import Load
from bench.results.migration import Migration
from bench.results.model import Document
from bench.results.recommended import Recommended
from bench.results.run import Realism, Run
from bench.results.statistics import Statistics

# What every run holds, and what it may hold besides; micro.json is pytest-benchmark's.
HELD: Mapping[str, type[Document]] = {
    "run": Run,
    "comparison": Comparison,
    "claims": Claims,
    "migration": Migration,
    "realism": Realism,
}
MODELS: Mapping[str, type[Document]] = {
    **HELD,
    "load": Load,
    "live": OnlineMigration,
    "capacity": Capacity,
    "ablation": Ablation,
    "statistics": Statistics,
    "cost": Cost,
    "growth": Growth,
    "recommended": Recommended,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The parts of the evidence; those that were not measured are None."""

    ablation: Ablation | None = None
    statistics: Statistics | None = None
    cost: Cost | None = None
    growth: Growth | None = None
    recommended: Recommended | None = None

    def by_name(self) -> dict[str, Document]:
        """Return the documents that are there."""
        documents = {name: getattr(self, name, None) for name in MODELS}
        return {name: document for name, document in documents.items() if document is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDocuments(Evidence):
    """What a run holds, with its evidence; what it need not hold is None where it is absent."""

    run: Run
    comparison: Comparison
    claims: Claims
    migration: Migration
    realism: Realism
    load: Load | None = None
    live: OnlineMigration | None = None
    capacity: Capacity | None = None

    def with_evidence(self, evidence: Evidence) -> RunDocuments:
        """Return the same with these parts of the evidence."""
        return replace(
            self,
            ablation=evidence.ablation,
            statistics=evidence.statistics,
            cost=evidence.cost,
            growth=evidence.growth,
            recommended=evidence.recommended,
        )
