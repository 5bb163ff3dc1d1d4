"""The report's parts on evidence: cost, ablation, statistics, growth, and what to do.

Room show: holds the views together for every format; each stands in a module of its
own, `evidence_*`. Nothing is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.report.blocks import Section
from bench.report.sections.growth import growth_section
from bench.show.evidence_ablation import AblationView, ablation_view
from bench.show.evidence_advice import AdviceView, advice_view
from bench.show.evidence_cost import CostView, cost_view, index_source
from bench.show.evidence_matrix import MatrixView, matrix_view
from bench.show.report import Report


@dataclass(frozen=True, slots=True)
class Evidence:
    """What parts 6 to 9 show; a view is None where its document was not made."""

    cost: CostView
    ablation: AblationView | None
    statistics: MatrixView | None
    growth: Section | None
    advice: AdviceView | None
    index_source: str

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """The sections that there are besides cost: place on the page and short name."""
        found = (
            ("ablation", "Which index earns it", self.ablation),
            ("statistics", "Statistics", self.statistics),
            ("growth", "Does it last", self.growth),
            ("advice", "What to do", self.advice),
        )
        return tuple((part, name) for part, name, view in found if view is not None)


def evidence(report: Report) -> Evidence:
    """Every part of the evidence that the run holds.

    Raises:
        BenchError: a document lacks what is shown.
    """
    return Evidence(
        cost=cost_view(report),
        ablation=ablation_view(report),
        statistics=matrix_view(report),
        growth=None if report.growth is None else growth_section(report.growth, report.arms),
        advice=advice_view(report),
        index_source=index_source(report),
    )


def documents(report: Report) -> tuple[str, ...]:
    """The files beside the report that this part shows, but for those every run has."""
    names = ("cost", "ablation", "statistics", "growth", "recommended")
    return tuple(f"{name}.json" for name in names if getattr(report, name) is not None)


def alternatives(report: Report) -> dict[str, str]:
    """What each picture of the evidence shows, for who cannot see it."""
    found = evidence(report)
    told = {
        "indexes": "Build time and size of each index. The table below holds the same figures.",
    }
    if found.ablation is not None and found.ablation.touched:
        told["ablation"] = (
            f"Index by operation: {found.ablation.title}. The table below holds the same figures."
        )
    if found.statistics is not None and found.statistics.moved:
        told["statistics"] = (
            f"Operation by state of the statistics: {found.statistics.title}. "
            "The table below holds the same figures."
        )
    return told
