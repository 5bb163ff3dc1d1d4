"""The gate's verdict for a terminal: headline, reasons, every operation, what it rests on.

Room show: values of gate.json in, text out. Nothing is printed or decided here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.show import gate_words as words

_STYLES = {
    "regression": "bold red",
    "inconclusive": "yellow",
    "missing": "yellow",
    "new": "cyan",
    "improved": "green",
    "pass": "",
}


def render_gate_terminal(doc: Mapping[str, Any], *, width: int = 130, colour: bool = False) -> str:
    """The gate as text, `width` columns wide; the first line is the verdict.

    `doc` is gate.json. Text of a study is never read as markup.
    """
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, force_terminal=colour, color_system="standard" if colour else None
    )
    style = _STYLES.get(doc["verdict"], "bold red")
    console.print(_text(words.headline(doc), style), soft_wrap=True)
    for reason in words.besides(doc):
        console.print(_text(f"  {reason}"), soft_wrap=True)
    if doc["operations"]:
        console.print(_table(doc))
    for line in (*_told(doc), *_rests_on(doc)):
        console.print(_text(line), soft_wrap=True)
    return buffer.getvalue()


def _text(value: str, style: str = "") -> Text:
    return Text(words.visible(value), style=style)


def _table(doc: Mapping[str, Any]) -> Table:
    table = Table()
    table.add_column("operation", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for name in ("steps", "base → head", "head / base (95 %)"):
        table.add_column(name, justify="right", no_wrap=True)
    for entry in words.ordered(doc):
        verdict = entry["verdict"]
        table.add_row(
            _text(entry["name"]),
            Text(f"{words.SHAPES[verdict]} {verdict}", style=_STYLES[verdict]),
            Text(words.steps_text(entry)),
            Text(words.time_text(entry)),
            Text(words.ratio_text(entry)),
        )
    return table


def _told(doc: Mapping[str, Any]) -> Iterator[str]:
    """What is said of each operation that is not simply as it was."""
    for entry in words.ordered(doc):
        if entry["verdict"] != "pass" and words.why(entry):
            yield f"{words.SHAPES[entry['verdict']]} {entry['name']}: {words.why(entry)}"
            yield from (f"  {line}" for line in words.rows_that_differ(entry))
            yield from (f"  {line}" for line in words.plans_of_parameters(entry))


def _rests_on(doc: Mapping[str, Any]) -> Iterator[str]:
    yield from doc["notes"]
    yield words.side_text("base", doc["base"])
    yield words.side_text("head", doc["head"])
    if words.size_text(doc):
        yield words.size_text(doc)
