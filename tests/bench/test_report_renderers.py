"""Blocks in each format: what a cell begins a line with, and what only a page can hide."""

from __future__ import annotations

import pytest

from bench.report.blocks import Badge, Column, Details, Row, Section, Span, Table, Text
from bench.report.html import section_html
from bench.report.markdown import section_markdown
from bench.report.palette import verdict
from bench.report.terminal import section_text


def formats(*blocks: object) -> dict[str, str]:
    section = Section("part", "A part", "Part", blocks)  # type: ignore[arg-type]
    return {
        "html": section_html(section, {}),
        "markdown": section_markdown(section),
        "terminal": section_text(section, width=80),
    }


def test_a_badge_on_a_line_of_its_own_stands_below_its_figure() -> None:
    slower = Badge(verdict("slower"), "2× slower", line=True)
    table = Table((Column("name"), Column("time", "range")), (Row("a", [["5 ms", " ", slower]]),))
    text = formats(table)
    assert (
        '<span class="sub bad"><span aria-hidden="true">▼</span> 2× slower</span>' in text["html"]
    )
    assert "| a | 5 ms, ▼ 2× slower |" in text["markdown"]
    lines = [line.split("│")[2].strip() for line in text["terminal"].splitlines() if "│" in line]
    assert lines == ["5 ms", "▼ 2× slower"]


def test_a_line_in_a_cell_of_markdown_follows_a_comma() -> None:
    line = Span("flat", "line")
    table = Table((Column("name"), Column("growth")), (Row("a", [["0.98", " ", line]]),))
    assert "| a | 0.98, flat |" in formats(table)["markdown"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_only_a_page_hides_details(elsewhere: bool) -> None:
    text = formats(Details("All names", (Text("checkout"),), elsewhere=elsewhere))
    assert "<details><summary>All names</summary>" in text["html"]
    assert "checkout" in text["html"]
    assert ("checkout" in text["markdown"]) is elsewhere
    assert ("checkout" in text["terminal"]) is elsewhere
