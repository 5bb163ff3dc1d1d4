"""What it costs: the bill of a month, when an index pays, and what migrations and writes take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.report import blocks, palette, units
from bench.report.arms import Arms
from bench.report.provenance import at
from bench.report.sections.writes import write_blocks
from bench.results.ablation import Ablation
from bench.results.comparison import Comparison
from bench.results.cost import BreakEven, Cost, IndexCost
from bench.results.migration import Migration

Verdicts = Mapping[str, palette.Verdict]


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """One index under the first arm that builds it; `priced` where cost.json has it."""

    name: str
    arm: str
    build_ns: int
    size_bytes: int
    source: str
    priced: IndexCost | None = None


@blocks.section("cost", "What it costs", "Cost")
def cost_section(
    arms: Arms,
    *,
    cost: Cost | None = None,
    migration: Migration | None = None,
    comparison: Comparison | None = None,
    ablation: Ablation | None = None,
) -> Iterator[blocks.Block]:
    """The section on cost, as far as the documents tell it."""
    shown = verdicts(ablation)
    if cost is not None and cost.bill:
        yield from _month(cost, arms, shown)
    if migration is not None:
        yield _migrated(migration, arms)
    yield from _indexes(arms, cost, migration, shown)
    yield from write_blocks(arms, cost, comparison)
    if cost is not None:
        yield from _further(cost, arms)


def verdicts(ablation: Ablation | None) -> Verdicts:
    """What the ablation says of each index by name; empty where there was no ablation."""
    indexes = () if ablation is None else ablation.indexes
    return {index.name: palette.verdict(index.verdict) for index in indexes}


def built(arms: Arms, cost: Cost | None, migration: Migration | None) -> list[BuiltIndex]:
    """Every index, by arm and the costliest first: from cost.json, else as it was migrated."""
    indexes: dict[str, BuiltIndex] = {}
    if cost is not None:
        for n, index in enumerate(cost.indexes):
            source = at("cost", "indexes", n)
            indexes[index.name] = BuiltIndex(
                index.name, index.arm, index.build_ns, index.bytes, source, index
            )
    elif migration is not None:
        places = {entry.arm: n for n, entry in enumerate(migration.arms)}
        for arm in arms.ordered(set(places)):
            for n, made in enumerate(migration.arms[places[arm]].statements):
                if made.kind == "create_index" and made.object not in indexes:
                    source = at("migration", "arms", places[arm], "statements", n)
                    indexes[made.object] = BuiltIndex(
                        made.object, arm, made.duration_ns, made.size_bytes, source
                    )
    order = arms.ordered({index.arm for index in indexes.values()})
    return sorted(indexes.values(), key=lambda i: (order.index(i.arm), -i.build_ns))


def _month(cost: Cost, arms: Arms, shown: Verdicts) -> Iterator[blocks.Block]:
    """The bill of a month, and when an index pays for itself."""
    month = ", ".join(
        f"{units.dollars(bill.dollars)} {arms.label(arm)}" for arm, bill in cost.bill.items()
    )
    yield blocks.Text(f"A month costs {month}.", "answer", at("cost", "bill"))
    yield blocks.Text(
        f"Prices: {cost.prices.source}. Traffic: {cost.traffic.source}",
        "small",
        f"{at('cost', 'prices')} {at('cost', 'traffic')}",
    )
    titles = (
        "arm", "rows read", "rows written", "stored, GB", "for reads", "for writes", "for storage",
        "a month",
    )  # fmt: skip
    rows = []
    for arm, bill in cost.bill.items():
        counts = map(units.count, (bill.rows_read_per_month, bill.rows_written_per_month))
        parts = (bill.reads_dollars, bill.writes_dollars, bill.storage_dollars, bill.dollars)
        cells = [*counts, units.significant(bill.stored_gb), *map(units.dollars, parts)]
        rows.append(blocks.Row(arms.label(arm), cells, at("cost", "bill", arm)))
    yield _number_table("The bill of a month", at("cost", "bill"), titles, rows)
    if cost.break_even:
        yield _break_even(cost, arms, shown)


def _break_even(cost: Cost, arms: Arms, shown: Verdicts) -> blocks.Table:
    titles = _titles(cost)

    def row(n: int, entry: BreakEven) -> blocks.Row:
        cells = [
            _titled(entry.operation, titles)[0],
            units.count(entry.rows_read_saved if entry.operation else None),
            _titled(entry.write, titles)[0],
            units.count(entry.rows_written_more if entry.write else None),
            # How many of the read have to be asked for each of the write, so that the index pays.
            units.DASH
            if entry.operation is None
            else "never enough"
            if entry.reads_for_each_write is None
            else units.significant(entry.reads_for_each_write),
        ]
        sources = [_titled(name, titles)[1] for name in (entry.operation, entry.write)]
        source = " ".join(filter(None, [at("cost", "break_even", n), *sources]))
        return blocks.Row(_named(entry.index, shown), cells, source)

    return blocks.Table(
        blocks.columns("index", "helps most", ranges=("rows read saved",))
        + blocks.columns("taxes most", ranges=("rows written", "reads needed a write")),
        [row(n, entry) for n, entry in enumerate(cost.break_even)],
        "When each index pays for itself, by rows at D1's prices: the read that it helps most "
        f"against the write that it taxes most, of those that {arms.base} answers too",
        at("cost", "break_even"),
        "evidence",
    )


def _titles(cost: Cost) -> dict[str, tuple[str, str]]:
    """The title of each operation that was counted, and where it stands."""
    reads = {e.name: (e.title, at("cost", "reads", n, "title")) for n, e in enumerate(cost.reads)}
    return reads | {
        e.name: (e.title, at("cost", "writes", n, "title")) for n, e in enumerate(cost.writes)
    }


def _titled(name: str | None, titles: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    return ("none", "") if name is None else titles.get(name, (name, ""))


def _named(index: str, shown: Verdicts) -> Sequence[blocks.Inline]:
    name = blocks.Code(index)
    return [name, " ", blocks.Badge(shown[index])] if index in shown else [name]


def _migrated(migration: Migration, arms: Arms) -> blocks.Table:
    """What each arm's migration took."""
    rows = []
    for n, entry in enumerate(migration.arms):
        if entry.arm != arms.base:
            times = map(units.duration, (entry.duration_ns, entry.statistics_ns or None))
            sizes = map(units.size, (entry.database_bytes_before, entry.database_bytes_after))
            cells = [*times, *sizes]
            rows.append(blocks.Row(arms.label(entry.arm), cells, at("migration", "arms", n)))
    titles = ("arm", "migration", "statistics", "file before", "file after")
    return _number_table("Each arm's migration", at("migration", "arms"), titles, rows)


def _indexes(
    arms: Arms, cost: Cost | None, migration: Migration | None, shown: Verdicts
) -> Iterator[blocks.Block]:
    """What the indexes took, by arm and each."""
    totals = []
    for arm, total in {} if cost is None else cost.in_all.items():
        if total.indexes:
            sizes = map(units.size, (total.bytes, total.wal_bytes))
            cells = [units.count(total.indexes), units.duration(total.build_ns), *sizes]
            totals.append(blocks.Row(arms.label(arm), cells, at("cost", "in_all", arm)))
    if totals:
        titles = ("arm", "indexes", "build time", "size", "log")
        yield _number_table("Its indexes in all", at("cost", "in_all"), titles, totals)
    if indexes := built(arms, cost, migration):
        source = at("cost", "indexes") if cost is not None else at("migration", "arms")
        words = "Build time and size of each index. The table below holds the same figures."
        yield blocks.Figure("indexes", words, source)
        priced = cost is not None and bool(cost.bill)
        table = _priced(indexes, arms, source, shown, priced=priced)
        yield blocks.Details("The indexes as a table", (table,), elsewhere=True)


def _priced(
    indexes: Iterable[BuiltIndex], arms: Arms, source: str, shown: Verdicts, *, priced: bool
) -> blocks.Table:
    rows = []
    for index in indexes:
        cells = [arms.label(index.arm)]
        cells += [units.duration(index.build_ns), units.size(index.size_bytes)]
        if (price := index.priced) is not None:
            cells += [units.size(price.wal_bytes), units.count(price.rows_written)]
            cells += [units.dollars(price.dollars_to_build)] if priced else []
        rows.append(blocks.Row(_named(index.name, shown), cells, index.source))
    titles = ("index", "first built in", "build time", "size", "log", "rows written", "to build")
    caption = "Price of each index" if priced else "What each index takes"
    return _number_table(caption, source, titles[: len(rows[0].cells) + 1], rows)


def _further(cost: Cost, arms: Arms) -> Iterator[blocks.Block]:
    """What every read touches, the traffic behind the bill, and what the figures do not tell."""
    if cost.reads:
        names = arms.ordered({name for read in cost.reads for name in read.arms})
        rows = []
        for n, read in enumerate(cost.reads):
            on_arms = [read.arms.get(name) for name in names]
            cells = [units.count(arm.rows_read if arm else None) for arm in on_arms]
            rows.append(blocks.Row(read.title, cells, at("cost", "reads", n)))
        titles = ("read", *map(arms.label, names))
        table = _number_table("Rows read by one execution", at("cost", "reads"), titles, rows)
        yield blocks.Details("Rows that each read touches", (table,))
    if cost.traffic.requests_per_month:
        yield blocks.Details("The traffic that the bill is for", (_traffic(cost),))
    yield from blocks.limits("Limits of the price", cost.limits, at("cost", "limits"))


def _traffic(cost: Cost) -> blocks.Table:
    titles = _titles(cost)
    rows = []
    for name, requests in cost.traffic.requests_per_month.items():
        title, source = _titled(name, titles)
        pointer = at("cost", "traffic", "requests_per_month", name)
        rows.append(blocks.Row(title, [units.count(requests)], f"{pointer} {source}".rstrip()))
    return _number_table(
        "Requests of a month", at("cost", "traffic"), ("operation", "requests"), rows
    )


def _number_table(
    caption: str, source: str, titles: Sequence[str], rows: Sequence[blocks.Row]
) -> blocks.Table:
    """A table whose cells hold figures, all but the heads of its rows."""
    return blocks.Table(blocks.columns(titles[0], ranges=titles[1:]), rows, caption, source)
