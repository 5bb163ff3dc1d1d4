"""Blocks as Markdown; everything that comes from a document is escaped.

What a page shows when it is asked for is mostly left out, and what it says below a row is a list
below the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

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
    rendered = map(_block, body)
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


def _block(block: blocks.Block) -> str:
    match block:
        case blocks.Text(parts, role):
            words = inline_markdown(parts)
            bold = role in ("answer", "warning") and words and isinstance(parts, str)
            return f"**{words}**" if bold else words
        case blocks.Bullets(items):
            return "\n".join(f"- {inline_markdown(item)}" for item in items)
        case blocks.CodeBlock(lines, title, note):
            code_lines = indented(line.text for line in lines)
            return _joined(f"{escaped(title)}:" if title else "", code_lines, escaped(note))
        case blocks.Figure(name, alternative):
            return f"![{escaped(alternative)}](plots/{name}.png)"
        case blocks.Table():
            return _table(block)
        case blocks.Facts(rows, _, title):
            pairs = [_line(map(escaped, pair)) for pair in rows]
            above = [_line([escaped(title), ""]), _line(["---", "---"])]
            return "\n".join([*above, *pairs]) if rows else ""
        case blocks.Details():
            return _details(block)
        case blocks.Columns(groups):
            return "".join(map(blocks_markdown, groups)).rstrip()
        case blocks.Heading(parts, level):
            return f"{'#' * level} {inline_markdown(parts)}"
        case blocks.Card(title, body, outcome, level=level):
            outcome_text = "; ".join(filter(None, map(inline_markdown, outcome)))
            head = f"{'#' * level} {inline_markdown(title)}"
            return _joined(head, outcome_text, blocks_markdown(body).rstrip())


def _joined(*parts: str) -> str:
    """Parts with an empty line between them."""
    return "\n\n".join(part for part in parts if part)


def _table(block: blocks.Table) -> str:
    caption = f"{escaped(block.caption)}:\n\n" if block.caption else ""
    rules = ["---" if column.is_text else "---:" for column in block.columns]
    lines = [
        _line(escaped(column.title) for column in block.columns),
        _line(["---", *rules[1:]]),
        *(_line(map(inline_markdown, (row.head, *row.cells))) for row in block.rows),
    ]
    below = [(row.head, part) for row in block.rows for part in row.below]
    texts = [
        f"- {inline_markdown(head)}: {inline_markdown(part.parts)}"
        for head, part in below
        if isinstance(part, blocks.Text)
    ]
    hidden = [_details(part) for _, part in below if isinstance(part, blocks.Details)]
    return caption + _joined("\n".join(lines), "\n".join(texts), *hidden)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _details(block: blocks.Details) -> str:
    if block.folded:
        summary = escape(blocks.visible(f"{block.summary} {block.of}".strip()))
        start = f"<details{' open' if block.open else ''}>\n<summary>{summary}</summary>"
        return f"{start}\n\n{blocks_markdown(block.blocks)}</details>"
    return blocks_markdown(block.blocks).rstrip() if block.elsewhere else ""
