"""What got slower and why, and every operation with its plans and counters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.report import units
from bench.report.arms import Arms
from bench.report.blocks import (
    Block,
    Bullets,
    Card,
    Code,
    CodeBlock,
    CodeLine,
    Column,
    Columns,
    Details,
    Figure,
    Heading,
    Inline,
    Json,
    Link,
    Row,
    Section,
    Span,
    Table,
    Text,
)
from bench.report.provenance import at
from bench.report.text import (
    anchor,
    comparison_text,
    counted,
    effect_badge,
    interval_text,
    threshold_text,
)
from bench.results.claims import Claims
from bench.results.comparison import ArmFigures, Comparison, OperationComparison, Pair

COUNTERS = (
    "median", "p95", "p99", "VM steps", "full-scan steps", "sorts", "rows", "samples",
)  # fmt: skip


def source_of(comparison: Comparison, name: str) -> str:
    """The place of an operation in comparison.json."""
    places = [entry.name for entry in comparison.operations]
    return at("comparison", "operations", places.index(name))


def slower(comparison: Comparison, claims: Claims) -> list[tuple[OperationComparison, Pair]]:
    """Operations that the headline names as slower: queries, then writes, the worst first."""
    names = claims.headline.slower if claims.headline else ()
    pairs = [(entry, pair) for entry, pair in comparison.judged_pairs if entry.name in names]
    return sorted(pairs, key=lambda one: (one[0].kind == "write", one[1].speedup or 0.0))


def slower_line(comparison: Comparison, claims: Claims) -> str:
    """The report's first line: what the migration made slower, the worst first.

    Queries are named each; writes are named where no query got slower, else counted.
    """
    harmed = " ".join(_harmed(comparison, claims))
    pairs = slower(comparison, claims)
    if not pairs:
        return harmed or "No operation got slower."
    queries = [_slowdown(*one) for one in pairs if one[0].kind != "write"]
    writes = [_slowdown(*one) for one in pairs if one[0].kind == "write"]
    named = queries or writes
    if queries and len(writes) == 1:
        named = [*queries, writes[0]]
    elif queries and writes:
        named = [*queries, f"{len(writes)} writes, most of all {writes[0]}"]
    return f"{harmed} Slower after the migration: {'; '.join(named)}.".lstrip()


def _harmed(comparison: Comparison, claims: Claims) -> Iterator[str]:
    """What no longer runs or answers otherwise, a sentence each."""
    headline = claims.headline
    if headline is None:
        return
    for words, names in (
        ("No longer runs after the migration", headline.fails),
        ("Other answers after the migration", headline.answers_differ),
    ):
        if names:
            yield f"{words}: {'; '.join(comparison.titles.get(name, name) for name in names)}."


def _slowdown(entry: OperationComparison, pair: Pair) -> str:
    return f"{entry.title} ({units.effect(pair.speedup).removesuffix(' slower')})"


def slower_counts(comparison: Comparison, claims: Claims) -> str:
    """How many queries and writes got slower, such as `3 queries, 4 writes`."""
    kinds = [entry.kind for entry, _ in slower(comparison, claims)]
    queries, writes = kinds.count("read"), kinds.count("write")
    parts = [
        counted(queries, "query", "queries") if queries else "",
        counted(writes, "write", "writes") if writes else "",
    ]
    return ", ".join(part for part in parts if part) or "none of those compared"


def slower_section(comparison: Comparison, claims: Claims, arms: Arms) -> Section:
    """What got slower, each with its cause and what mends it."""
    pairs = slower(comparison, claims)
    found = (*_harm_cards(comparison, claims), *(_card(comparison, arms, *one) for one in pairs))
    blocks: tuple[Block, ...] = found or (
        Text(
            "No operation got slower: every one that could be compared is as fast as before or "
            "faster, or its interval does not decide."
        ),
    )
    return Section("slower", "What got slower, and why", "What got slower", blocks)


def _harm_cards(comparison: Comparison, claims: Claims) -> Iterator[Card]:
    """A card for each operation that no longer runs or answers otherwise."""
    headline = claims.headline
    for name in (*headline.fails, *headline.answers_differ) if headline else ():
        entry = comparison.operation(name)
        if entry is None:
            continue
        why = "; ".join(f"{arm}: {reason}" for arm, reason in entry.not_measured.items())
        said = (
            f"It was not measured ({why})."
            if name in (headline.fails if headline else ())
            else "It answers otherwise, or leaves other rows, than before: no time was judged. "
            "`resale-bench gate` shows the first rows that differ; rows that tie in an ORDER BY "
            "may come in another order, so give it a unique last key."
        )
        source = source_of(comparison, name)
        yield Card([Link(entry.title, anchor(name))], (Text(said),), source=source)


def _card(comparison: Comparison, arms: Arms, entry: OperationComparison, pair: Pair) -> Card:
    source = source_of(comparison, entry.name)
    base, judged = entry.arms[pair.base], entry.arms[pair.arm]
    blocks: list[Block] = [
        Text(
            [
                f"{units.duration(base.median_ns)} → {units.duration(judged.median_ns)}, ",
                Span(comparison_text(pair), "strong", "bad"),
                " ",
                Json(source, entry.title),
            ],
            "figures",
        )
    ]
    if pair.cause:
        blocks.append(Text([Span("Cause.", "strong"), f" {pair.cause}"]))
    mending = _mending(comparison, entry, arms)
    blocks.append(Text([Span("What mends it.", "strong"), f" {mending}"]))
    if base.plan and base.plan == judged.plan:
        same = Columns([[plan_block("Plan", judged, base)]])
        summary = "The plan is the same before and after"
        blocks.append(Details(summary, (same,), f"for {entry.title}", folded=True))
    elif base.plan or judged.plan:
        sides = ((pair.base, base), (pair.arm, judged))
        blocks.append(
            Columns([[plan_block(f"Plan {arms.label(n)}", seen, base)] for n, seen in sides])
        )
    return Card([Link(entry.title, anchor(entry.name))], tuple(blocks), source=source)


def _mending(comparison: Comparison, entry: OperationComparison, arms: Arms) -> str:
    """Which other arms are as fast as the base or faster, in one sentence."""
    parts = [
        f"{arms.label(pair.arm)}: {comparison_text(pair)}"
        for pair in entry.comparisons
        if pair.base == comparison.base
        and pair.arm != comparison.judged
        and pair.verdict in ("faster", "same")
    ]
    if not parts:
        return "No other arm of this study mends it."
    return f"Measured against before: {'; '.join(parts)}."


def plan_block(title: str, figures: ArmFigures, base: ArmFigures | None) -> Block:
    """A plan under a title; lines that the base's plan lacks are marked."""
    if not figures.plan:
        return CodeBlock((), title, "No plan was recorded.")
    known = figures.plan if base is None or not base.plan else base.plan
    return CodeBlock([CodeLine(line, line not in known) for line in figures.plan], title)


def operations_section(comparison: Comparison, families: Mapping[str, str], arms: Arms) -> Section:
    """Every operation, family by family."""
    return Section(
        "operations", "Every operation", "Every operation",
        tuple(_operation_blocks(comparison, families, arms)),
    )  # fmt: skip


def _operation_blocks(
    comparison: Comparison, families: Mapping[str, str], arms: Arms
) -> Iterator[Block]:
    yield Figure(
        "operations",
        "Median time of every operation before and after, on a logarithmic axis. "
        "The tables below hold the same figures.",
        f"{at('comparison', 'operations')} {at('claims', 'claims')}",
    )
    columns = (
        Column("Operation"),
        *(Column(label, "figure") for label in arms.labels.values()),
        Column(f"{comparison.judged} against {comparison.base}", "effect"),
        Column("95 % interval", "range"),
    )
    for place, (key, members) in enumerate(grouped(comparison), 1):
        source = " ".join(source_of(comparison, entry.name) for entry in members)
        yield Heading(family_title(families, key), source=source, anchor=f"family-{place}")
        control = " control" if all(entry.control for entry in members) else ""
        yield Table(
            columns,
            tuple(_operation_row(comparison, entry, arms) for entry in members),
            heading=f"family-{place}",
            style=f"operations{control}",
        )


def family_title(families: Mapping[str, str], key: str) -> str:
    """A family's title, or its name in words where the study gives none."""
    return families.get(key, key.replace("-", " ").capitalize())


def grouped(comparison: Comparison) -> list[tuple[str, list[OperationComparison]]]:
    """Families by their worst effect, slower operations on top, controls at the foot."""
    groups: dict[str, list[OperationComparison]] = {}
    for entry in comparison.operations:
        groups.setdefault(entry.family, []).append(entry)

    def effect(entry: OperationComparison) -> float:
        pair = entry.pair(comparison.base, comparison.judged)
        return float("inf") if pair is None or pair.speedup is None else pair.speedup

    ordered = [(key, sorted(members, key=effect)) for key, members in groups.items()]
    return sorted(
        ordered, key=lambda group: (all(e.control for e in group[1]), effect(group[1][0]))
    )


def _operation_row(comparison: Comparison, entry: OperationComparison, arms: Arms) -> Row:
    pair = entry.pair(comparison.base, comparison.judged)
    medians = [
        units.duration(entry.arms[name].median_ns if name in entry.arms else None)
        for name in arms.labels
    ]
    last: list[list[Inline]] = [[Span("not compared", "aside")], [Span(units.DASH, "aside")]]
    if pair is not None:
        last = [[effect_badge(pair)], [interval_text(pair) or units.DASH]]
    source = source_of(comparison, entry.name)
    details = Details(
        "Plans and counters", tuple(_details(comparison, entry, pair, arms, source)),
        f"of {entry.title}", folded=True,
    )  # fmt: skip
    return Row(entry.title, [*medians, *last], source, anchor(entry.name), (details,))


def _details(
    comparison: Comparison,
    entry: OperationComparison,
    pair: Pair | None,
    arms: Arms,
    source: str,
) -> Iterator[Block]:
    yield Text([*_head(entry), " · ", Json(source, entry.title)], "small")
    if entry.not_measured:
        yield Text(_not_measured(entry, arms), "small")
    if entry.answers_differ:
        yield Text("The arms did not give equal answers, so no time counts.", "warning")
    if pair is not None and pair.cause and pair.verdict != "slower" and not entry.not_measured:
        yield Text(pair.cause, "small")
    if pair is not None and pair.speedup:
        yield Text([Span(threshold_text(pair), "aside")], "small")
    names = [name for name in arms.labels if name in entry.arms]
    if names:
        base = entry.arms.get(comparison.base)
        yield Columns([[plan_block(arms.label(n), entry.arms[n], base)] for n in names])
        yield Table(
            (Column("arm"), *(Column(title, "figure") for title in COUNTERS)),
            tuple(Row(arms.label(name), counter_cells(entry.arms[name])) for name in names),
            "Times and counters of one execution",
            style="small",
        )
    if len(entry.comparisons) > 1:
        yield Bullets(
            [
                f"{arms.label(one.arm)} against {arms.label(one.base)}: {comparison_text(one)}"
                for one in entry.comparisons
            ]
        )


def _head(entry: OperationComparison) -> list[Inline]:
    parts: list[Inline] = [Code(entry.name)]
    if entry.http:
        parts += [" · ", Code(entry.http)]
    if entry.indexes:
        parts.append(" · index of the migration: ")
        for place, index in enumerate(entry.indexes):
            parts += [", ", Code(index)] if place else [Code(index)]
    return parts


def _not_measured(entry: OperationComparison, arms: Arms) -> str:
    """Which arms were not measured and why."""
    labels: dict[str, list[str]] = {}
    for name, reason in entry.not_measured.items():
        labels.setdefault(reason, []).append(arms.label(name))
    parts = [f"{', '.join(named)} ({reason})" for reason, named in labels.items()]
    return f"Not measured: {'; '.join(parts)}."


def counter_cells(figures: ArmFigures) -> Sequence[str]:
    """Times and counters of one arm, in the order of COUNTERS."""
    return (
        *map(units.duration, (figures.median_ns, figures.p95_ns, figures.p99_ns)),
        *map(
            units.count,
            (figures.vm_steps, figures.fullscan_steps, figures.sorts, figures.rows,
             figures.samples),
        ),
    )  # fmt: skip
