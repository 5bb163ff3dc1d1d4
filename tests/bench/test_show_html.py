from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from bench.report.contents import render_html
from bench.report.sections.writes import NOTE
from tests.bench.fixtures.show_report import NASTY, make_report, undrawn, unmeasure

VOID = {"meta", "br", "wbr", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Tags, attributes and texts of a page; complains of tags that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.cells: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open and self.open[-1] != "style":
            self.texts.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def text() -> str:
    return render_html(make_report())


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_it_is_one_file_that_asks_for_nothing(text: str, page: Page) -> None:
    assert len(text.encode()) < 3_000_000
    for tag in ("script", "link", "img", "iframe", "object"):
        assert page.all(tag) == []
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    for attributes in page.all("a"):
        assert re.match(r"#|[a-z]+\.json#", attributes["href"] or "")
    assert "default-src 'none'" in text


def test_what_got_slower_is_the_first_line(page: Page) -> None:
    body = page.texts[page.texts.index("Skip to the report") + 1 :]
    assert body[0].startswith("Slower after the migration: Events by type, 7 days (5.33×)")
    assert body[1] == "The migration keeps 6 of 15 promises; 3 queries and 4 writes got slower."


def test_the_verdict_has_its_four_figures(page: Page) -> None:
    flat = " ".join(page.texts).replace("\N{NO-BREAK SPACE}", " ")
    assert "Promises kept 6 of 15" in flat
    assert "Operations slower 7 3 queries, 4 writes" in flat
    assert "Worst slowdown 5.33× slower Events by type, 7 days" in flat
    assert "Price 17.7 s to run 628 MB more, writes take 1.21× the time" in flat


def test_parts_stand_in_their_order(text: str) -> None:
    order = [text.index(f'id="{part}"') for part in ("slower", "operations", "claims", "cost")]
    assert order == sorted(order)
    assert text.index('id="cost"') < text.index('id="method"')


def test_links_lead_somewhere_and_names_are_given_once(page: Page) -> None:
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    for attributes in page.all("a"):
        if attributes.get("class") != "json":
            assert (attributes["href"] or "")[1:] in names


def test_every_operation_has_a_row_with_plans_before_and_after(text: str) -> None:
    for entry in make_report().comparison.operations:
        start = text.index(f'id="op-{entry.name}"')
        row = text[start : text.index("</details>", start)]
        for arm in entry.arms.values():
            for line in arm.plan:
                assert line.replace(">", "&gt;").replace("<", "&lt;") in row


def test_an_arm_without_a_plan_says_so_and_shows_no_empty_box(text: str) -> None:
    row = text[text.index('id="op-write_log"') :]
    row = row[: row.index("</details>")]
    assert row.count("No plan was recorded.") == 4
    assert "<pre" not in row


def test_every_claim_is_quoted_with_a_word_and_a_shape(text: str) -> None:
    for claim in make_report().claims.claims:
        start = text.index(f'id="claim-{claim.id}"')
        article = text[start : text.index("</article>", start)]
        assert claim.quote in article
        assert re.search(rf"[▲●◐▼◌]</span> {claim.verdict}", article)
        for name in claim.evidence:
            assert f'href="#op-{name}"' in article


def test_operations_of_the_judged_arm_only_are_shown_not_compared(text: str) -> None:
    row = text[text.index('id="op-stock_history"') :]
    assert "not compared" in row[: row.index("</tr>")]


def test_a_reader_without_eyes_or_mouse_is_served(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    assert page.all("a")[0] == {"class": "skip", "href": "#main"}
    for attributes in page.all("svg"):
        assert attributes["role"] == "img"
        assert attributes["aria-label"]
    assert len(page.all("svg")) == 8
    for attributes in page.all("th"):
        assert attributes["scope"] in ("col", "row")
    tables = [
        attributes for attributes in page.all("table")
        if "operations" in (attributes.get("class") or "")
    ]  # fmt: skip
    assert [attributes["aria-labelledby"] for attributes in tables] == [
        f"family-{place}" for place in range(1, 10)
    ]
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_knows_telephone_paper_and_night(text: str) -> None:
    for query in ("max-width: 719px", "@media print", "prefers-color-scheme: dark"):
        assert query in text


def test_names_with_markup_stay_text() -> None:
    text = render_html(make_report(nasty=True))
    page = Page(text)
    assert page.all("script") == []
    assert "<script" not in text
    assert page.texts.count(NASTY) >= 7


def nothing_slower(values: dict[str, Any]) -> None:
    """Make a run in which every operation that was slower is as fast as before."""
    for entry in values["comparison"]["operations"]:
        for pair in entry["comparisons"]:
            if pair["verdict"] == "slower":
                pair |= {"speedup": 1.0, "ci95": [0.99, 1.01], "verdict": "same"}


def test_when_nothing_got_slower_the_page_says_so() -> None:
    text = undrawn(make_report(nothing_slower))
    assert '<p class="first">No operation got slower.</p>' in text
    assert "every one that could be compared" in text
    assert "no operation lost time" in text


def test_how_it_was_measured_can_be_repeated(page: Page) -> None:
    flat = " ".join(page.texts)
    for fact in (
        make_report().run.dataset.content_hash,
        "Some Processor 9000 @ 2.50 GHz",
        "3.54.0",
        "journal_mode = wal",
        "0123456789abcdef0123456789abcdef01234567",
        "One arm measured twice came out at 0.985 to 1.01×",
        "no difference up to 2.3\N{NO-BREAK SPACE}% counts in this run",
        "on order_detail, the most restless operation, none up to 32\N{NO-BREAK SPACE}%",
        "resale-bench seed --db shop.db --scale 1",
        "The data is synthetic",
        "REES46 October 2019",
    ):
        assert fact in flat


def test_no_heading_stands_without_content() -> None:
    def bare(values: dict[str, Any]) -> None:
        values["realism"]["shapes"] = []
        values["run"] |= {
            "stages": [], "commands": [], "limits": [], "arms": [], "pragmas": {},
            "environment": {}, "commit": None,
            "dataset": {"scale": None, "seed": None, "rows": {}, "content_hash": ""},
        }  # fmt: skip

    text = render_html(make_report(bare))
    for heading in (
        "Stages",
        "To repeat it",
        "Limits that the authors",
        "published shapes",
        "Arms",
    ):
        assert heading not in text
    assert not re.search(r"</h[23]>\s*(</section>|<h[23]|<dl class=\"rows [a-z]*\">\s*</dl>)", text)
    assert not re.search(r"<dl[^>]*>\s*</dl>", text)


def test_an_operation_that_was_not_measured_keeps_its_row_and_its_reason() -> None:
    text = undrawn(
        make_report(lambda values: unmeasure(values, "respond_to_offer", "only 3 open offers <b>"))
    )
    Page(text)
    row = text[text.index('id="op-respond_to_offer"') :]
    row = row[: row.index("</details>")]
    assert "inconclusive" in row
    assert row.count("Not measured: before, after (only 3 open offers &lt;b&gt;).") == 1
    assert row.count("only 3 open offers") == 1
    assert "equal answers" not in row
    assert "<table" not in row


def test_unlike_answers_are_told_from_answers_never_asked_for() -> None:
    def change(values: dict[str, Any]) -> None:
        values["comparison"]["operations"][0]["answers_equal"] = False

    assert undrawn(make_report(change)).count("did not give equal answers") == 1


def test_each_operation_says_from_where_on_a_difference_counts() -> None:
    def change(values: dict[str, Any]) -> None:
        values["comparison"]["operations"][2]["comparisons"][0]["band"] = 0.282

    text = undrawn(make_report(change)).replace("\N{NO-BREAK SPACE}", " ")
    assert text.count("A difference counts here beyond 28.2 %") == 1
    assert text.count("A difference counts here beyond 5 %") > 20


def test_shapes_that_the_data_misses_stand_at_the_top_of_the_method(text: str) -> None:
    words = (
        "The data misses 1 of 2 published shapes: purchases of product events (0.61, target 1.75)."
    )
    method = text[text.index('id="method"') :]
    assert words in method[: method.index("Every arm is a copy")]

    def keep(values: dict[str, Any]) -> None:
        shapes = values["realism"]["shapes"]
        values["realism"]["shapes"] = [shape for shape in shapes if shape["ok"]]

    assert "The data misses" not in undrawn(make_report(keep))


def test_the_page_says_what_was_measured_before_any_figure(text: str) -> None:
    told = re.sub(r"<[^>]+>", "", text[text.index("</h1>") : text.index('<dl class="figures">')])
    assert "Measured: 0002_safe_migration" in told
    assert "100,000 products and 10,000,000 events" in told
    assert "“before” is the database without it, “after” with it" in told


def without_pages(values: dict[str, Any]) -> None:
    """Make a run whose writes were not counted in pages."""
    for entry in values["comparison"]["operations"]:
        for arm in entry["arms"].values():
            arm.pop("pages_written", None)


def test_the_exact_counters_of_each_write_stand_in_a_table_with_what_they_are(text: str) -> None:
    assert ">One execution of each write in exact counters" in text
    # Each counter stays on one line.
    told = "9 pages read, 16 written, 65.9 kB of log".replace(" ", "\N{NO-BREAK SPACE}")
    assert told.replace(",\N{NO-BREAK SPACE}", ", ") in text
    assert text.count(NOTE) == 1

    shown = undrawn(make_report(without_pages))
    assert "in exact counters" not in shown
    assert NOTE not in shown
