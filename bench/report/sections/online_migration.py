"""What a visitor feels while the migration runs: its strategies side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from bench.report import units
from bench.report.blocks import (
    Block,
    Bullets,
    Code,
    Column,
    Details,
    Figure,
    Heading,
    Row,
    Table,
    Text,
)
from bench.report.provenance import at
from bench.report.sections.load_requests import request_title, title_source
from bench.report.text import scalar
from bench.results.live import OnlineMigration, Statement, Strategy
from bench.results.load import LatencyQuantiles


def live_blocks(live: OnlineMigration, titles: Mapping[str, str]) -> Iterator[Block]:
    """Yield the part on a live migration; `titles` are those of comparison.json, in order."""
    yield Heading("While the migration runs", anchor="live-title")
    for place, strategy in enumerate(live.ways):
        if not strategy.counts:
            source = at("live", "ways", place)
            reasons = strategy.invalid_because + strategy.invariants.violations
            yield Text(f"▼ {warning(strategy)}", "warning", source)
            yield Bullets(reasons, source, small=False)
    if drawn(live):
        yield Figure("live", alternative(live), at("live"))
    if live.ways:
        yield _side_by_side(live)
    for place, strategy in enumerate(live.ways):
        yield from _details(strategy, at("live", "ways", place), titles)
    if live.limits:
        yield Heading("Limits of the live migration", level=4)
        yield Bullets(live.limits, at("live", "limits"))


def live_answer(live: OnlineMigration) -> str:
    """Return how long the shop stops: of all strategies, or of those that count."""
    if all(strategy.counts for strategy in live.ways) and live.answer:
        return live.answer
    return f"{title(live)}."


def title(live: OnlineMigration) -> str:
    """Return what the timeline shows, in one sentence without its point."""
    counting = [strategy for strategy in live.ways if strategy.counts]
    outages = [
        f"{units.duration(strategy.longest_write_stall_ns)} ({short_title(strategy)})"
        for strategy in counting
        if strategy.longest_write_stall_ns
    ]
    if outages:
        return f"While the migration ran no write was answered for {' and '.join(outages)}"
    if counting:
        return "Writes were answered all the while the migration ran"
    return "Invalid: nothing can be told of the shop while the migration ran"


def warning(strategy: Strategy) -> str:
    """Return why nothing is concluded from a strategy's figures; empty where they hold."""
    if not strategy.invariants.held:
        return (
            f"{short_title(strategy)}: a rule of the shop or the migration's result was violated."
        )
    if not strategy.valid:
        return f"{short_title(strategy)}: invalid, nothing is concluded from it."
    return ""


def drawn(live: OnlineMigration) -> bool:
    """Whether there is anything to draw a timeline of."""
    return any(any(strategy.timeline.values()) for strategy in live.ways)


def alternative(live: OnlineMigration) -> str:
    """Return what the timeline shows, for who cannot see it."""
    return f"Latency and throughput by second. {title(live)}. The table below holds the figures."


def short_title(strategy: Strategy) -> str:
    """Return a strategy's title up to its first colon, which a column has room for."""
    return strategy.title.partition(":")[0]


def short_name(statement: Statement) -> str:
    """Return the name of an index or table as a picture has room for it."""
    return re.sub(r"^idx_", "", statement.object).replace("_", " ")


def _side_by_side(live: OnlineMigration) -> Table:
    facts: tuple[tuple[str, Callable[[Strategy], str]], ...] = (
        ("what it is", lambda s: s.title),
        ("migration ran for", lambda s: units.duration(s.duration_ns)),
        ("longest stretch without a write", lambda s: _outage(s.longest_write_stall_ns)),
        ("no write, in all", lambda s: _outage(s.writes_stopped_ns)),
        ("longest stretch without a read", lambda s: _outage(s.longest_read_stall_ns)),
        ("longest wait of a write", lambda s: units.duration(s.longest_write_wait_ns)),
        ("writes before it", lambda s: _quantiles(s.phases("writes").before)),
        ("writes while it ran", lambda s: _quantiles(s.phases("writes").during)),
        ("writes after it", lambda s: _quantiles(s.phases("writes").after)),
        ("reads before it", lambda s: _quantiles(s.phases("reads").before)),
        ("reads while it ran", lambda s: _quantiles(s.phases("reads").during)),
        ("reads after it", lambda s: _quantiles(s.phases("reads").after)),
        ("writes that failed while it ran", lambda s: _of(s.writes_failed_during, s.writes_during)),
        ("reads that failed while it ran", lambda s: _of(s.reads_failed_during, s.reads_during)),
        ("errors", lambda s: units.errors(s.errors)),
        ("never answered", lambda s: units.whole(s.unserved)),
        ("write-ahead log at its largest", lambda s: units.size(s.wal_peak_bytes)),
        (
            "file",
            lambda s: f"{units.size(s.file_bytes_before)} → {units.size(s.file_bytes_after)}",
        ),
        ("settings", lambda s: _settings(s.settings)),
        ("valid", lambda s: "yes" if s.valid else "no"),
        ("rules of the shop", lambda s: "all hold" if s.invariants.held else "violated"),
    )
    source = " ".join(at("live", "ways", place) for place in range(len(live.ways)))
    return Table(
        (Column("fact"), *(Column(short_title(strategy), "range") for strategy in live.ways)),
        tuple(
            Row(label, [text(strategy) for strategy in live.ways], source) for label, text in facts
        ),
        "The strategies to run it, side by side; of writes and reads the p50, p95, p99 and longest "
        "time since due",
        at("live", "ways"),
        "ways",
    )


def _outage(length_ns: int) -> str:
    return units.duration(length_ns) if length_ns else "none"


def _quantiles(quantiles: LatencyQuantiles) -> str:
    shown = (quantiles.p50_ns, quantiles.p95_ns, quantiles.p99_ns, quantiles.max_ns)
    return ", ".join(map(units.duration, shown))


def _of(part: int, all_of_them: int) -> str:
    return f"{units.whole(part)} of {units.whole(all_of_them)}"


def _settings(settings: Mapping[str, object]) -> str:
    """Return settings as `cache size -65536, threads 2`."""
    parts = []
    for key, value in settings.items():
        name = key if key.isupper() else key.replace("_", " ")
        if isinstance(value, Mapping):
            parts.append(f"{name}: {_settings(value)}")
        else:
            parts.append(f"{name} {scalar(value)}")
    return ", ".join(parts) or units.DASH


def _details(strategy: Strategy, source: str, titles: Mapping[str, str]) -> Iterator[Block]:
    short = short_title(strategy)
    yield Details(
        f"Statements, {short}", (_statements(strategy, source),), source=source, elsewhere=True
    )
    if strategy.operations:
        requests = (_operations(strategy, source, titles),)
        yield Details(f"Requests, {short}", requests, source=source)


def _statements(strategy: Strategy, source: str) -> Table:
    titles = (
        "begun at", "waited for the lock", "took", "file grew by", "log at its largest",
    )  # fmt: skip
    return Table(
        (Column("statement"), Column("kind"), *(Column(title, "figure") for title in titles)),
        tuple(
            Row(
                [Code(statement.object)],
                [
                    statement.kind.replace("_", " "),
                    units.duration(statement.begun_s * 1e9),
                    units.duration((statement.begun_s - statement.asked_s) * 1e9),
                    units.duration((statement.ended_s - statement.begun_s) * 1e9),
                    units.size(statement.file_growth_bytes),
                    units.size(statement.wal_peak_bytes),
                ],
                f"{source}/statements/{place}",
            )
            for place, statement in enumerate(strategy.statements)
        ),
        f"Statement by statement, {short_title(strategy)}, from the start of the load",
        source,
        "small",
    )


def _operations(strategy: Strategy, source: str, titles: Mapping[str, str]) -> Table:
    return Table(
        (
            Column("request"),
            *(Column(title, "figure") for title in ("before it", "while it ran", "after it")),
            Column("errors meanwhile", "range"),
        ),
        tuple(
            Row(
                request_title(operation.name, titles),
                [
                    *(
                        f"{units.duration(phase.p50_ns)}, {units.duration(phase.p99_ns)}"
                        for phase in (operation.before, operation.during, operation.after)
                    ),
                    units.errors(operation.errors_during),
                ],
                f"{source}/operations/{place} {title_source(operation.name, titles)}".rstrip(),
            )
            for place, operation in enumerate(strategy.operations)
        ),
        "p50 and p99 of the time since due",
        source,
        "small",
    )
