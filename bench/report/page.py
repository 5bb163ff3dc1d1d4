"""The whole report: its sections in order, as one HTML page or as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.report import palette
from bench.report.blocks import Block, Card, Columns, Details, Figure, Row, Section, Table
from bench.report.html import Picture, json_links, section_html
from bench.report.markdown import escaped, section_markdown


@dataclass(frozen=True, slots=True)
class HeadFigure:
    """One of the verdict's four figures."""

    label: str
    figure: str
    meaning: str
    source: str


@dataclass(frozen=True, slots=True)
class Page:
    """What a report shows: its verdict, then its sections."""

    title: str
    sentence: str
    slower: bool
    slower_line: str
    measured: str
    figures: tuple[HeadFigure, ...]
    sections: tuple[Section, ...]
    footer: str
    source: str


def page_html(page: Page, pictures: Mapping[str, Picture]) -> str:
    """The report as one file that needs no network, no script and no other file."""
    template = _environment().get_template("page.html.j2")
    html = template.render(
        page=page,
        render=partial(section_html, pictures=pictures),
        json=json_links,
        colours=_colours(),
        dark_colours=_colours(dark=True),
    )
    return html + "\n"


def page_markdown(page: Page) -> str:
    """The report as Markdown; its first line names what got slower."""
    labels = " | ".join(escaped(figure.label) for figure in page.figures)
    values = " | ".join(
        f"**{escaped(figure.figure)}**, {escaped(figure.meaning)}" for figure in page.figures
    )
    parts = [
        f"**{escaped(page.slower_line)}**",
        f"# {escaped(page.sentence)}",
        escaped(page.measured),
        f"| {labels} |\n| {' | '.join(['---'] * len(page.figures))} |\n| {values} |",
        *map(section_markdown, page.sections),
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(parts)).strip() + "\n"


def alternatives(page: Page) -> dict[str, str]:
    """What each picture shows, for whoever cannot see it."""
    return {
        figure.name: figure.alternative
        for section in page.sections
        for block in section.blocks
        for figure in _figures(block)
    }


def _figures(block: Block) -> list[Figure]:
    match block:
        case Figure():
            return [block]
        case Details(blocks=blocks) | Card(blocks=blocks):
            return [figure for inner in blocks for figure in _figures(inner)]
        case Columns(groups):
            return [figure for group in groups for inner in group for figure in _figures(inner)]
        case Table(rows=rows):
            return [figure for row in rows for inner in _below(row) for figure in _figures(inner)]
        case _:
            return []


def _below(row: Row) -> tuple[Block, ...]:
    return tuple(row.below)


def _environment() -> Environment:
    """A template with escaping on; an unknown name is an error, not a blank."""
    return Environment(
        loader=PackageLoader("bench.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _colours(dark: bool = False) -> Markup:
    """The palette as declarations of CSS variables."""
    pairs = (
        (variable, palette.DARK[colour] if dark else colour)
        for colour, variable in palette.VARIABLES.items()
    )
    return Markup(" ".join(f"{variable}: {colour};" for variable, colour in pairs))
