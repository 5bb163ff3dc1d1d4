"""What a report is made of: sections of a few kinds of block, the same for every format.

A `source` names where the figures of a block stand: a JSON file beside the report and a pointer
into it (RFC 6901), as `growth.json#/operations/3`; several are parted by spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Literal, ParamSpec

from bench.report.palette import Verdict

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Code:
    """A name or a piece of SQL within text."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """Text that leads to an anchor of the page; plain text where `anchor` is empty."""

    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Badge:
    """A verdict by its shape and colour, and its word or a text in the place of that.

    With `line` it begins a line of its own in a cell.
    """

    verdict: Verdict
    text: str | None = None
    line: bool = False

    @property
    def words(self) -> str:
        """What stands beside the shape."""
        return self.verdict.word if self.text is None else self.text


@dataclass(frozen=True, slots=True)
class Span:
    """Text of another weight: `aside` is muted, `line` begins a line of its own in a cell."""

    text: str
    style: Literal["strong", "aside", "line", "quote"]
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Marked:
    """A sign whose meaning a reader of the page finds under the pointer."""

    sign: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Json:
    """A link to the place that `what` comes from; formats without links leave it out."""

    source: str
    what: str = "these figures"


Inline = str | Code | Link | Badge | Span | Marked | Json
Inlines = str | Sequence[Inline]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph.

    `answer` begins a section, `figures` holds a finding's own, `small` explains, `warning` tells
    what is wrong. `prose` is the page's own, whose figures no document holds.
    """

    parts: Inlines
    role: Literal["body", "answer", "figures", "small", "warning"] = "body"
    source: str = ""
    prose: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[Inlines]
    source: str = ""
    small: bool = True


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One line of code; `changed` where it is not in what it is compared with."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Lines of code or of a query plan, under a title. `long` code may be scrolled through."""

    lines: Sequence[CodeLine]
    title: str = ""
    note: str = ""
    source: str = ""
    long: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture by its name, and what it shows in words."""

    name: str
    alternative: str
    source: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title and how its cells are set: `figure` does not break, `range` may.

    `effect` is the column that a reader of the table looks for; a `sentence` is text that breaks
    before others have to, even as a row's head; a `name` is text that does not break.
    """

    title: str
    kind: Literal["text", "name", "sentence", "figure", "range", "effect"] = "text"

    @property
    def is_text(self) -> bool:
        """Whether its cells begin at the left."""
        return self.kind in ("text", "name", "sentence")


def columns(
    *text: str, figures: Iterable[str] = (), ranges: Iterable[str] = ()
) -> tuple[Column, ...]:
    """Columns of text, then of figures, then of figures that may break, by their titles."""
    return (
        *(Column(title) for title in text),
        *(Column(title, "figure") for title in figures),
        *(Column(title, "range") for title in ranges),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A row's head and cells, one for each further column; `below` belongs to it."""

    head: Inlines
    cells: Sequence[Inlines]
    source: str = ""
    anchor: str = ""
    below: Sequence[Block] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first column holds the rows' heads. `style` names how the page sets it.

    `heading` is the anchor of the heading that names a table without a caption.
    """

    columns: Sequence[Column]
    rows: Sequence[Row]
    caption: str = ""
    source: str = ""
    style: str = ""
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Pairs of a label and its text."""

    rows: Sequence[tuple[str, str]]
    source: str
    title: str = ""
    figures: bool = False


@dataclass(frozen=True, slots=True)
class Details:
    """What is shown when it is asked for; `of` tells whoever does not see the page whose it is.

    Only pages can hide it: other formats leave it out, or show it where `elsewhere` is set. Where
    `folded` is set Markdown hides it as well, under the same summary.
    """

    summary: str
    blocks: Sequence[Block]
    of: str = ""
    source: str = ""
    open: bool = False
    elsewhere: bool = False
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """Groups of blocks side by side where there is room."""

    groups: Sequence[Sequence[Block]]
    style: Literal["plans", "against"] = "plans"


@dataclass(frozen=True, slots=True)
class Heading:
    """A title within a section."""

    parts: Inlines
    level: Literal[3, 4] = 3
    source: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A finding of its own: a title, blocks, and its outcome at the side."""

    title: Inlines
    blocks: Sequence[Block]
    outcome: Sequence[Inlines] = ()
    anchor: str = ""
    source: str = ""
    level: Literal[3, 4] = 3


Block = Text | Bullets | CodeBlock | Figure | Table | Facts | Details | Columns | Heading | Card


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report; `short` is what leads to it."""

    anchor: str
    title: str
    short: str
    blocks: Sequence[Block] = field(default_factory=tuple)
    source: str = ""


def section(
    anchor: str, title: str, short: str = ""
) -> Callable[[Callable[P, Iterator[Block]]], Callable[P, Section]]:
    """Make of a function that yields blocks one that returns them as a section."""

    def decorate(body: Callable[P, Iterator[Block]]) -> Callable[P, Section]:
        @wraps(body)
        def made(*args: P.args, **kwargs: P.kwargs) -> Section:
            return Section(anchor, title, short or title, tuple(body(*args, **kwargs)))

        return made

    return decorate


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


def limits(
    title: str, sentences: Sequence[str], source: str, *, level: Literal[3, 4] = 3
) -> Iterator[Block]:
    """What the figures of a part do not tell, under its title."""
    if sentences:
        yield Heading(title, level=level)
        yield Bullets(sentences, source)


def joined(parts: Iterable[Inline], by: str = ", ") -> list[Inline]:
    """Parts of a line with `by` between them."""
    return [each for part in parts for each in (by, part)][1:]


def noted(label: str, text: str, role: Literal["body", "small"] = "small") -> Text:
    """A paragraph behind a bold label, such as `Cause.`."""
    return Text([Span(label, "strong"), f" {text}"], role)


def lines(text: Iterable[str], known: Sequence[str] | None = None) -> list[CodeLine]:
    """Lines of code, marked where `known` code lacks them."""
    return [CodeLine(line, known is not None and line not in known) for line in text]


# Controls but for white space, and what turns the direction of text.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Text in which no character acts on a terminal or on the order of what is read."""
    return _UNSEEN.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)
