"""Operations as every format shows them: selected, ordered and named once."""

from __future__ import annotations

from typing import Any

import pytest

from bench.errors import BenchError
from bench.report.blocks import CodeBlock, Columns, Details, Heading, Row, Section, Table
from bench.report.markdown import blocks_markdown
from bench.report.run_report import Report
from bench.report.sections.claims import promised_speedup
from bench.report.sections.operations import (
    grouped,
    operations_section,
    slower,
    slower_section,
)
from bench.report.text import anchor
from bench.results.claims import Claims
from bench.results.comparison import Comparison
from tests.bench.fixtures.show_report import make_claims, make_comparison, make_report


def section_of(report: Report) -> Section:
    return operations_section(report.comparison, report.families, report.arms)


def tables(report: Report) -> list[Table]:
    return [block for block in section_of(report).blocks if isinstance(block, Table)]


def row_of(report: Report, name: str) -> Row:
    return next(row for table in tables(report) for row in table.rows if row.anchor == anchor(name))


def plans_of(report: Report, name: str) -> dict[str, CodeBlock]:
    """The plans below an operation's row, by the label of their arm."""
    (details,) = row_of(report, name).below
    assert isinstance(details, Details)
    (columns,) = [block for block in details.blocks if isinstance(block, Columns)]
    plans = [block for group in columns.groups for block in group if isinstance(block, CodeBlock)]
    return {plan.title: plan for plan in plans}


def test_every_operation_of_the_document_is_shown_once() -> None:
    report = make_report()
    shown = [row.anchor for table in tables(report) for row in table.rows]
    assert sorted(shown) == sorted(anchor(entry.name) for entry in report.comparison.operations)
    assert len(shown) == 31


def test_slower_ones_stand_on_top_and_controls_at_the_foot() -> None:
    report = make_report()
    comparison = report.comparison
    families = grouped(comparison)
    for _, members in families:
        pairs = [entry.pair("before", "after") for entry in members]
        speedups = [pair.speedup or 0 for pair in pairs if pair is not None]
        assert speedups == sorted(speedups)
    assert families[0][1][0].name == "events_count_by_type_since"
    styles = [table.style for table in tables(report)]
    assert styles == ["operations"] * (len(families) - 1) + ["operations control"]
    shown = [[row.anchor for row in table.rows] for table in tables(report)]
    assert shown == [[anchor(entry.name) for entry in members] for _, members in families]


def test_a_family_has_the_title_that_the_study_gives_it_or_its_name_in_words() -> None:
    def change(values: dict[str, Any]) -> None:
        values["comparison"]["operations"][0]["family"] = "odds-and-ends"

    report = make_report(change)
    headings = [block for block in section_of(report).blocks if isinstance(block, Heading)]
    titles = [heading.parts for heading in headings]
    assert set(titles) == {"Odds and ends", *report.families.values()}
    assert [heading.anchor for heading in headings] == [t.heading for t in tables(report)]


def test_an_operation_of_the_judged_arm_only_is_not_compared_with_the_base() -> None:
    report = make_report()
    entry = report.comparison.operation("stock_history")
    assert entry is not None
    assert entry.pair("before", "after") is None
    before, after, *_ = row_of(report, "stock_history").cells
    assert before == "–"
    assert after == "33\N{NO-BREAK SPACE}µs"
    words = blocks_markdown([Table(tables(report)[0].columns, [row_of(report, "stock_history")])])
    assert "| not compared | – |" in words


def test_a_promise_is_the_range_of_the_own_family_not_of_the_catch_all() -> None:
    report = make_report()
    found = {
        entry.name: promised_speedup(report.claims, entry.name, entry.family)
        for entry in report.comparison.operations
    }
    assert found["events_recent"] == (50, 100)
    assert found["product_detail"] == (5, 10)
    assert found["order_history"] is None


def test_queries_come_before_writes_among_the_slower() -> None:
    report = make_report()
    entries = [entry for entry, _ in slower(report.comparison, report.claims)]
    assert [e.name for e in entries[:2]] == ["events_count_by_type_since", "events_newest_of_type"]
    assert [e.kind for e in entries] == sorted(e.kind for e in entries)
    assert {e.name for e in entries} == set(report.claims.headline.slower)  # type: ignore[union-attr]


def test_only_arms_in_which_it_is_not_slower_mend_an_operation() -> None:
    report = make_report()
    words = blocks_markdown(slower_section(report.comparison, report.claims, report.arms).blocks)
    mended = {
        card.splitlines()[0]: next(
            line for line in card.splitlines() if line.startswith("**What mends it.**")
        )
        for card in words.removeprefix("### ").split("\n### ")
    }
    assert "after + ANALYZE: 14,800× faster" in mended["Events of one type, 7 days"]
    assert "; recommended: 25,300× faster" in mended["Events of one type, 7 days"]
    assert "ANALYZE" not in mended["Newest events of one type"]
    assert ": recommended: 19,800× faster" in mended["Newest events of one type"]
    assert mended["Track 10 events"] == "**What mends it.** No other arm of this study mends it."


def test_lines_that_the_base_plan_lacks_are_marked() -> None:
    plans = plans_of(make_report(), "events_recent")
    assert not any(line.changed for line in plans["before"].lines)
    assert all(line.changed for line in plans["after"].lines)


def test_a_copy_of_an_arm_for_the_noise_floor_is_not_shown() -> None:
    def change(values: dict[str, Any]) -> None:
        arms = values["comparison"]["operations"][0]["arms"]
        arms["before_again"] = dict(arms["before"])

    report = make_report(change)
    name = report.comparison.operations[0].name
    assert [*plans_of(report, name)] == ["before", "after", "after + ANALYZE", "recommended"]
    titles = [column.title for column in tables(report)[0].columns]
    assert titles == [
        "Operation", *report.arms.labels.values(), "after against before", "95 % interval",
    ]  # fmt: skip


def test_a_document_that_lacks_something_is_refused_with_advice() -> None:
    comparison = make_comparison()
    claims = make_claims(comparison)
    del claims["claims"]
    with pytest.raises(BenchError, match=r"lacks or misuses claims .*`resale-bench run`"):
        Claims.read(claims, name="claims", command="run")
    del comparison["operations"][3]["arms"]
    with pytest.raises(BenchError, match=r"operations\.3\.arms .*`resale-bench run`"):
        Comparison.read(comparison, name="comparison", command="run")


def test_an_anchor_holds_no_markup() -> None:
    assert anchor("a<b> 'c'") == "op-a-b-c-"
