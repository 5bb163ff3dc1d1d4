"""The gate's verdict as Markdown for a pull request: verdict first, details folded.

Room show: values of gate.json in, text out. A pull request can come from anybody, so
whatever a document brings is escaped, and nobody is called by an @name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment

from bench.report import units
from bench.show import gate_words as words
from bench.show import markdown

# GitHub takes comments of up to 65,536 characters.
MOST_CHARACTERS = 60_000
# Where it is too long: so much of each text, and of the operations the worst.
BRIEF, MOST_ROWS = 300, 60
# A change of the schema has a note for each index; more than these are folded.
MOST_NOTES = 5


def text(value: object) -> str:
    """A value as Markdown text on one line; an @name in it calls nobody, an address is no link."""
    told = markdown.text(words.visible(value)).replace("@", "@<!-- -->")
    return _ADDRESS.sub(r"\g<0><!-- -->", told)


# What GitHub makes a link of without any markup: https://github.github.com/gfm/#autolinks-extension-
_ADDRESS = re.compile(r"\b(?:www(?=\.)|(?:https?|ftp|mailto|xmpp):)", re.I)


def code(value: object) -> str:
    """A value as a code span on one line."""
    return markdown.code(words.visible(value))


def block(lines: list[str]) -> str:
    """Lines as an indented code block."""
    return markdown.block([words.visible(line) for line in lines])


def brief(value: object, whole: bool) -> str:
    """A text, or its beginning where it is not to be shown `whole`."""
    told = str(value)
    return told if whole or len(told) <= BRIEF else f"{told[: BRIEF - 1]}…"


@cache
def environment() -> Environment:
    """The report's templates with the gate's words."""
    found = markdown.environment()
    found.filters |= {"t": text, "code": code, "block": block, "share": units.share, "brief": brief}
    return found


def render_gate_markdown(doc: Mapping[str, Any]) -> str:
    """The gate as Markdown; the first line is the verdict.

    `doc` is gate.json. What exceeds the length of a comment loses its folded details, and says so.
    """
    whole = _render(doc, folded=True)
    return whole if len(whole) <= MOST_CHARACTERS else _render(doc, folded=False)


def _render(doc: Mapping[str, Any], *, folded: bool) -> str:
    entries = words.ordered(doc)
    rendered = (
        environment()
        .get_template("gate.md.j2")
        .render(
            doc=doc,
            w=words,
            changed=[entry for entry in entries if entry["verdict"] != "pass"],
            entries=entries,
            folded=folded,
            most_notes=MOST_NOTES,
            most_rows=len(entries) if folded else MOST_ROWS,
        )
    )
    return re.sub(r"\n{3,}", "\n\n", rendered).strip() + "\n"
