"""What a user feels while the migration runs: its strategies side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bench.report import blocks, units
from bench.report.provenance import at
from bench.report.sections.load import request_title, title_source
from bench.report.text import scalar
from bench.results.live import OnlineMigration, Statement, Strategy
from bench.results.load import LatencyQuantiles


def live_blocks(live: OnlineMigration, titles: Mapping[str, str]) -> Iterator[blocks.Block]:
    """Yield the part on a live migration; `titles` are those of comparison.json, in order."""
    yield blocks.Heading("While the migration runs", anchor="live-title")
    for position, strategy in enumerate(live.ways):
        if not strategy.counts:
            source = at("live", "ways", position)
            reasons = strategy.invalid_because + strategy.invariants.violations
            yield blocks.Text(f"▼ {warning(strategy)}", "warning", source)
            yield blocks.Bullets(reasons, source, small=False)
    if has_timeline(live):
        words = f"Latency and throughput by second. {title(live)}."
        yield blocks.Figure("live", f"{words} The table below holds the figures.", at("live"))
    if live.ways:
        yield _side_by_side(live)
    for position, strategy in enumerate(live.ways):
        name, source = short_title(strategy), at("live", "ways", position)
        statements = (_statements(strategy, source),)
        yield blocks.Details(f"Statements, {name}", statements, source=source, elsewhere=True)
        if strategy.operations:
            requests = (_operations(strategy, source, titles),)
            yield blocks.Details(f"Requests, {name}", requests, source=source)
    source = at("live", "limits")
    yield from blocks.limits("Limits of the live migration", live.limits, source, level=4)


def live_answer(live: OnlineMigration) -> str:
    """Return how long the service stops: of all strategies, or of those that count."""
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
    return "Invalid: nothing can be told of the service while the migration ran"


def warning(strategy: Strategy) -> str:
    """Return why nothing is concluded from a strategy's figures; empty where they hold."""
    name = short_title(strategy)
    if not strategy.invariants.held:
        return f"{name}: a rule of the study or the migration's result was violated."
    return "" if strategy.valid else f"{name}: invalid, nothing is concluded from it."


def has_timeline(live: OnlineMigration) -> bool:
    """Whether there is anything to draw a timeline of."""
    return any(any(strategy.timeline.values()) for strategy in live.ways)


def short_title(strategy: Strategy) -> str:
    """Return a strategy's title up to its first colon, which a column has room for."""
    return strategy.title.partition(":")[0]


def short_name(statement: Statement) -> str:
    """Return the name of an index or table as a picture has room for it."""
    return re.sub(r"^idx_", "", statement.object).replace("_", " ")


def _side_by_side(live: OnlineMigration) -> blocks.Table:
    columns = [_facts(strategy) for strategy in live.ways]
    source = " ".join(at("live", "ways", position) for position in range(len(live.ways)))
    return blocks.Table(
        blocks.columns("fact", ranges=map(short_title, live.ways)),
        [blocks.Row(fact, [facts[fact] for facts in columns], source) for fact in columns[0]],
        "The strategies to run it, side by side; of writes and reads the p50, p95, p99 and longest "
        "time since due",
        at("live", "ways"),
        "ways",
    )


def _facts(strategy: Strategy) -> dict[str, str]:
    """What a strategy came to, by the facts' names."""
    facts = {
        "what it is": strategy.title,
        "migration ran for": units.duration(strategy.duration_ns),
        "longest stretch without a write": _outage(strategy.longest_write_stall_ns),
        "no write, in all": _outage(strategy.writes_stopped_ns),
        "longest stretch without a read": _outage(strategy.longest_read_stall_ns),
        "longest wait of a write": units.duration(strategy.longest_write_wait_ns),
    }
    for kind in ("writes", "reads"):
        phases = strategy.phases(kind)
        facts[f"{kind} before it"] = _quantiles(phases.before)
        facts[f"{kind} while it ran"] = _quantiles(phases.during)
        facts[f"{kind} after it"] = _quantiles(phases.after)
    file = map(units.size, (strategy.file_bytes_before, strategy.file_bytes_after))
    writes = (strategy.writes_failed_during, strategy.writes_during)
    reads = (strategy.reads_failed_during, strategy.reads_during)
    return facts | {
        "writes that failed while it ran": " of ".join(map(units.whole, writes)),
        "reads that failed while it ran": " of ".join(map(units.whole, reads)),
        "errors": units.errors(strategy.errors),
        "never answered": units.whole(strategy.unserved),
        "write-ahead log at its largest": units.size(strategy.wal_peak_bytes),
        "file": " → ".join(file),
        "settings": _settings(strategy.settings),
        "valid": "yes" if strategy.valid else "no",
        "rules of the study": "all hold" if strategy.invariants.held else "violated",
    }


def _outage(length_ns: int) -> str:
    return units.duration(length_ns) if length_ns else "none"


def _quantiles(quantiles: LatencyQuantiles) -> str:
    shown = (quantiles.p50_ns, quantiles.p95_ns, quantiles.p99_ns, quantiles.max_ns)
    return ", ".join(map(units.duration, shown))


def _settings(settings: Mapping[str, object]) -> str:
    """Return settings as `cache size -65536, threads 2`."""
    parts = []
    for key, value in settings.items():
        name = key if key.isupper() else key.replace("_", " ")
        inner = f": {_settings(value)}" if isinstance(value, Mapping) else f" {scalar(value)}"
        parts.append(name + inner)
    return ", ".join(parts) or units.DASH


def _statements(strategy: Strategy, source: str) -> blocks.Table:
    rows = []
    for position, statement in enumerate(strategy.statements):
        begun, requested, ended = statement.begun_s, statement.asked_s, statement.ended_s
        times = [
            units.duration(seconds * 1e9) for seconds in (begun, begun - requested, ended - begun)
        ]
        sizes = map(units.size, (statement.file_growth_bytes, statement.wal_peak_bytes))
        cells = [statement.kind.replace("_", " "), *times, *sizes]
        name = [blocks.Code(statement.object)]
        rows.append(blocks.Row(name, cells, f"{source}/statements/{position}"))
    titles = ("begun at", "waited for the lock", "took", "file grew by", "log at its largest")
    return blocks.Table(
        blocks.columns("statement", "kind", figures=titles),
        rows,
        f"Statement by statement, {short_title(strategy)}, from the start of the load",
        source,
        "small",
    )


def _operations(strategy: Strategy, source: str, titles: Mapping[str, str]) -> blocks.Table:
    rows = []
    for position, operation in enumerate(strategy.operations):
        phases = (operation.before, operation.during, operation.after)
        times = [f"{units.duration(p.p50_ns)}, {units.duration(p.p99_ns)}" for p in phases]
        cells = [*times, units.errors(operation.errors_during)]
        pointer = f"{source}/operations/{position} {title_source(operation.name, titles)}".rstrip()
        rows.append(blocks.Row(request_title(operation.name, titles), cells, pointer))
    phase_names = ("before it", "while it ran", "after it")
    columns = blocks.columns("request", figures=phase_names, ranges=("errors meanwhile",))
    return blocks.Table(columns, rows, "p50 and p99 of the time since due", source, "small")
