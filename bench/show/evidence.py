"""The report's parts on evidence: cost, ablation, statistics, growth, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.report.arms import Arms
from bench.report.blocks import Figure, Section
from bench.report.sections.ablation import ablation_section
from bench.report.sections.growth import growth_section
from bench.report.sections.recommendation import recommendation_section
from bench.report.sections.statistics import statistics_section
from bench.show.evidence_cost import CostView, cost_view, index_source
from bench.show.evidence_parts import titles_of
from bench.show.report import Report

DOCUMENTS = ("cost", "ablation", "statistics", "growth", "recommended")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the report shows of the evidence; `sections` are those whose document was made."""

    cost: CostView
    sections: tuple[Section, ...]
    index_source: str

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """The sections that there are besides cost: place on the page and short name."""
        return tuple((section.anchor, section.short) for section in self.sections)


def evidence(report: Report) -> Evidence:
    """Every part of the evidence that the run holds.

    Raises:
        BenchError: a document lacks what is shown.
    """
    held = {name: found for name in DOCUMENTS if (found := getattr(report, name)) is not None}
    titles = titles_of(report.comparison["operations"])
    return Evidence(
        cost=cost_view(report),
        sections=evidence_sections(held, report.arms, titles),
        index_source=index_source(report),
    )


def evidence_sections(
    documents: Mapping[str, Any], arms: Arms, titles: Mapping[str, str]
) -> tuple[Section, ...]:
    """A section for each document that is there; `titles` are those of operations by name."""
    makers: dict[str, Callable[[Any], Section]] = {
        "ablation": lambda found: ablation_section(found, arms),
        "statistics": statistics_section,
        "growth": lambda found: growth_section(found, arms),
        "recommended": lambda found: recommendation_section(found, arms, titles),
    }
    return tuple(make(documents[name]) for name, make in makers.items() if name in documents)


def documents(report: Report) -> tuple[str, ...]:
    """The files beside the report that this part shows, but for those every run has."""
    return tuple(f"{name}.json" for name in DOCUMENTS if getattr(report, name) is not None)


def alternatives(report: Report) -> dict[str, str]:
    """What each picture of the evidence shows, for who cannot see it."""
    pictures = {
        block.name: block.alternative
        for section in evidence(report).sections
        for block in section.blocks
        if isinstance(block, Figure)
    }
    return pictures | {
        "indexes": "Build time and size of each index. The table below holds the same figures.",
    }
