"""The evidence for a terminal: a table for each part, and the sentences beside it.

Room show: values in, text out. Nothing is printed or computed here.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.report import units
from bench.report.arms import Arms
from bench.report.sections.growth import growth_section
from bench.report.terminal import section_text

Document = Mapping[str, Any]

_INDEX_STYLES = {"pays": "green", "harmful": "bold red", "dead weight": "yellow", "mixed": "yellow"}
_STYLES = {"faster": "green", "slower": "bold red", "inconclusive": "yellow"}
# Beside a figure: the plan is another than without statistics.
FLIPPED = "⇄"


def render_evidence(documents: Mapping[str, Any], arms: Arms, *, width: int = 150) -> str:
    """What was measured, part after part; documents by name, those that are there."""
    renderers: dict[str, Callable[..., str]] = {
        "ablation": render_ablation,
        "statistics": render_statistics,
        "cost": render_cost,
        "growth": lambda found, width: section_text(growth_section(found, arms), width=width),
        "recommended": render_recommended,
    }
    return "\n".join(
        render(documents[name], width=width)
        for name, render in renderers.items()
        if name in documents
    )


def render_ablation(document: Document, *, width: int = 150) -> str:
    """Each index of ablation.json with its verdict and the reason, then pairs and limits."""
    table = _table(f"what each new index of {document['arm']} does")
    table.add_column("index", no_wrap=True)
    table.add_column("on", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("reason")
    for index in document["indexes"]:
        table.add_row(
            index["name"],
            f"{index['table']}({', '.join(index['columns'])})",
            units.size(index["bytes"]),
            Text(index["verdict"], style=_INDEX_STYLES.get(index["verdict"], "")),
            index["reason"],
        )
    pairs = [f"{' and '.join(pair['indexes'])}: {pair['reason']}" for pair in document["pairs"]]
    return _text(table, width) + _lines(pairs)


def render_statistics(document: Document, *, width: int = 150) -> str:
    """Each operation of statistics.json in each state, flips marked, then causes and answers."""
    states = document["states"]
    table = _table(
        f"time of each operation of {document['arm']} by the planner's statistics "
        f"({FLIPPED}: another plan than without)"
    )
    table.add_column("operation", no_wrap=True)
    for state in states:
        table.add_column(state["name"], justify="right", no_wrap=True)
    for entry in document["operations"]:
        pairs = {pair["state"]: pair for pair in entry["comparisons"]}
        table.add_row(
            entry["name"],
            *(
                _cell(entry["states"][state["name"]], pairs.get(state["name"], {}))
                for state in states
            ),
        )
    told = [
        f"{entry['name']} ({', '.join(names)}): {why}"
        for entry in document["operations"]
        for why, names in _causes(entry).items()
    ]
    return _text(table, width) + _lines([*told, *document["answers"]])


def _causes(entry: Document) -> dict[str, list[str]]:
    """Why an operation whose plan changed is slower, and in which states for the same reason."""
    found: dict[str, list[str]] = {}
    for pair in entry["comparisons"]:
        if pair["verdict"] == "slower" and entry["states"][pair["state"]]["flipped"]:
            found.setdefault(pair["cause"], []).append(pair["state"])
    return found


def render_cost(document: Document, *, width: int = 150) -> str:
    """Each index of cost.json with what it took, each arm's bill, and where it breaks even."""
    table = _table("what each index costs to build")
    table.add_column("index", no_wrap=True)
    table.add_column("arm", no_wrap=True)
    for name in ("time", "size", "write-ahead log", "rows written", "dollars"):
        table.add_column(name, justify="right", no_wrap=True)
    for index in document["indexes"]:
        table.add_row(
            index["name"],
            index["arm"],
            units.duration(index["build_ns"]),
            units.size(index["bytes"]),
            units.size(index["wal_bytes"]),
            units.count(index["rows_written"]),
            units.significant(index["dollars_to_build"]),
        )
    bill = _table("the bill of a month, in dollars")
    bill.add_column("arm", no_wrap=True)
    for name in ("rows read", "rows written", "stored", "dollars"):
        bill.add_column(name, justify="right", no_wrap=True)
    for arm, month in document["bill"].items():
        bill.add_row(
            arm,
            units.count(month["rows_read_per_month"]),
            units.count(month["rows_written_per_month"]),
            units.size(month["stored_gb"] * 1e9),
            units.significant(month["dollars"]),
        )
    told = [
        document["traffic"]["source"],
        *(one["sentence"] for one in document["break_even"] if one["operation"] is not None),
    ]
    return _text(table, width) + _text(bill, width) + _lines(told)


def render_recommended(document: Document, *, width: int = 150) -> str:
    """What recommended.json keeps, adds and drops, and how it compares; then its verdict."""
    table = _table(f"the migration that follows: the arm {document['arm']}")
    table.add_column("index", no_wrap=True)
    table.add_column("on", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("reason")
    for index in document["indexes"]:
        table.add_row(index["name"], index["table"], index["action"], index["reason"])
    told = [
        f"against {arm}: "
        + ", ".join(f"{len(names)} {verdict}" for verdict, names in found.items())
        for arm, found in document["against"].items()
    ]
    return _text(table, width) + _lines(
        [*told, *document["statistics"], document["verdict"], *document.get("details", ())]
    )


def _cell(seen: Document, pair: Document) -> Text:
    """Time, or steps where nothing was timed, and the verdict unless it is `same`."""
    figure = (
        f"{units.count(seen['vm_steps'])} steps"
        if seen["median_ns"] is None
        else units.duration(seen["median_ns"])
    )
    verdict = pair.get("verdict", "same")
    text = Text(figure if verdict == "same" else f"{figure} {verdict}")
    text.stylize(_STYLES.get(verdict, ""))
    return text + Text(f" {FLIPPED}" if seen["flipped"] else "")


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left")


def _lines(sentences: Sequence[str]) -> str:
    return "".join(f"{sentence}\n" for sentence in sentences)


def _text(table: Table, width: int) -> str:
    buffer = io.StringIO()
    Console(file=buffer, width=width).print(table)
    return buffer.getvalue()
