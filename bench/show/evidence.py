"""The report's parts on evidence: cost, ablation, statistics, growth, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.report.arms import Arms
from bench.report.blocks import Section
from bench.report.sections.ablation import ablation_section
from bench.report.sections.cost import cost_section
from bench.report.sections.growth import growth_section
from bench.report.sections.recommendation import recommendation_section
from bench.report.sections.statistics import statistics_section
from bench.report.terminal import section_text
from bench.show.evidence_parts import titles_of
from bench.show.report import Report

DOCUMENTS = ("cost", "ablation", "statistics", "growth", "recommended")


def evidence(report: Report) -> tuple[Section, ...]:
    """Every part of the evidence that the run holds; each run has one on cost."""
    names = ("migration", "comparison", *DOCUMENTS)
    held = {name: found for name in names if (found := getattr(report, name)) is not None}
    return evidence_sections(held, report.arms, titles_of(report.comparison["operations"]))


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
    sections = [make(documents[name]) for name, make in makers.items() if name in documents]
    if "cost" in documents or "migration" in documents:
        names = ("cost", "migration", "comparison", "ablation")
        sections.insert(0, cost_section(arms, **{name: documents.get(name) for name in names}))
    return tuple(sections)


def render_evidence(
    documents: Mapping[str, Any], arms: Arms, titles: Mapping[str, str], *, width: int = 150
) -> str:
    """Those sections for a terminal."""
    sections = evidence_sections(documents, arms, titles)
    return "\n".join(section_text(section, width=width) for section in sections)


def documents(report: Report) -> tuple[str, ...]:
    """The files beside the report that this part shows, but for those every run has."""
    return tuple(f"{name}.json" for name in DOCUMENTS if getattr(report, name) is not None)
