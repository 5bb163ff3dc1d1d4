"""What got slower and why, and every operation with its plans and counters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.report import blocks, units
from bench.report.arms import Arms
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


def source_of(comparison: Comparison, name: str) -> str:
    """The place of an operation in comparison.json."""
    places = [entry.name for entry in comparison.operations]
    return at("comparison", "operations", places.index(name))


def slower(comparison: Comparison, claims: Claims) -> list[tuple[OperationComparison, Pair]]:
    """Operations that the headline names as slower: queries, then writes, the worst first."""
    names = claims.headline.slower if claims.headline else ()
    pairs = [(entry, pair) for entry, pair in comparison.judged_pairs if entry.name in names]
    return sorted(pairs, key=lambda entry: (entry[0].kind == "write", entry[1].speedup or 0.0))


def slower_line(comparison: Comparison, claims: Claims) -> str:
    """The report's first line: what the migration made slower, the worst first.

    Queries are named each; writes are named where no query got slower, else counted.
    """
    harmed = " ".join(_harmed(comparison, claims))
    pairs = slower(comparison, claims)
    if not pairs:
        return harmed or "No operation got slower."
    effects = [
        (entry.kind, f"{entry.title} ({units.effect(pair.speedup).removesuffix(' slower')})")
        for entry, pair in pairs
    ]
    named = [text for kind, text in effects if kind != "write"]
    writes = [text for kind, text in effects if kind == "write"]
    if named and len(writes) > 1:
        writes = [f"{len(writes)} writes, most of all {writes[0]}"]
    return f"{harmed} Slower after the migration: {'; '.join([*named, *writes])}.".lstrip()


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


def slower_counts(comparison: Comparison, claims: Claims) -> str:
    """How many queries and writes got slower, such as `3 queries, 4 writes`."""
    kinds = [entry.kind for entry, _ in slower(comparison, claims)]
    nouns = (("read", "query", "queries"), ("write", "write", "writes"))
    parts = [
        counted(kinds.count(kind), singular, plural, str)
        for kind, singular, plural in nouns
        if kind in kinds
    ]
    return ", ".join(parts) or "none of those compared"


@blocks.section("slower", "What got slower, and why", "What got slower")
def slower_section(comparison: Comparison, claims: Claims, arms: Arms) -> Iterator[blocks.Block]:
    """What got slower, each with its cause and what mends it."""
    cards = [*_harm_cards(comparison, claims)]
    cards += [_card(comparison, arms, *pair) for pair in slower(comparison, claims)]
    yield from cards
    if not cards:
        yield blocks.Text(
            "No operation got slower: every one that could be compared is as fast as before or "
            "faster, or its interval does not decide."
        )


def _harm_cards(comparison: Comparison, claims: Claims) -> Iterator[blocks.Card]:
    """A card for each operation that no longer runs or answers otherwise."""
    headline = claims.headline
    if headline is None:
        return
    for name in (*headline.fails, *headline.answers_differ):
        entry = comparison.operation(name)
        if entry is None:
            continue
        why = "; ".join(f"{arm}: {reason}" for arm, reason in entry.not_measured.items())
        text = (
            f"It was not measured ({why})."
            if name in headline.fails
            else "It answers otherwise, or leaves other rows, than before: no time was judged. "
            "`resale-bench gate` shows the first rows that differ; rows that tie in an ORDER BY "
            "may come in another order, so give it a unique last key."
        )
        link = blocks.Link(entry.title, anchor(name))
        yield blocks.Card([link], (blocks.Text(text),), source=source_of(comparison, name))


def _card(
    comparison: Comparison, arms: Arms, entry: OperationComparison, pair: Pair
) -> blocks.Card:
    source = source_of(comparison, entry.name)
    base, judged = entry.arms[pair.base], entry.arms[pair.arm]
    times = f"{units.duration(base.median_ns)} → {units.duration(judged.median_ns)}, "
    effect = blocks.Span(comparison_text(pair), "strong", "bad")
    parts: list[blocks.Block] = [
        blocks.Text([times, effect, " ", blocks.Json(source, entry.title)], "figures")
    ]
    if pair.cause:
        parts.append(blocks.noted("Cause.", pair.cause, "body"))
    parts.append(blocks.noted("What mends it.", _mending(comparison, entry, arms), "body"))
    if base.plan and base.plan == judged.plan:
        same = blocks.Columns([[plan_block("Plan", judged, base)]])
        summary = "The plan is the same before and after"
        parts.append(blocks.Details(summary, (same,), f"for {entry.title}", folded=True))
    elif base.plan or judged.plan:
        sides = ((pair.base, base), (pair.arm, judged))
        plans = [[plan_block(f"Plan {arms.label(n)}", seen, base)] for n, seen in sides]
        parts.append(blocks.Columns(plans))
    return blocks.Card([blocks.Link(entry.title, anchor(entry.name))], parts, source=source)


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


def plan_block(title: str, measured: ArmFigures, base: ArmFigures | None) -> blocks.Block:
    """A plan under a title; lines that the base's plan lacks are marked."""
    if not measured.plan:
        return blocks.CodeBlock((), title, "No plan was recorded.")
    known = base.plan if base is not None and base.plan else None
    return blocks.CodeBlock(blocks.lines(measured.plan, known), title)


@blocks.section("operations", "Every operation")
def operations_section(
    comparison: Comparison, families: Mapping[str, str], arms: Arms
) -> Iterator[blocks.Block]:
    """Every operation, family by family."""
    yield blocks.Figure(
        "operations",
        "Median time of every operation before and after, on a logarithmic axis. "
        "The tables below hold the same figures.",
        f"{at('comparison', 'operations')} {at('claims', 'claims')}",
    )
    columns = (
        *blocks.columns("Operation", figures=arms.labels.values()),
        blocks.Column(f"{comparison.judged} against {comparison.base}", "effect"),
        *blocks.columns(ranges=("95 % interval",)),
    )
    for number, (key, members) in enumerate(grouped(comparison), 1):
        source = " ".join(source_of(comparison, entry.name) for entry in members)
        name = f"family-{number}"
        yield blocks.Heading(family_title(families, key), source=source, anchor=name)
        control = " control" if all(entry.control for entry in members) else ""
        rows = [_operation_row(comparison, entry, arms) for entry in members]
        yield blocks.Table(columns, rows, heading=name, style=f"operations{control}")


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


def _operation_row(comparison: Comparison, entry: OperationComparison, arms: Arms) -> blocks.Row:
    pair = entry.pair(comparison.base, comparison.judged)
    on_arms = [entry.arms.get(name) for name in arms.labels]
    cells: list[blocks.Inlines] = [
        units.duration(measured.median_ns if measured else None) for measured in on_arms
    ]
    if pair is not None:
        cells += [[effect_badge(pair)], [interval_text(pair) or units.DASH]]
    else:
        cells += [[blocks.Span(text, "aside")] for text in ("not compared", units.DASH)]
    source = source_of(comparison, entry.name)
    more = tuple(_details(comparison, entry, pair, arms, source))
    details = blocks.Details("Plans and counters", more, f"of {entry.title}", folded=True)
    return blocks.Row(entry.title, cells, source, anchor(entry.name), (details,))


def _details(
    comparison: Comparison,
    entry: OperationComparison,
    pair: Pair | None,
    arms: Arms,
    source: str,
) -> Iterator[blocks.Block]:
    yield blocks.Text([*_head(entry), " · ", blocks.Json(source, entry.title)], "small")
    if entry.not_measured:
        labels: dict[str, list[str]] = {}
        for name, reason in entry.not_measured.items():
            labels.setdefault(reason, []).append(arms.label(name))
        why = "; ".join(f"{', '.join(named)} ({reason})" for reason, named in labels.items())
        yield blocks.Text(f"Not measured: {why}.", "small")
    if entry.answers_differ:
        yield blocks.Text("The arms did not give equal answers, so no time counts.", "warning")
    if pair is not None and pair.cause and pair.verdict != "slower" and not entry.not_measured:
        yield blocks.Text(pair.cause, "small")
    if pair is not None and pair.speedup:
        yield blocks.Text([blocks.Span(threshold_text(pair), "aside")], "small")
    if names := [name for name in arms.labels if name in entry.arms]:
        base = entry.arms.get(comparison.base)
        yield blocks.Columns([[plan_block(arms.label(n), entry.arms[n], base)] for n in names])
        counters = {name: counters_of(entry.arms[name]) for name in names}
        yield blocks.Table(
            blocks.columns("arm", figures=counters[names[0]]),
            [blocks.Row(arms.label(name), [*counters[name].values()]) for name in names],
            "Times and counters of one execution",
            style="small",
        )
    if len(entry.comparisons) > 1:
        against = [f"{arms.label(p.arm)} against {arms.label(p.base)}" for p in entry.comparisons]
        texts = map(comparison_text, entry.comparisons)
        yield blocks.Bullets([f"{a}: {text}" for a, text in zip(against, texts, strict=True)])


def _head(entry: OperationComparison) -> list[blocks.Inline]:
    parts: list[blocks.Inline] = [blocks.Code(entry.name)]
    if entry.http:
        parts += [" · ", blocks.Code(entry.http)]
    if entry.indexes:
        parts += [" · index of the migration: ", *blocks.joined(map(blocks.Code, entry.indexes))]
    return parts


def counters_of(measured: ArmFigures) -> dict[str, str]:
    """Times and counters of one arm by their names."""
    return {
        "median": units.duration(measured.median_ns),
        "p95": units.duration(measured.p95_ns),
        "p99": units.duration(measured.p99_ns),
        "VM steps": units.count(measured.vm_steps),
        "full-scan steps": units.count(measured.fullscan_steps),
        "sorts": units.count(measured.sorts),
        "rows": units.count(measured.rows),
        "samples": units.count(measured.samples),
    }
