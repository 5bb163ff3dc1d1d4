"""Blocks as HTML; everything that comes from a document is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from bench.report.blocks import (
    Badge,
    Block,
    Bullets,
    Card,
    Code,
    CodeBlock,
    Column,
    Columns,
    Details,
    Facts,
    Figure,
    Heading,
    Inline,
    Inlines,
    Json,
    Link,
    Marked,
    Row,
    Section,
    Span,
    Table,
    Text,
)

EMPTY = Markup("")


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as two SVGs: one for a wide page, one for a telephone."""

    wide: Markup
    narrow: Markup


Pictures = Mapping[str, Picture]


def section_html(section: Section, pictures: Pictures) -> Markup:
    """A section; a figure whose picture is not there is left out."""
    title = Markup('<h2 id="{0}-title"{2}>{1}</h2>').format(
        section.anchor, section.title, _sourced(section.source)
    )
    return Markup('<section id="{0}" aria-labelledby="{0}-title">\n{1}\n{2}</section>\n').format(
        section.anchor, title, blocks_html(section.blocks, pictures)
    )


def blocks_html(blocks: Iterable[Block], pictures: Pictures) -> Markup:
    """Blocks one after the other."""
    return EMPTY.join(_RENDERERS[type(block)](block, pictures) + "\n" for block in blocks)


def inline_html(parts: Inlines) -> Markup:
    """Text with its codes, links and verdicts."""
    if isinstance(parts, str):
        return escape(parts)
    return EMPTY.join(_inline(part) for part in parts)


def breakable(text: str) -> Markup:
    """Escaped text that may break after an underscore or a slash."""
    return Markup(str(escape(text)).replace("_", "_<wbr>").replace("/", "/<wbr>"))


def json_links(source: str, what: str = "these figures") -> Markup:
    """A link to each part of a source."""
    return EMPTY.join(
        Markup('<a class="json" href="{}" aria-label="{}: the source of {}">json</a>').format(
            part, part.partition("#")[0], what
        )
        for part in source.split()
    )


def _inline(part: Inline) -> Markup:
    match part:
        case Code(text):
            return Markup("<code>{}</code>").format(breakable(text))
        case Link(text, anchor):
            return Markup('<a href="#{}">{}</a>').format(anchor, text) if anchor else escape(text)
        case Badge(verdict):
            return Markup(
                '<span class="{} {}"><span aria-hidden="true">{}</span> {}</span>'
            ).format("sub" if part.line else "verdict", verdict.tone, verdict.shape, part.words)
        case Span(text, style, tone):
            return _SPANS[style].format(text, tone)
        case Marked(sign, meaning):
            return Markup('<span title="{}">{}</span> ').format(meaning, sign)
        case Json(source, what):
            return json_links(source, what)
        case str():
            return escape(part)


_SPANS = {
    "strong": Markup('<strong class="{1}">{0}</strong>'),
    "aside": Markup('<span class="muted">{0}</span>'),
    "line": Markup('<span class="sub {1}">{0}</span>'),
    "quote": Markup("<q>{0}</q>"),
}
_ROLES = {
    "body": "", "answer": "answer", "figures": "times", "small": "small", "warning": "bad",
}  # fmt: skip


def _sourced(source: str) -> Markup:
    return Markup(' data-source="{}"').format(source) if source else EMPTY


def _classed(*names: str) -> Markup:
    text = " ".join(name for name in names if name)
    return Markup(' class="{}"').format(text) if text else EMPTY


def _text(block: Text, _: Pictures) -> Markup:
    prose = Markup(" data-prose") if block.prose else EMPTY
    return Markup("<p{}{}{}>{}</p>").format(
        _classed(_ROLES[block.role]), _sourced(block.source), prose, inline_html(block.parts)
    )


def _bullets(block: Bullets, _: Pictures) -> Markup:
    items = EMPTY.join(Markup("<li>{}</li>").format(inline_html(item)) for item in block.items)
    return Markup("<ul{}{}>{}</ul>").format(
        _classed("small" if block.small else ""), _sourced(block.source), items
    )


def _code(block: CodeBlock, _: Pictures) -> Markup:
    title = note = EMPTY
    if block.title:
        link = Markup(" ") + json_links(block.source, block.title) if block.long else EMPTY
        title = Markup("<h4>{}{}</h4>").format(block.title, link)
    if block.note:
        note = Markup('<p class="small muted">{}</p>').format(block.note)
    if block.long:
        body = escape("\n".join(line.text for line in block.lines))
    else:
        body = EMPTY.join(
            Markup('<span class="line{}">{}</span>').format(
                " changed" if line.changed else "", line.text
            )
            for line in block.lines
        )
    kind = _classed("sql" if block.long else "")
    code = Markup('<pre tabindex="0">{}</pre>').format(body) if block.lines else EMPTY
    return Markup("<div{}{}>{}{}{}</div>").format(kind, _sourced(block.source), title, code, note)


def _figure(block: Figure, pictures: Pictures) -> Markup:
    if block.name not in pictures:
        return EMPTY
    picture = pictures[block.name]
    return Markup(
        '<figure class="picture"{}><div class="wide">{}</div><div class="narrow">{}</div>'
        '<div class="from">{}</div></figure>'
    ).format(
        _sourced(block.source), picture.wide, picture.narrow,
        json_links(block.source, "this picture"),
    )  # fmt: skip


_KINDS = {
    "text": "left",
    "sentence": "left",
    "figure": "n",
    "range": "n range",
    "effect": "n effect",
}


def _table(block: Table, pictures: Pictures) -> Markup:
    caption = EMPTY
    if block.caption:
        link = Markup(" ") + json_links(block.source) if block.source else EMPTY
        caption = Markup("<caption{}>{}{}</caption>").format(
            _sourced(block.source), block.caption, link
        )
    head = EMPTY.join(_heading_cell(column) for column in block.columns)
    body = EMPTY.join(_row(row, block, pictures) for row in block.rows)
    named = Markup(' aria-labelledby="{}"').format(block.heading) if block.heading else EMPTY
    return Markup("<table{}{}>{}<thead><tr{}>{}</tr></thead>\n<tbody>\n{}</tbody></table>").format(
        named, _classed(block.style), caption, _sourced(block.source), head, body
    )


def _heading_cell(column: Column) -> Markup:
    number = _classed("" if column.is_text else _KINDS[column.kind])
    return Markup('<th scope="col"{}>{}</th>').format(number, column.title)


def _row(row: Row, table: Table, pictures: Pictures) -> Markup:
    cells = EMPTY.join(
        Markup('<td class="{}" data-label="{}">{}</td>').format(
            _KINDS[column.kind], column.title, _cell(cell)
        )
        for column, cell in zip(table.columns[1:], row.cells, strict=True)
    )
    anchor = Markup(' id="{}"').format(row.anchor) if row.anchor else EMPTY
    found = Markup('<tr{}{}{}><th scope="row">{}</th>{}</tr>\n').format(
        anchor, _classed("lead" if row.below else ""), _sourced(row.source),
        inline_html(row.head), cells,
    )  # fmt: skip
    if row.below:
        found += Markup('<tr class="more"{}><td colspan="{}">\n{}</td></tr>\n').format(
            _sourced(row.source), len(table.columns), blocks_html(row.below, pictures)
        )
    return found


def _cell(cell: Inlines) -> Markup:
    """A cell; what has several parts is one, so that a narrow page sets it at one side."""
    text = inline_html(cell)
    return text if isinstance(cell, str) else Markup("<span>{}</span>").format(text)


def _facts(block: Facts, _: Pictures) -> Markup:
    if not block.rows:
        return EMPTY
    title = EMPTY
    if block.title:
        title = Markup('<div class="titled"><h3>{}</h3>{}</div>\n').format(
            block.title, json_links(block.source, block.title)
        )
    rows = EMPTY.join(
        Markup("<dt>{}</dt><dd>{}</dd>\n").format(label, text) for label, text in block.rows
    )
    return title + Markup("<dl{}{}>\n{}</dl>").format(
        _classed("rows", "figured" if block.figures else ""), _sourced(block.source), rows
    )


def _details(block: Details, pictures: Pictures) -> Markup:
    of = Markup('<span class="skip"> {}</span>').format(block.of) if block.of else EMPTY
    return Markup("<details{}{}><summary>{}{}</summary>\n{}</details>").format(
        Markup(" open") if block.open else EMPTY, _sourced(block.source), block.summary, of,
        blocks_html(block.blocks, pictures),
    )  # fmt: skip


def _columns(block: Columns, pictures: Pictures) -> Markup:
    groups = EMPTY.join(
        Markup("<div>{}</div>\n").format(blocks_html(group, pictures)) for group in block.groups
    )
    return Markup('<div class="{}">\n{}</div>').format(block.style, groups)


def _heading(block: Heading, _: Pictures) -> Markup:
    anchor = Markup(' id="{}"').format(block.anchor) if block.anchor else EMPTY
    return Markup("<h{0}{1}{2}>{3}</h{0}>").format(
        block.level, anchor, _sourced(block.source), inline_html(block.parts)
    )


def _card(block: Card, pictures: Pictures) -> Markup:
    anchor = Markup(' id="{}"').format(block.anchor) if block.anchor else EMPTY
    outcome = EMPTY
    if block.outcome:
        lines = Markup("<br>").join(inline_html(line) for line in block.outcome[1:])
        small = Markup('<span class="small">{}</span>').format(lines) if lines else EMPTY
        outcome = Markup('<p class="outcome">{}{}</p>').format(inline_html(block.outcome[0]), small)
    body = blocks_html(block.blocks, pictures)
    return Markup(
        "<article{0}{1}{2}>\n<h{3}>{4}</h{3}>\n{5}{6}</article>"
    ).format(
        _classed("claim" if block.outcome else "slow"), anchor, _sourced(block.source),
        block.level, inline_html(block.title), outcome,
        Markup("<div>{}</div>").format(body) if block.outcome else body,
    )  # fmt: skip


_RENDERERS: dict[type, Callable[[Any, Pictures], Markup]] = {
    Text: _text, Bullets: _bullets, CodeBlock: _code, Figure: _figure, Table: _table,
    Facts: _facts, Details: _details, Columns: _columns, Heading: _heading, Card: _card,
}  # fmt: skip
