from __future__ import annotations

import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from bench.report.contents import render_markdown
from bench.report.markdown import code, escaped, indented
from tests.bench.fixtures.show_report import NASTY, make_report, unmeasure
from tests.bench.test_show_html import nothing_slower


def _html(markdown: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(markdown)


@pytest.fixture(scope="module")
def text() -> str:
    return render_markdown(make_report())


@pytest.fixture(scope="module")
def html(text: str) -> str:
    return _html(text)


def test_what_got_slower_is_the_first_line(text: str) -> None:
    first = text.splitlines()[0]
    assert first.startswith("**Slower after the migration: Events by type, 7 days (5.33×)")


def test_every_table_is_read_as_one(html: str) -> None:
    # Four figures, nine families, claims, migrations, indexes, counters of writes, rounds, arms,
    # data, shapes, machine, stages; and the counters of each operation.
    assert html.count("<table>") == 20 + len(make_report().comparison.operations)
    for table in html.split("<table>")[1:]:
        rows = table.split("</table>")[0].split("<tr>")[1:]
        widths = {len(re.findall(r"<t[hd]", row)) for row in rows}
        assert len(widths) == 1


def test_it_says_what_the_page_says(html: str) -> None:
    for entry in make_report().comparison.operations:
        assert entry.title in html
        assert f"<code>{entry.name}</code>" in html
    for claim in make_report().claims.claims:
        assert claim.quote in html
    for picture in ("operations", "claims", "indexes", "writes"):
        assert f'src="plots/{picture}.png"' in html


def test_the_plans_of_every_operation_are_folded_below_its_table(text: str) -> None:
    assert text.count("<details") == text.count("</details>")
    for entry in make_report().comparison.operations:
        start = text.index(f"<summary>Plans and counters of {entry.title}</summary>")
        folded = text[start : text.index("</details>", start)]
        assert f"\n`{entry.name}` · `{entry.http}`" in folded
        assert "·\n" not in folded
        for arm in entry.arms.values():
            for line in arm.plan:
                assert f"    {line}\n" in folded


def test_what_got_slower_shows_both_plans(text: str) -> None:
    card = text[text.index("### Events by type, 7 days") :]
    card = card[: card.index("\n### ")]
    assert "Plan before:\n\n    SCAN analytics_events\n" in card
    assert "Plan after:\n\n    SEARCH analytics_events USING INDEX" in card


def test_a_plan_that_stays_the_same_is_shown_once() -> None:
    def stay(values: dict[str, Any]) -> None:
        entries = values["comparison"]["operations"]
        arms = next(e["arms"] for e in entries if e["name"] == "events_count_by_type_since")
        arms["after"]["plan"] = arms["before"]["plan"]

    text = render_markdown(make_report(stay))
    start = text.index("The plan is the same before and after for Events by type, 7 days")
    assert text[start : text.index("</details>", start)].count("    SCAN analytics_events\n") == 1


def test_each_claim_has_its_verdict_its_figures_and_the_operations_behind_it(text: str) -> None:
    section = text[text.index("## 6 of 15 promises are kept") :]
    assert "\n| claim | promised | measured | 95 % interval | verdict |" in section
    row = "\n| “Log queries: 10x faster” | 10× faster | 600× faster | 592 to 608 | ▲ exceeded |"
    assert row in section
    start = section.index("### “Log queries: 10x faster”")
    claim = section[start : section.index("\n### ", start)]
    assert (
        "▲ exceeded; promised 10× faster; measured **600× faster**; interval 592 to 608\n" in claim
    )
    assert "<summary>2 operations behind it</summary>" in claim
    assert "- ▲ Newest log rows: 1,470× faster, exceeded\n" in claim
    assert "; \n" not in section


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


def test_indented_code_holds_what_would_end_a_fence() -> None:
    tokens = MarkdownIt("commonmark").parse(indented(["```", "</details>"]))
    assert [token.type for token in tokens] == ["code_block"]
    assert tokens[0].content == "```\n</details>\n"


def test_names_with_markup_stay_text() -> None:
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    html = markdown.render(render_markdown(make_report(nasty=True)))
    assert "<script" not in html


def test_when_nothing_got_slower_the_first_line_says_so() -> None:
    text = render_markdown(make_report(nothing_slower))
    assert text.startswith("**No operation got slower.**\n")


def test_what_was_not_measured_and_what_the_data_misses_are_said() -> None:
    report = make_report(lambda values: unmeasure(values, "respond_to_offer", "only 3 open offers"))
    html = _html(render_markdown(report))
    assert html.count("Not measured: before, after (only 3 open offers).") == 1
    assert "equal answers" not in html
    method = html[html.index("How it was measured") :]
    assert "The data misses 1 of 2 published shapes" in method[: method.index("Every arm")]
    assert "A difference counts here beyond 5" in html


def test_the_exact_counters_of_each_write_stand_in_a_table(text: str) -> None:
    assert "One execution of each write in exact counters:\n\n| write | before |" in text
    assert "9 pages read, 16 written, 65.9 kB of log |" in text
    assert "These are exact" in text
