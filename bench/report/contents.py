"""What a report shows, from a run's documents: its verdict and its sections in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from markupsafe import Markup

from bench.report import blocks, palette, units
from bench.report.arms import Arms
from bench.report.html import Picture, page_html
from bench.report.markdown import page_markdown
from bench.report.plots import make_figures, to_svg
from bench.report.provenance import at
from bench.report.run_report import Report
from bench.report.sections import operations
from bench.report.sections.ablation import ablation_section
from bench.report.sections.capacity import capacity_answer, capacity_blocks
from bench.report.sections.claims import claims_section
from bench.report.sections.cost import cost_section
from bench.report.sections.growth import growth_section
from bench.report.sections.load import load_answer, load_blocks
from bench.report.sections.method import measured, method_section
from bench.report.sections.online_migration import live_answer, live_blocks
from bench.report.sections.recommendation import recommendation_section
from bench.report.sections.statistics import statistics_section
from bench.report.terminal import section_text
from bench.results.claims import Headline
from bench.results.documents import Evidence, RunDocuments

# Whose figures stand apart: the run says how it was measured, and the shapes are its data's.
_BESIDE = ("run", "realism")


def page_of(report: Report) -> blocks.Page:
    """The whole report."""
    headline = report.claims.headline
    sentence = "" if headline is None else headline.sentence
    files = ", ".join(f"{name}.json" for name in report.by_name() if name not in _BESIDE)
    return blocks.Page(
        title=report.title,
        sentence=sentence,
        slower=bool(headline and headline.harmed),
        slower_line=operations.slower_line(report.comparison, report.claims),
        measured=measured(
            report.run, report.migration, report.arms, claimed=bool(report.claims.claims)
        ),
        figures=() if headline is None else tuple(_head_figures(report, headline)),
        sections=tuple(sections(report)),
        footer=f"{report.title} · run {report.run.name} · {report.run.started_at} UTC. All "
        f"figures stand in {files} and run.json beside this page.",
        source=at("claims", "headline"),
    )


def sections(report: Report) -> Iterator[blocks.Section]:
    """Every part that the run has something for."""
    comparison, claims, arms = report.comparison, report.claims, report.arms
    yield operations.slower_section(comparison, claims, arms)
    yield operations.operations_section(comparison, report.families, arms)
    under_load = report.capacity.claims if report.capacity is not None else ()
    under_load_verdicts = {claim.id: palette.verdict(claim.verdict).word for claim in under_load}
    if claims.claims:
        yield claims_section(claims, comparison.titles, under_load_verdicts)
    verdicts = {claim.id: palette.verdict(claim.verdict).word for claim in claims.claims}
    latency = user_latency_section(report, verdicts)
    if latency is not None:
        yield latency
    yield from evidence_sections(report, arms, comparison.titles, report)
    yield method_section(report.run, comparison, report.realism, arms)


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
        for position, (answer, source) in enumerate(answers()):
            yield blocks.Text(answer, "body" if position else "answer", source)
        if load is not None:
            yield from load_blocks(load, arms, titles)
        if capacity is not None:
            yield from capacity_blocks(capacity, arms, verdicts)
        if live is not None:
            yield from live_blocks(live, titles)

    name = "What a user feels"
    shown = tuple(body())
    return blocks.Section("felt", name, name, shown) if shown else None


def evidence_sections(
    evidence: Evidence,
    arms: Arms,
    titles: Mapping[str, str],
    run: RunDocuments | None = None,
) -> Iterator[blocks.Section]:
    """A section for each part that is there; `titles` are those of operations by name."""
    if evidence.cost is not None or run is not None:
        yield cost_section(
            arms,
            cost=evidence.cost,
            ablation=evidence.ablation,
            migration=None if run is None else run.migration,
            comparison=None if run is None else run.comparison,
        )
    if evidence.ablation is not None:
        yield ablation_section(evidence.ablation, arms)
    if evidence.statistics is not None:
        yield statistics_section(evidence.statistics)
    if evidence.growth is not None:
        yield growth_section(evidence.growth, arms)
    if evidence.recommended is not None:
        yield recommendation_section(evidence.recommended, arms, titles)


def evidence_text(evidence: Evidence, arms: Arms, titles: Mapping[str, str]) -> str:
    """Those sections for a terminal."""
    sections_shown = evidence_sections(evidence, arms, titles)
    return "\n".join(section_text(section, width=150) for section in sections_shown)


def render_html(report: Report) -> str:
    """The report as one page."""
    page = page_of(report)
    return page_html(page, pictures(report, alternatives(page)))


def render_markdown(report: Report) -> str:
    """The report as Markdown."""
    return page_markdown(page_of(report))


def pictures(report: Report, words: Mapping[str, str]) -> dict[str, Picture]:
    """Every figure of the report, ready to stand in the page; `words` say what each shows."""
    wide, narrow = make_figures(report), make_figures(report, narrow=True)
    return {
        name: Picture(
            _inline(to_svg(wide[name], name=name), words.get(name, name)),
            _inline(to_svg(narrow[name], name=f"{name}-narrow"), words.get(name, name)),
        )
        for name in wide
    }


def alternatives(page: blocks.Page) -> dict[str, str]:
    """What each picture shows, for whoever cannot see it."""
    return {
        figure.name: figure.alternative
        for section in page.sections
        for block in section.blocks
        for figure in _figures_in(block)
    }


def _figures_in(block: blocks.Block) -> list[blocks.Figure]:
    match block:
        case blocks.Figure():
            return [block]
        case blocks.Details(blocks=parts) | blocks.Card(blocks=parts):
            below = [parts]
        case blocks.Columns(groups):
            below = list(groups)
        case blocks.Table(rows=rows):
            below = [row.below for row in rows]
        case _:
            below = []
    return [figure for group in below for inner in group for figure in _figures_in(inner)]


def _inline(svg: str, alternative: str) -> Markup:
    # matplotlib escapes the text that it writes, so the drawing is markup already.
    label = Markup('<svg role="img" aria-label="{}" ').format(alternative)
    return Markup(svg.replace("<svg ", str(label), 1))


def _head_figures(report: Report, headline: Headline) -> Iterator[blocks.HeadFigure]:
    """The figures of the verdict."""
    source, comparison = at("claims", "headline"), report.comparison
    if headline.promises_total:
        kept = f"{headline.promises_kept} of {headline.promises_total}"
        yield blocks.HeadFigure("Promises kept", kept, "confirmed or exceeded", source)
    counts = operations.slower_counts(comparison, report.claims)
    yield blocks.HeadFigure("Operations slower", str(len(headline.slower)), counts, source)
    worst = headline.worst
    if worst is None:
        yield blocks.HeadFigure("Worst slowdown", "none", "no operation lost time", source)
    else:
        title = comparison.titles.get(worst.operation, worst.operation)
        pointer = operations.source_of(comparison, worst.operation)
        yield blocks.HeadFigure("Worst slowdown", units.effect(worst.speedup), title, pointer)
    took_s, added, tax = headline.stall_seconds, headline.bytes_added, headline.write_tax
    took = units.DASH if took_s is None else f"{units.duration(took_s * 1e9)} to run"
    price = [
        "" if added is None else f"{units.size(added)} more",
        "" if tax is None else f"writes take {units.times(tax)} the time",
    ]
    yield blocks.HeadFigure("Price", took, ", ".join(filter(None, price)), source)
