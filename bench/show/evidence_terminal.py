"""The evidence for a terminal: a table for each part, and the sentences beside it.

Room show: values in, text out. Nothing is printed or computed here.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.report import units
from bench.report.arms import Arms
from bench.report.terminal import section_text
from bench.show.evidence import evidence_sections

Document = Mapping[str, Any]


def render_evidence(
    documents: Mapping[str, Any], arms: Arms, titles: Mapping[str, str], *, width: int = 150
) -> str:
    """What was measured, part after part; documents by name, titles of operations by theirs."""
    parts = [
        section_text(section, width=width) for section in evidence_sections(documents, arms, titles)
    ]
    if "cost" in documents:
        parts.insert(0, render_cost(documents["cost"], width=width))
    return "\n".join(parts)


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


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left")


def _lines(sentences: Sequence[str]) -> str:
    return "".join(f"{sentence}\n" for sentence in sentences)


def _text(table: Table, width: int) -> str:
    buffer = io.StringIO()
    Console(file=buffer, width=width).print(table)
    return buffer.getvalue()
