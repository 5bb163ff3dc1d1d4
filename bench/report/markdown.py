"""Blocks as Markdown; everything that comes from a document is escaped.

What a page shows when it is asked for is mostly left out, and what it says below a row is a list
below the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from html import escape
from typing import Any

from bench.report import blocks

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~$])")
_CODE = re.compile(r"^    .*$|(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", re.M)
# What GitHub makes a link of without any markup: https://github.github.com/gfm/#autolinks-extension-
_ADDRESS = re.compile(r"@|\b(?:www(?=\.)|(?:https?|ftp|mailto|xmpp):)", re.I)


def page_markdown(page: blocks.Page) -> str:
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


def section_markdown(section: blocks.Section) -> str:
    """A section under its title."""
    return f"## {escaped(section.title)}\n\n{blocks_markdown(section.blocks)}"


def blocks_markdown(body: Iterable[blocks.Block]) -> str:
    """Blocks one after the other, each ended by an empty line."""
    rendered = (_RENDERERS[type(block)](block) for block in body)
    return "".join(f"{text}\n\n" for text in rendered if text)


def inline_markdown(parts: blocks.Inlines) -> str:
    """Text with its codes and verdicts; a link that is left out leaves no dot behind."""
    if isinstance(parts, str):
        return escaped(parts)
    text = "".join(_inline(part) for part in parts).replace(" , ", ", ")
    return text.strip().removesuffix(" ·")


def escaped(value: object) -> str:
    """A value as text on one line: markup, links and table bars lose their meaning."""
    flat = re.sub(r"\s+", " ", blocks.visible(str(value)))
    return _SPECIAL.sub(r"\\\1", flat).replace("&", "&amp;")


def code(value: object) -> str:
    """A value as a code span that no backtick inside can end."""
    flat = " ".join(blocks.visible(str(value)).split()).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if "`" in flat else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def indented(lines: Iterable[str]) -> str:
    """Lines as an indented code block, which no content can end."""
    kept = (re.sub("[\x00-\x1f]", " ", blocks.visible(line)).rstrip() for line in lines)
    return "\n".join(f"    {line}" for line in kept)


def without_mentions(markdown: str) -> str:
    """Rendered Markdown in which an @name calls nobody and no address becomes a link."""
    parts, end = [], 0
    for code_part in _CODE.finditer(markdown):
        parts += [_unlinked(markdown[end : code_part.start()]), code_part[0]]
        end = code_part.end()
    return "".join([*parts, _unlinked(markdown[end:])])


def _unlinked(text: str) -> str:
    return _ADDRESS.sub(r"\g<0><!-- -->", text)


def _inline(part: blocks.Inline) -> str:
    match part:
        case blocks.Code(text):
            return code(text)
        case blocks.Link(text, _):
            return escaped(text)
        case blocks.Badge(verdict):
            return f"{', ' if part.line else ''}{verdict.shape} {escaped(part.words)}"
        case blocks.Span(text, "strong"):
            return f"**{escaped(text)}**"
        case blocks.Span(text, "quote"):
            return f"“{escaped(text)}”"
        case blocks.Span(text, "line"):
            return f", {escaped(text)}"
        case blocks.Span(text, _):
            return escaped(text)
        case blocks.Marked(sign, _):
            return f"{escaped(sign)} "
        case blocks.Json():
            return ""
        case str():
            return escaped(part)


def _text(block: blocks.Text) -> str:
    words = inline_markdown(block.parts)
    bold = block.role in ("answer", "warning") and words and isinstance(block.parts, str)
    return f"**{words}**" if bold else words


def _bullets(block: blocks.Bullets) -> str:
    return "\n".join(f"- {inline_markdown(item)}" for item in block.items)


def _code(block: blocks.CodeBlock) -> str:
    title = f"{escaped(block.title)}:" if block.title else ""
    lines = indented(line.text for line in block.lines)
    return "\n\n".join(part for part in (title, lines, escaped(block.note)) if part)


def _figure(block: blocks.Figure) -> str:
    return f"![{escaped(block.alternative)}](plots/{block.name}.png)"


def _table(block: blocks.Table) -> str:
    caption = f"{escaped(block.caption)}:\n\n" if block.caption else ""
    rules = ["---" if column.is_text else "---:" for column in block.columns]
    lines = [
        _line(escaped(column.title) for column in block.columns),
        _line(["---", *rules[1:]]),
        *(_line(map(inline_markdown, (row.head, *row.cells))) for row in block.rows),
    ]
    below = "\n".join(line for row in block.rows for line in _below(row))
    hidden = [
        _details(one) for row in block.rows for one in row.below if isinstance(one, blocks.Details)
    ]
    return caption + "\n\n".join(part for part in ("\n".join(lines), below, *hidden) if part)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _below(row: blocks.Row) -> Iterator[str]:
    for block in row.below:
        if isinstance(block, blocks.Text):
            yield f"- {inline_markdown(row.head)}: {inline_markdown(block.parts)}"


def _facts(block: blocks.Facts) -> str:
    if not block.rows:
        return ""
    lines = [_line(map(escaped, pair)) for pair in block.rows]
    return "\n".join([_line([escaped(block.title), ""]), _line(["---", "---"]), *lines])


def _details(block: blocks.Details) -> str:
    if block.folded:
        summary = escape(blocks.visible(f"{block.summary} {block.of}".strip()))
        start = f"<details{' open' if block.open else ''}>\n<summary>{summary}</summary>"
        return f"{start}\n\n{blocks_markdown(block.blocks)}</details>"
    return blocks_markdown(block.blocks).rstrip() if block.elsewhere else ""


def _columns(block: blocks.Columns) -> str:
    return "".join(map(blocks_markdown, block.groups)).rstrip()


def _heading(block: blocks.Heading) -> str:
    return f"{'#' * block.level} {inline_markdown(block.parts)}"


def _card(block: blocks.Card) -> str:
    outcome = "; ".join(filter(None, map(inline_markdown, block.outcome)))
    head = f"{'#' * block.level} {inline_markdown(block.title)}"
    return "\n\n".join(
        part for part in (head, outcome, blocks_markdown(block.blocks).rstrip()) if part
    )


_RENDERERS: dict[type, Callable[[Any], str]] = {
    blocks.Text: _text,
    blocks.Bullets: _bullets,
    blocks.CodeBlock: _code,
    blocks.Figure: _figure,
    blocks.Table: _table,
    blocks.Facts: _facts,
    blocks.Details: _details,
    blocks.Columns: _columns,
    blocks.Heading: _heading,
    blocks.Card: _card,
}
