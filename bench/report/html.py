"""Blocks as HTML, by the templates beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.report import palette
from bench.report.blocks import Page, Section


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as two SVGs: one for a wide page, one for a telephone."""

    wide: Markup
    narrow: Markup


Pictures = Mapping[str, Picture]


def page_html(page: Page, pictures: Pictures) -> str:
    """The report as one file that needs no network, no script and no other file."""
    html = _environment().get_template("page.html.j2").render(
        page=page, pictures=pictures, colours=_colours(), dark_colours=_colours(dark=True)
    )  # fmt: skip
    return f"{html}\n"


def section_html(section: Section, pictures: Pictures) -> Markup:
    """A section; a figure whose picture is not there is left out."""
    source = '{% import "blocks.html.j2" as html with context %}{{ html.section(value) }}'
    template = _environment().from_string(source)
    return Markup(template.render(value=section, pictures=pictures))


def breakable(text: str) -> Markup:
    """Escaped text that may break after an underscore or a slash."""
    return Markup(str(escape(text)).replace("_", "_<wbr>").replace("/", "/<wbr>"))


def _environment() -> Environment:
    """Templates with escaping on; an unknown name is an error, not a blank."""
    environment = Environment(
        loader=PackageLoader("bench.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"breakable": breakable, "kind": lambda value: type(value).__name__}
    return environment


def _colours(dark: bool = False) -> Markup:
    """The palette as declarations of CSS variables."""
    pairs = (
        (variable, palette.DARK[colour] if dark else colour)
        for colour, variable in palette.VARIABLES.items()
    )
    return Markup(" ".join(f"{variable}: {colour};" for variable, colour in pairs))
