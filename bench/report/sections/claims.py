"""Every promise, what was measured of it, and the operations behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bench.report import blocks, palette, units
from bench.report.provenance import at
from bench.report.terminal import blocks_text
from bench.report.text import anchor, counted, titled
from bench.results.claims import Claims, JudgedClaim

# So many operations behind a claim are shown at once.
SHOWN_PARTS = 8
Words = Mapping[str, str]


def claims_section(claims: Claims, titles: Words, under_load: Words) -> blocks.Section:
    """The section on claims; `under_load` gives the verdict under load of claims that have one."""
    headline, source, title = claims.headline, at("claims", "claims"), "Claims"
    if headline is not None:
        title = f"{headline.promises_kept} of {headline.promises_total} promises are kept"
    body: list[blocks.Block] = []
    if any(claim.kind == "speedup" and claim.expected for claim in claims.claims):
        figure = (
            "Promised and measured speedup of each claim, on a logarithmic axis. "
            "The list below holds the same figures."
        )
        body.append(blocks.Figure("claims", figure, f"{source} {at('comparison', 'operations')}"))
    if claims.claims:
        caption = "What was promised and what was measured"
        table = replace(claims_table(claims), caption=caption, source=source, style="evidence")
        body.append(blocks.Details("The claims as a table", (table,), elsewhere=True))
    body += [_card(claim, n, titles, under_load) for n, claim in enumerate(claims.claims)]
    return blocks.Section("claims", title, "Claims", body, at("claims", "headline"))


def _card(claim: JudgedClaim, n: int, titles: Words, under_load: Words) -> blocks.Card:
    source = at("claims", "claims", n)
    measured, interval = measured_text(claim, claim.measured, claim.ci95)
    outcome: list[blocks.Inlines] = [
        [blocks.Badge(palette.verdict(claim.verdict))],
        [f"promised {promised_text(claim)}"],
        ["measured ", blocks.Span(measured, "strong")],
        *([[blocks.Span(f"interval {interval}", "aside")]] if interval else []),
        [blocks.Json(source, claim.quote)],
    ]
    body = tuple(_blocks(claim, titles, under_load, source))
    quote = [blocks.Span(claim.quote, "quote")]
    return blocks.Card(quote, body, outcome, f"claim-{claim.id}", source)


def _blocks(
    claim: JudgedClaim, titles: Words, under_load: Words, source: str
) -> Iterator[blocks.Block]:
    if claim.reason:
        sources = f"{source} {at('comparison', 'operations')}"
        yield blocks.Text(titled(claim.reason, titles), source=sources)
    if claim.id in under_load:
        link = blocks.Link("judged under load", f"capacity-{claim.id}")
        single = "That is of single queries. Whether users would feel it is "
        yield blocks.Text([single, link, f": {under_load[claim.id]}."], "small")
    if claim.note:
        yield blocks.Text([blocks.Span(claim.note, "aside")], "small")
    names = list(dict.fromkeys([*claim.evidence, *(part.name for part in claim.operations)]))
    if names:
        places = [
            at("comparison", "operations", n, "title")
            for n, name in enumerate(titles)
            if name in names
        ]
        items = list(_parts(claim, names, titles))
        yield blocks.Details(
            f"{counted(len(names), 'operation', 'operations', str)} behind it",
            (blocks.Bullets(items, " ".join([source, *places]), small=False),),
            open=len(names) <= SHOWN_PARTS,
            folded=True,
        )


def _parts(
    claim: JudgedClaim, names: Sequence[str], titles: Words
) -> Iterator[list[blocks.Inline]]:
    measured = {part.name: part for part in claim.operations}
    for name in names:
        part = measured.get(name)
        link = blocks.Link(titles.get(name, name), anchor(name) if name in titles else "")
        if part is None:
            yield [link]
            continue
        verdict = palette.verdict(part.verdict)
        words, _ = measured_text(claim, part.speedup, part.ci95)
        yield [blocks.Badge(verdict, ""), link, f": {words}, {verdict.word}"]


def promised_speedup(claims: Claims, name: str, family: str) -> tuple[float, float] | None:
    """The range of the family's own claim, else of the first claim that names the operation."""
    naming = [c for c in claims.claims if c.kind == "speedup" and name in c.evidence]
    of_family = [claim for claim in naming if claim.id == family]
    return next((claim.expected for claim in of_family or naming), None)


def claims_table(claims: Claims) -> blocks.Table:
    """One row for each claim: quote, promised, measured, interval, verdict."""
    marked = any(claim.required for claim in claims.claims)
    columns = [
        blocks.Column("claim", "sentence"),
        *blocks.columns(figures=("promised", "measured", "95 % interval")),
        *blocks.columns("verdict", *(("required",) if marked else ())),
    ]
    rows = []
    for n, claim in enumerate(claims.claims):
        measured, interval = measured_text(claim, claim.measured, claim.ci95)
        cells: list[blocks.Inlines] = [promised_text(claim), measured, interval or units.DASH]
        cells.append([blocks.Badge(palette.verdict(claim.verdict))])
        if marked:
            cells.append("yes" if claim.required else "no")
        quote = [blocks.Span(claim.quote, "quote")]
        rows.append(blocks.Row(quote, cells, at("claims", "claims", n)))
    return blocks.Table(columns, rows)


def claims_text(claims: Claims, *, width: int = 110, colour: bool = False) -> str:
    """The claims for a terminal, `width` columns wide, with ANSI colours if wanted."""
    body: list[blocks.Block] = [claims_table(claims)] if claims.claims else []
    if claims.headline is not None:
        body.insert(0, blocks.Text(claims.headline.sentence, "answer"))
    return blocks_text(body, width=width, colour=colour)


def promised_text(claim: JudgedClaim) -> str:
    """What was promised."""
    if claim.expected is None:
        if claim.limit_ns is None:
            return units.DASH
        return f"{claim.promise or 'within'} {units.duration(claim.limit_ns)}"
    low, high = claim.expected
    if claim.kind == "speedup":
        return f"{units.span(low, high)}× faster"
    return f"{units.span(low, high)}{_unit(claim)}"


def measured_text(
    claim: JudgedClaim, value: float | None, ci95: tuple[float, float] | None
) -> tuple[str, str]:
    """A measured value in the claim's unit, and its interval; empty where there is none."""
    if value is None:
        return units.DASH, ""
    if claim.kind == "speedup":
        low, high = ci95 or (None, None)
        return units.measured(value, low, high), units.effect_interval(value, low, high)
    if claim.kind == "limit":
        return units.duration(value), " to ".join(map(units.duration, ci95 or ()))
    words = f"{units.significant(value)}{_unit(claim)}"
    return words, " to ".join(map(units.significant, ci95 or ()))


def _unit(claim: JudgedClaim) -> str:
    return "" if claim.unit in ("value", "ratio") else f"\N{NO-BREAK SPACE}{claim.unit}"
