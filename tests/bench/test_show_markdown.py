from __future__ import annotations

import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from bench.show.markdown import block, code, render_markdown
from bench.show.markdown import text as escaped
from tests.bench.fixtures.show_report import NASTY, make_report, unmeasure


def _html(markdown: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(markdown)


def test_what_got_slower_is_the_first_line() -> None:
    first = render_markdown(make_report()).splitlines()[0]
    assert first.startswith("**Slower after the migration: Events by type, 7 days (5.33×)")


def test_every_table_is_read_as_one() -> None:
    html = _html(render_markdown(make_report()))
    # four figures, nine families, claims, migrations, indexes, counters, method, realism, stages
    assert html.count("<table>") == 17
    for table in html.split("<table>")[1:]:
        rows = table.split("</table>")[0].split("<tr>")[1:]
        widths = {len(re.findall(r"<t[hd]", row)) for row in rows}
        assert len(widths) == 1


def test_it_says_what_the_page_says() -> None:
    html = _html(render_markdown(make_report()))
    for entry in make_report().comparison["operations"]:
        assert entry["title"] in html
        assert entry["name"] in html
    for claim in make_report().claims["claims"]:
        assert claim["quote"] in html
    for picture in ("operations", "claims", "indexes", "writes"):
        assert f'src="plots/{picture}.png"' in html


@pytest.mark.parametrize("value", [NASTY, "a|b", "*a* _b_ `c`", "[x](javascript:1)", "<b>", "&lt;"])
def test_text_comes_out_as_it_went_in(value: str) -> None:
    assert MarkdownIt("commonmark").parse(escaped(value))[1].children is not None
    inline = MarkdownIt("commonmark").parse(escaped(value))[1].children or []
    assert {child.type for child in inline} <= {"text", "text_special"}
    assert "".join(child.content for child in inline) == value


@pytest.mark.parametrize("value", ["plain", "a`b", "``", "<i>"])
def test_code_comes_out_as_it_went_in(value: str) -> None:
    inline = MarkdownIt("commonmark").parse(code(value))[1].children or []
    assert [child.type for child in inline] == ["code_inline"]
    assert inline[0].content == value


def test_a_block_holds_what_would_end_a_fence() -> None:
    tokens = MarkdownIt("commonmark").parse(block(["```", "</details>"]))
    assert [token.type for token in tokens] == ["code_block"]
    assert tokens[0].content == "```\n</details>\n"


def test_names_with_markup_stay_text() -> None:
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    html = markdown.render(render_markdown(make_report(nasty=True)))
    assert "<script" not in html


def test_when_nothing_got_slower_the_first_line_says_so() -> None:
    report = make_report()
    report = replace(report, headline=replace(report.headline, slower=(), worst=None))
    assert render_markdown(report).startswith("**No operation got slower.**\n")


def test_what_was_not_measured_and_what_the_data_misses_are_said() -> None:
    report = make_report()
    unmeasure(report, "respond_to_offer", "only 3 open offers")
    html = _html(render_markdown(report))
    assert html.count("Not measured: before, after (only 3 open offers).") == 1
    assert "equal answers" not in html
    method = html[html.index("How it was measured") :]
    assert "The data misses 1 of 2 published shapes" in method[: method.index("Every arm")]
    assert "A difference counts here beyond 5" in html


def test_the_exact_counters_of_each_write_stand_in_a_table() -> None:
    text = render_markdown(make_report())
    assert "One execution of each write in exact counters:\n\n| write | before |" in text
    assert "9 pages read, 16 written, 65.9 kB of log |" in text
    assert "These are exact" in text
