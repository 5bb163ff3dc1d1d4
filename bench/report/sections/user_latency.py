"""What a visitor feels: a load on both arms, capacity, and a migration of the open shop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.report import palette
from bench.report.arms import Arms
from bench.report.blocks import Block, Section, Text
from bench.report.provenance import at
from bench.report.sections.capacity import capacity_answer, capacity_blocks
from bench.report.sections.load import load_answer, load_blocks
from bench.report.sections.online_migration import live_answer, live_blocks
from bench.results.capacity import Capacity
from bench.results.claims import Claims
from bench.results.live import OnlineMigration
from bench.results.load import Load


def user_latency_section(
    load: Load | None,
    live: OnlineMigration | None,
    capacity: Capacity | None,
    claims: Claims,
    titles: Mapping[str, str],
    arms: Arms,
) -> Section | None:
    """The section; None where nothing of it was measured."""
    if load is None and live is None and capacity is None:
        return None

    def answers() -> Iterator[tuple[str, str]]:
        if live is not None:
            yield live_answer(live), at("live")
        if load is not None:
            yield load_answer(load), at("load")
        if capacity is not None and capacity.points:
            yield capacity_answer(capacity, arms), at("capacity")

    def blocks() -> Iterator[Block]:
        for place, (answer, source) in enumerate(answers()):
            yield Text(answer, "body" if place else "answer", source)
        if load is not None:
            yield from load_blocks(load, arms, titles)
        if capacity is not None:
            by_query = {claim.id: palette.verdict(claim.verdict) for claim in claims.claims}
            yield from capacity_blocks(capacity, arms, by_query)
        if live is not None:
            yield from live_blocks(live, titles)

    name = "What a visitor feels"
    return Section("felt", name, name, tuple(blocks()))
