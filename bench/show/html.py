"""The report as one HTML file that needs no network, no script and no other file.

Room show: values in, text out. Everything that comes from a document is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.report import palette, units
from bench.report.blocks import Figure
from bench.report.html import Picture, breakable, section_html
from bench.report.sections.user_latency import user_latency_section
from bench.show import evidence, facts, sources, view, wording
from bench.show.plots import figures, to_svg
from bench.show.report import Report

_ALTERNATIVES = {
    "operations": "Median time of every operation before and after, on a logarithmic axis. "
    "The tables below hold the same figures.",
    "claims": "Promised and measured speedup of each claim, on a logarithmic axis. "
    "The list below holds the same figures.",
}


def pictures(report: Report) -> dict[str, Picture]:
    """Every figure of the report, ready to stand in the page."""
    wide, narrow = figures(report), figures(report, narrow=True)
    words = _ALTERNATIVES | alternatives(report)
    return {
        name: Picture(
            _inline(to_svg(wide[name], name=name), words.get(name, name)),
            _inline(to_svg(narrow[name], name=f"{name}-narrow"), words.get(name, name)),
        )
        for name in wide
    }


def alternatives(report: Report) -> dict[str, str]:
    """What each picture of a section shows, for who cannot see it."""
    sections = (user_latency_section(report), *evidence.evidence(report))
    blocks = (block for section in sections if section for block in section.blocks)
    return {block.name: block.alternative for block in blocks if isinstance(block, Figure)}


def _inline(svg: str, alternative: str) -> Markup:
    # matplotlib escapes the text that it writes, so the drawing is markup already.
    label = Markup('<svg role="img" aria-label="{}" ').format(alternative)
    return Markup(svg.replace("<svg ", str(label), 1))


def colours(dark: bool = False) -> Markup:
    """The palette as declarations of CSS variables."""
    pairs = (
        (variable, palette.DARK[colour] if dark else colour)
        for colour, variable in palette.VARIABLES.items()
    )
    return Markup(" ".join(f"{variable}: {colour};" for variable, colour in pairs))


def environment() -> Environment:
    """Templates with escaping on; an unknown name is an error, not a blank."""
    found = Environment(
        loader=PackageLoader("bench.show", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "breakable": breakable,
        "band": wording.band_text,
        "compared": wording.comparison_text,
        "counters": wording.counters,
        "duration": units.duration,
        "interval": wording.interval_text,
        "unmeasured": wording.not_measured_text,
        "verdict": palette.verdict,
    }
    return found


def render_html(report: Report) -> str:
    """The report as one page.

    Raises:
        BenchError: a document lacks what the page shows.
    """
    return page(report, pictures(report))


def page(report: Report, drawn: Mapping[str, Picture]) -> str:
    """The page with these pictures; where one is missing the text goes on without it.

    Raises:
        BenchError: a document lacks what the page shows.
    """
    found = context(report) | {
        "pictures": drawn,
        "section": partial(section_html, pictures=drawn),
    }  # fmt: skip
    return environment().get_template("report.html.j2").render(**found) + "\n"


def context(report: Report) -> dict[str, object]:
    """What the page's template reads, but for the pictures."""
    slower = view.slower_operations(report)
    claims = wording.claim_rows(report)
    by_size = report.capacity.claims if report.capacity is not None else ()
    also = (("load", report.load), ("live", report.live), ("capacity", report.capacity))
    return {
        "report": report,
        "arms": [(name, view.arm_label(report, name)) for name in view.arm_names(report)],
        "colours": colours(),
        "dark_colours": colours(dark=True),
        "slower_line": wording.slower_line(report),
        "figures": wording.four_figures(report),
        "slower": [(o, wording.mending_text(view.mending(report, o))) for o in slower],
        "families": view.families(report),
        "headers": wording.HEADERS,
        "claims": claims,
        # A sentence may be judged twice, by single queries and by a load, and not alike.
        "felt_claims": {claim.id: palette.verdict(claim.verdict) for claim in by_size},
        "facts": facts,
        "felt": user_latency_section(report),
        "s": sources,
        "proof": evidence.evidence(report),
        "also": [
            *(f"{name}.json" for name, document in also if document is not None),
            *evidence.documents(report),
        ],
    }
