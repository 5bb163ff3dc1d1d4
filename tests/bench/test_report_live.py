"""The part of the report on a migration while the shop was open, and its picture."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.report.blocks import Section, Text
from bench.report.html import section_html
from bench.report.markdown import blocks_markdown
from bench.report.plots import to_svg
from bench.report.plots.live import live as draw
from bench.report.plots.live import names
from bench.report.plots.panels import text_width
from bench.report.run_report import Report
from bench.report.sections.online_migration import (
    live_answer,
    live_blocks,
    short_name,
    title,
)
from bench.report.terminal import blocks_text
from bench.results import store
from bench.results.live import Invariants, OnlineMigration
from bench.results.model import DatasetSummary
from tests.bench.fixtures.judged import DATASET
from tests.bench.fixtures.live_document import make_live, make_statement, make_strategy
from tests.bench.fixtures.show_report import make_report
from tests.bench.test_show_load import plain, texts
from tests.bench.test_store import whole_run

TITLES = {"product_detail": "One product"}
INVALID = make_strategy(valid=False, invalid_because=("The generator used 93 % of its core.",))
KIND = make_strategy("kind", "low-impact", 1.0, 6.4)
BROKEN = KIND.model_copy(
    update={
        "invariants": Invariants(held=False, violations=("54 indexes, not 55.",), checked=())
    }
)  # fmt: skip


def html(live: OnlineMigration) -> str:
    return plain(section_html(Section("live", "", "", tuple(live_blocks(live, TITLES))), {}))


def markdown(live: OnlineMigration) -> str:
    return plain(blocks_markdown(live_blocks(live, TITLES)))


def terminal(live: OnlineMigration) -> str:
    return plain(blocks_text(live_blocks(live, TITLES), width=140))


def report_of(live: OnlineMigration) -> Report:
    return replace(make_report(), live=live)


def picture(live: OnlineMigration) -> list[str]:
    figure = draw(report_of(live))
    assert figure is not None
    return texts(to_svg(figure, name="live"))


def test_statements_are_named_and_the_outage_has_its_length() -> None:
    shown = picture(make_live())
    assert {"analytics event type", "daily type", "7 statements"} <= set(shown)
    assert {"no write for 18.7 s", "no write for 6.4 s"} <= set(shown)
    assert {"Reads", "Writes", "Answers a second"} <= set(shown)


def test_every_format_has_the_facts_side_by_side_and_each_statement() -> None:
    live = make_live()
    for text in (html(live), markdown(live), terminal(live)):
        words = " ".join(re.sub(r"<[^>]*>|[|│]", " ", text).split())
        for fact in (
            "While the migration runs",
            "longest stretch without a write 18.7 s 6.4 s",
            "longest wait of a write 5.04 s 5.04 s",
            "writes that failed while it ran 12 of 190 0 of 190",
            "reads while it ran 57.6 ms, 213 ms, 369 ms, 518 ms",
            "file 1.7 GB → 2.31 GB",
            "SQLite cannot build an index without the write lock.",
        ):
            assert fact in words
        assert re.search(r"analytics.?_(<wbr>)?event.?_(<wbr>)?type", text)
        assert "6.4 s" in words
        assert "192 MB" in words


def test_single_operations_are_for_the_page_only() -> None:
    live = make_live()
    shown = html(live)
    assert "One product" in shown
    assert "Products by size" in shown
    assert "21 ms, 134 ms" in shown
    assert "One product" not in markdown(live) + terminal(live)


def test_no_outage_is_none() -> None:
    calm = make_strategy(longest_write_stall_ns=0, writes_stopped_ns=0, write_stalls=())
    live = make_live(ways=(calm,))
    assert "| longest stretch without a write | none |" in markdown(live)
    assert title(live) == "Writes were answered all the while the migration ran"
    assert "0 ns" not in terminal(live)


def test_nothing_is_concluded_from_an_invalid_strategy() -> None:
    live = make_live(ways=(INVALID, KIND))
    answer = live_answer(live)
    assert plain(answer) == (
        "While the migration ran no write was answered for 6.4 s (low-impact)."
    )
    for text in (html(live), markdown(live), terminal(live)):
        assert "▼ as reported: invalid, nothing is concluded from it." in text
        assert "The generator used 93 % of its core." in text
    assert "no write for 18.7 s" not in picture(live)
    assert live_answer(make_live()) == make_live().answer


def test_a_broken_rule_is_said() -> None:
    live = make_live(ways=(INVALID, BROKEN))
    assert title(live).startswith("Invalid")
    assert "low-impact: a rule of the study or the migration's result was violated." in terminal(
        live
    )
    assert "54 indexes, not 55." in html(live)


def test_without_strategies_only_the_limits_are_left() -> None:
    live = make_live(ways=())
    assert draw(report_of(live)) is None
    assert "<table" not in html(live)
    assert not any(isinstance(block, Text) for block in live_blocks(live, TITLES))


def test_short_names() -> None:
    assert short_name(make_statement("idx_images_entity", 1, 2)) == "images entity"


def test_the_document_comes_back_as_it_was_written(tmp_path: Path) -> None:
    whole_run(tmp_path)
    live = make_live()
    store.write_json(tmp_path / "live.json", live)
    assert store.read_run(tmp_path).live == live
    written = (tmp_path / "live.json").read_text()
    assert "environment" not in written
    within = make_live(study="resale", dataset=DatasetSummary(**DATASET), environment={"cpu": "x"})
    store.write_json(tmp_path / "live.json", within)
    again = store.read_run(tmp_path).live
    assert again is not None
    assert again.dataset == DatasetSummary.model_validate(DATASET)
    (tmp_path / "live.json").write_text(written.replace('"unserved"', '"unheard"'))
    with pytest.raises(BenchError, match=r"live document .*ways\.0\.unserved.*resale-bench live"):
        store.read_run(tmp_path)


@given(st.lists(st.tuples(st.floats(0, 8), st.floats(0, 3)), min_size=1, max_size=20))
def test_no_name_covers_another_or_a_leader(gaps: list[tuple[float, float]]) -> None:
    at, statements = 10.0, []
    for number, (cost, pause) in enumerate(gaps):
        name = f"name {number} {'x' * (number * 7 % 19)}"
        statements.append(make_statement(name, at, at + cost))
        at += cost + pause
    scale = 480 / (at + 10)
    placed = names(statements, scale, 540)
    assert placed
    for i, name in enumerate(placed):
        end = name.x + 4 + text_width(name.words, 8.2)
        for later in placed[i + 1 :]:
            assert later.x >= name.x
            if later.x < end:
                assert later.line < name.line
