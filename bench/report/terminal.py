"""Blocks as text of a terminal.

Pictures, and most of what a page shows when it is asked for, are left out.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text as RichText

from bench.report import blocks

_TONES = {"good": "green", "bad": "bold red", "weak": "yellow", "open": "yellow", "plain": ""}
_ROLES = {"body": "", "answer": "bold", "figures": "", "small": "", "warning": "bold red"}


def section_text(section: blocks.Section, *, width: int) -> str:
    """A section under its title, `width` columns wide."""
    heading = blocks.Heading([blocks.Span(section.title, "strong")])
    return blocks_text([heading, *section.blocks], width=width)


def blocks_text(body: Iterable[blocks.Block], *, width: int, colour: bool = False) -> str:
    """Blocks one after the other, `width` columns wide, with ANSI colours if wanted."""
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, force_terminal=colour,
        color_system="standard" if colour else None, highlight=False,
    )  # fmt: skip
    for rendered in map(_block, body):
        if rendered is not None:
            console.print(rendered)
    return "\n".join(line.rstrip() for line in buffer.getvalue().split("\n"))


def _plain(text: str, style: str = "") -> RichText:
    """Text, never rich's own markup: a name may hold square brackets, or control a terminal."""
    return RichText(blocks.visible(text), style)


def _inlines(parts: blocks.Inlines) -> RichText:
    if isinstance(parts, str):
        return _plain(parts)
    return RichText.assemble(*(_inline(part) for part in parts))


def _inline(part: blocks.Inline) -> RichText:
    match part:
        case blocks.Code(text) | blocks.Link(text, _):
            return _plain(text)
        case blocks.Badge(verdict):
            start = "\n" if part.line else ""
            text = f"{start}{verdict.shape} {part.words}"
            return _plain(text, style=_TONES.get(verdict.tone, ""))
        case blocks.Span(text, "strong", tone):
            return _plain(text, style=_TONES.get(tone, "") or "bold")
        case blocks.Span(text, "quote"):
            return _plain(f"“{text}”")
        case blocks.Span(text, "line"):
            return _plain(f"\n{text}")
        case blocks.Span(text, _):
            return _plain(text)
        case blocks.Marked(sign, _):
            return _plain(f"{sign} ")
        case blocks.Json():
            return _plain("")
        case str():
            return _plain(part)


def _block(block: blocks.Block) -> RenderableType | None:
    match block:
        case blocks.Text(parts, role):
            text = _inlines(parts)
            text.stylize_before(_ROLES[role])
            return text
        case blocks.Bullets(items):
            bullets = RichTable.grid(padding=(0, 1))
            for item in items:
                bullets.add_row("-", _inlines(item))
            return bullets
        case blocks.CodeBlock(lines, title, note):
            texts = [title, *(f"  {line.text}" for line in lines), note]
            return _plain("\n".join(text for text in texts if text))
        case blocks.Table():
            return _table(block)
        case blocks.Facts(rows):
            facts = RichTable(box=box.SIMPLE, show_header=False)
            for label, fact in rows:
                facts.add_row(_plain(label), _plain(fact))
            return facts
        case blocks.Columns(groups):
            return _group(rendered for group in groups for rendered in group)
        case blocks.Heading(parts):
            return _inlines(parts)
        case blocks.Card(title, body, outcome):
            head = [_inlines(title), *map(_inlines, outcome)]
            return Group(*head, Padding(_group(body), (0, 0, 0, 2)))
        case blocks.Details(summary, body, elsewhere=True, folded=True):
            return Group(_plain(f"{summary}:"), Padding(_group(body), (0, 0, 0, 2)))
        case blocks.Details(elsewhere=True):
            return _group(block.blocks)
        case blocks.Figure() | blocks.Details():
            return None


def _group(body: Iterable[blocks.Block]) -> Group:
    return Group(*(rendered for rendered in map(_block, body) if rendered is not None))


def _table(block: blocks.Table) -> Group:
    rendered = RichTable(
        title=block.caption or None, title_justify="left", title_style="",
        show_lines=block.style == "lined",
    )  # fmt: skip
    for position, column in enumerate(block.columns):
        rendered.add_column(
            _plain(column.title),
            justify="left" if column.is_text else "right",
            no_wrap=column.kind in ("figure", "effect", "name")
            or (position == 0 and column.kind == "text"),
            overflow="fold" if column.kind == "sentence" else "ellipsis",
        )
    for row in block.rows:
        rendered.add_row(_inlines(row.head), *map(_inlines, row.cells))
    below = [
        RichText.assemble(_inlines(row.head), ": ", _inlines(text.parts))
        for row in block.rows
        for text in row.below
        if isinstance(text, blocks.Text)
    ]
    return Group(rendered, *below)
