"""What a user feels: a load on both arms, capacity, and a migration of the running service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.report import blocks
from bench.report.provenance import at
from bench.report.run_report import Report
from bench.report.sections.capacity import capacity_answer, capacity_blocks
from bench.report.sections.load import load_answer, load_blocks
from bench.report.sections.online_migration import live_answer, live_blocks


def user_latency_section(report: Report, verdicts: Mapping[str, str]) -> blocks.Section | None:
    """The section; None where nothing was measured. `verdicts` are those of claims by their id."""
    load, live, capacity, arms = report.load, report.live, report.capacity, report.arms
    titles = report.comparison.titles

    def answers() -> Iterator[tuple[str, str]]:
        if live is not None:
            yield live_answer(live), at("live")
        if load is not None:
            yield load_answer(load), at("load")
        if capacity is not None and capacity.points:
            yield capacity_answer(capacity, arms), at("capacity")

    def body() -> Iterator[blocks.Block]:
        for place, (answer, source) in enumerate(answers()):
            yield blocks.Text(answer, "body" if place else "answer", source)
        if load is not None:
            yield from load_blocks(load, arms, titles)
        if capacity is not None:
            yield from capacity_blocks(capacity, arms, verdicts)
        if live is not None:
            yield from live_blocks(live, titles)

    name = "What a user feels"
    shown = tuple(body())
    return blocks.Section("felt", name, name, shown) if shown else None
