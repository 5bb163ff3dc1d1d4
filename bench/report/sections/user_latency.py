"""What a visitor feels: a load on both arms, capacity, and a migration of the open shop."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.blocks import Block, Section, Text
from bench.report.sections.capacity import capacity_answer, capacity_blocks
from bench.report.sections.load import load_answer, load_blocks
from bench.report.sections.online_migration import live_answer, live_blocks
from bench.show.evidence_parts import titles_of
from bench.show.report import Report
from bench.show.sources import at
from bench.show.wording import claim_rows


def user_latency_section(report: Report) -> Section | None:
    """The section; None where nothing of it was measured."""
    if all(document is None for document in (report.load, report.live, report.capacity)):
        return None
    name = "What a visitor feels"
    return Section("felt", name, name, tuple(_blocks(report)))


def _blocks(report: Report) -> Iterator[Block]:
    titles = titles_of(report.comparison["operations"])
    for place, (answer, source) in enumerate(_answers(report)):
        yield Text(answer, "body" if place else "answer", source)
    if report.load is not None:
        yield from load_blocks(report.load, report.arms, titles)
    if report.capacity is not None:
        by_query = {claim.id: claim.verdict for claim in claim_rows(report)}
        yield from capacity_blocks(report.capacity, report.arms, by_query)
    if report.live is not None:
        yield from live_blocks(report.live, titles)


def _answers(report: Report) -> Iterator[tuple[str, str]]:
    """One sentence for each document, and its source."""
    if report.live is not None:
        yield live_answer(report.live), at("live")
    if report.load is not None:
        yield load_answer(report.load), at("load")
    if report.capacity is not None and report.capacity.points:
        yield capacity_answer(report.capacity, report.arms), at("capacity")
