"""Capacity: the highest rate of requests that each arm holds, by size of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.judge.sizes import noun_of, short_size_text, size_of
from bench.report import blocks, palette, units
from bench.report.arms import Arms
from bench.report.provenance import at
from bench.results.capacity import Capacity, Point, ServiceLevel, SizeClaim

_LIMITED = {
    "p99": "latency", "errors": "errors", "generator": "the generator, not the server",
    "ceiling": "where the search ends", "floor": "not even the lowest rate is held",
}  # fmt: skip


def capacity_blocks(
    capacity: Capacity, arms: Arms, verdicts: Mapping[str, str]
) -> Iterator[blocks.Block]:
    """Yield the part of the section on capacity; `verdicts` are those in claims.json by id."""
    yield blocks.Heading("How many requests the service carries", anchor="capacity-title")
    if not capacity.invariants.held:
        source = at("capacity", "invariants")
        yield blocks.Text("▼ Rules of the study were violated under this load.", "warning")
        yield blocks.Bullets(capacity.invariants.violations, source, small=False)
    if has_lines(capacity):
        words = f"Capacity by size. {title(capacity, arms)}. The table below holds the figures."
        yield blocks.Figure("capacity", words, at("capacity"))
    for position, claim in enumerate(capacity.claims):
        yield _card(claim, verdicts.get(claim.id), at("capacity", "claims", position))
    if capacity.points:
        yield _table(capacity, arms)
        yield blocks.Details("Every rate that was tried", tuple(_probes(capacity, arms)))
    source = at("capacity", "limits")
    yield from blocks.limits("Limits of the capacity search", capacity.limits, source, level=4)


def capacity_answer(capacity: Capacity, arms: Arms) -> str:
    """What the search shows, in one sentence."""
    return f"{title(capacity, arms)} ({level_text(capacity.service_level)})."


def title(capacity: Capacity, arms: Arms) -> str:
    """What the curves show at the largest size that was searched."""
    points = [point for _, point in ordered(capacity)]
    if not points:
        return "No size was searched"
    largest = points[-1]
    parts = [
        f"{arms.label(point.arm)} holds {holds_text(point)}"
        for point in points
        if point.scale == largest.scale
    ]
    return f"With {short_size_text(arms.nouns, largest.rows)} {', '.join(parts)}"


def level_text(level: ServiceLevel) -> str:
    """The service level in words."""
    return (
        f"p{units.significant(level.quantile * 100)} within {units.duration(level.within_ns)}, "
        f"errors below {units.share(level.errors_below)}"
    )


def ordered(capacity: Capacity) -> list[tuple[int, Point]]:
    """Points with their places in the document, smaller sizes first."""
    return sorted(
        enumerate(capacity.points),
        key=lambda entry: (entry[1].scale, capacity.arms.index(entry[1].arm)),
    )


def tables_of(capacity: Capacity, arms: Arms) -> tuple[str, ...]:
    """The tables whose rows stand for the size of the data; there is a point."""
    return tuple(size_of(arms.nouns, ordered(capacity)[-1][1].rows))


def has_lines(capacity: Capacity) -> bool:
    """Whether there is anything to draw a line of."""
    return any(height(point) for point in capacity.points)


def height(point: Point) -> float | None:
    """The rate that a point holds, else the lowest that was tried and not held."""
    if point.holds_per_second is not None:
        return point.holds_per_second
    # What is invalid tells nothing of the server.
    failed = (probe.rate_per_second for probe in point.probes if probe.valid and not probe.held)
    return min(failed, default=None)


def holds_text(point: Point) -> str:
    """The rate that a point holds, in words."""
    if point.holds_per_second is not None:
        return f"{'at least ' if point.at_least else ''}{units.rate(point.holds_per_second)}"
    lowest = height(point)
    return "not known" if lowest is None else f"below {units.rate(lowest)}"


def _card(claim: SizeClaim, by_query: str | None, source: str) -> blocks.Card:
    parts: list[blocks.Block] = [blocks.Text(claim.reason)]
    if by_query is not None:
        query = blocks.Link("Query by query", f"claim-{claim.id}")
        rate = "That is of a load at the rate that data of this size needs. "
        parts.append(blocks.Text([rate, query, f" it is {by_query}."], "small"))
    if claim.evidence:
        parts.append(blocks.Text([blocks.Span("; ".join(claim.evidence), "aside")], "small"))
    quote = [blocks.Span(claim.quote, "quote")]
    outcome = [[blocks.Badge(palette.verdict(claim.verdict))]]
    return blocks.Card(quote, parts, outcome, f"capacity-{claim.id}", source, level=4)


def _table(capacity: Capacity, arms: Arms) -> blocks.Table:
    tables = tables_of(capacity, arms)

    def row(position: int, point: Point) -> blocks.Row:
        cells = [
            *(units.whole(point.rows[table]) for table in tables),
            units.rate(point.needed_per_second),
            holds_text(point),
            _LIMITED[point.limited_by],
        ]
        return blocks.Row(arms.label(point.arm), cells, at("capacity", "points", position))

    nouns = [noun_of(arms.nouns, table) for table in tables]

    return blocks.Table(
        blocks.columns("arm", figures=(*nouns, "needed", "holds")) + blocks.columns("limited by"),
        [row(*entry) for entry in ordered(capacity)],
        f"Highest rate that holds {level_text(capacity.service_level)}; needed is the rate of "
        "the busiest hour in data of that size",
        f"{at('capacity', 'service_level')} {at('capacity', 'points')}",
    )


def _probes(capacity: Capacity, arms: Arms) -> Iterator[blocks.Block]:
    for position, point in ordered(capacity):
        source = at("capacity", "points", position)
        label = f"{arms.label(point.arm)}, {short_size_text(arms.nouns, point.rows)}"
        yield blocks.Heading([label, blocks.Json(source, label)], level=4, source=source)
        lines = []
        for probe in sorted(point.probes, key=lambda probe: probe.rate_per_second):
            outcome = ("held" if probe.held else "not held") if probe.valid else "invalid"
            lines.append(
                f"{units.rate(probe.rate_per_second)}: {outcome}, "
                f"p50 {units.duration(probe.p50_ns)}, p99 {units.duration(probe.p99_ns)}, "
                f"errors {units.share(probe.error_share)}"
            )
        yield blocks.Bullets(lines, source)
