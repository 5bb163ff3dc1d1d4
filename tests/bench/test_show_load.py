from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from bench import documents
from bench.errors import BenchError
from bench.report.arms import Arms
from bench.report.contents import (
    alternatives,
    page_of,
    render_html,
    render_markdown,
    user_latency_section,
)
from bench.report.plots import DRAWINGS, to_svg
from bench.report.plots.panels import linear_ticks, log_limits, log_ticks, spread_out
from bench.report.run_report import Report
from bench.report.sections import capacity as capacity_section
from bench.report.sections.capacity import capacity_blocks, holds_text, level_text
from bench.report.sections.load import (
    latency_title,
    load_blocks,
    moved,
    request_title,
    timeline_title,
)
from bench.report.terminal import blocks_text
from bench.results import store
from bench.results.capacity import Capacity
from bench.results.load import Load
from bench.study import load_study
from tests.bench.fixtures.live_document import make_live
from tests.bench.fixtures.load_documents import (
    capacity_values,
    load_values,
    make_capacity,
    make_felt,
    make_load,
)
from tests.bench.fixtures.show_report import make_report, undrawn
from tests.bench.test_show_html import Page
from tests.bench.test_store import whole_run

PICTURES = {"latency", "latency-requests", "timeline", "capacity", "live"}
SVG = "{http://www.w3.org/2000/svg}"


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [plain("".join(node.itertext()).strip()) for node in root.iter(f"{SVG}text")]


def section(html: str) -> str:
    return plain(html[html.index('id="felt"') : html.index('id="cost"')])


def drawings(report: Report) -> dict[str, Figure]:
    found = {name: DRAWINGS[name](report) for name in sorted(PICTURES)}
    return {name: figure for name, figure in found.items() if figure is not None}


def drawn_in_page(report: Report) -> set[str]:
    """The pictures that the page has a place for."""
    return set(alternatives(page_of(report)))


def row(html: str, name: str) -> str:
    start = html.index(f'id="load-op-{name}"')
    return html[start : html.index("</details>", start)]


def with_load(**changes: Any) -> Report:
    return replace(make_report(), load=make_load(**changes))


@pytest.fixture(scope="module")
def report() -> Report:
    return make_felt()


@pytest.fixture(scope="module")
def html(report: Report) -> str:
    return render_html(report)


@pytest.fixture(scope="module")
def drawn(report: Report) -> dict[str, list[str]]:
    return {name: texts(to_svg(figure, name=name)) for name, figure in drawings(report).items()}


def test_a_run_without_load_shows_no_part_five() -> None:
    bare = make_report()
    assert user_latency_section(bare, {}) is None
    assert not drawings(bare)
    assert "What a user feels" not in undrawn(bare)
    assert "What a user feels" not in render_markdown(bare)


@pytest.mark.parametrize("name", ["load", "live", "capacity"])
def test_each_document_can_stand_alone(name: str) -> None:
    document = {"load": make_load, "live": make_live, "capacity": make_capacity}[name]()
    report = replace(make_report(), **{name: document})
    html = section(undrawn(report))
    assert ('id="load-title"' in html) == (name == "load")
    assert ('id="live-title"' in html) == (name == "live")
    assert ('id="capacity-title"' in html) == (name == "capacity")
    assert PICTURES & drawn_in_page(report) == set(drawings(report))
    assert f"{name}.json" in undrawn(report)
    assert "What a user feels" in render_markdown(report)


def test_part_five_stands_between_claims_and_cost(html: str) -> None:
    order = [html.index(f'id="{part}"') for part in ("claims", "felt", "cost")]
    assert order == sorted(order)
    assert '<a href="#felt">' in html
    assert len(html.encode()) < 3_000_000


def test_it_begins_with_the_answer(html: str) -> None:
    body = section(html)
    answer = body.index("Nobody could buy for 18.7 s of 18.8 s")
    moved = body.index("p95 of all requests fell from 508 ms to 47.4 ms, at 12/s offered to both.")
    held = body.index("With 100,000 products before holds below 0.5/s, after holds 23/s")
    assert answer < moved < held < body.index("<h3")


def test_the_page_stays_well_formed_and_reachable(html: str) -> None:
    page = Page(html)
    found = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(found) == len(set(found))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert len(page.all("svg")) == 8 + 2 * len(PICTURES)
    for attributes in page.all("svg"):
        assert attributes["aria-label"]
    assert any("fell from" in (a["aria-label"] or "") for a in page.all("svg"))


def test_titles_say_what_the_pictures_show(drawn: dict[str, list[str]]) -> None:
    for name, words in (
        ("latency", "p95 of all requests fell from 508 ms to 47.4 ms"),
        ("latency-requests", "Sell requests of one status got slower: 2.21× slower in the median"),
        ("timeline", "Of 12/s offered, before served 11.8/s, after 11.8/s"),
        ("capacity", "With 100,000 products before holds below 0.5/s, after holds 23/s"),
        ("live", "While the migration ran no write was answered for 18.7 s"),
    ):
        assert words in " ".join(drawn[name])


def test_the_axes_of_latency_have_shares_and_units(drawn: dict[str, list[str]]) -> None:
    for label in ("50", "90", "99", "99.9", "1 ms", "1 s", "p95 508 ms", "p95 47.4 ms"):
        assert label in drawn["latency"]
    assert {"before", "after"} <= set(drawn["latency"])


def test_small_pictures_show_slower_requests_first(report: Report) -> None:
    assert report.load is not None
    names = [request.name for request in moved(report.load)]
    assert names[:2] == ["sell_requests_by_status", "track_events"]
    assert names[2:4] == ["images_for_entity", "product_detail"]
    assert "events_by_type_since" not in names, "12 requests make no curve"


def test_open_markers_have_words(drawn: dict[str, list[str]]) -> None:
    assert {"at least 3,000/s", "below 0.5/s", "needed, busiest hour"} <= set(drawn["capacity"])
    assert "100k products" in drawn["capacity"]
    assert "10M events" in drawn["capacity"]


def test_a_point_that_only_the_generator_failed_is_not_held_against_the_shop() -> None:
    values = capacity_values()
    point = values["points"][4] | {"limited_by": "generator", "at_most": False, "at_least": True}
    point["probes"] = [probe | {"valid": False} for probe in point["probes"]]
    values["points"][4] = point
    report = replace(make_report(), capacity=Capacity.model_validate(values))
    assert report.capacity is not None
    assert holds_text(report.capacity.points[4]) == "not known"
    assert "not known</td>" in section(undrawn(report))
    assert "the generator, not the server" in section(undrawn(report))
    assert not any("below 0.5" in text for text in texts(to_svg(drawings(report)["capacity"])))


def test_a_row_has_quantiles_effect_interval_and_cause(html: str) -> None:
    slower = plain(row(html, "sell_requests_by_status"))
    for cell in ("18.2 ms → 40.3 ms", "▼</span> 2.21× slower", "1.85 to 2.65", "VM steps."):
        assert cell in slower
    few = plain(row(html, "funnel_since"))
    assert "◌</span> inconclusive" in few
    assert "6 requests on each lane are too few" in few
    assert "Errors.</strong> 2 timed out → none." in row(html, "events_recent")
    assert "vm steps 518 k → 1.1 M" not in slower


def test_slower_requests_stand_on_top(html: str) -> None:
    places = [
        html.index(f'id="load-op-{name}"')
        for name in ("all", "events_by_type_since", "sell_requests_by_status", "events_recent")
    ]
    assert places == sorted(places)


def test_how_the_load_was_made_is_told(html: str) -> None:
    body = section(html)
    for fact in (
        "p50 151 µs, p99 402 µs at 500/s against an endpoint that does nothing",
        "at most 3.4 %",
        "3, each A B B A",
        "all hold afterwards (14 checks)",
        "The write-ahead log is not folded in during a block.",
        "SQLite cannot build an index without the write lock.",
        "One machine, server and generator side by side.",
    ):
        assert fact in body


def test_claims_on_capacity_have_word_shape_and_reason(html: str) -> None:
    body = section(html)
    assert re.search(r"▼</span> refuted.*At 10,000 products it holds 38/s", body, re.DOTALL)
    assert re.search(r"◌</span> inconclusive.*It holds 23/s and needs 31/s", body, re.DOTALL)


@pytest.mark.parametrize(
    ("changes", "said", "title"),
    [
        (
            {"valid": False, "invalid_because": ["31 of 119 slots were late; lower --rate."]},
            ("This load is invalid", "31 of 119 slots were late"),
            "This load is invalid, so nothing is judged",
        ),
        (
            {
                "invariants": {
                    "held": False,
                    "violations": ["Stock is not its ledger's sum."],
                    "checked": 9,
                }
            },
            ("Rules of the study were violated", "Stock is not its ledger"),
            "The load broke rules of the study, so nothing is judged",
        ),
    ],
)
def test_what_does_not_count_is_shown_without_a_verdict(
    changes: dict[str, Any], said: tuple[str, ...], title: str
) -> None:
    report = with_load(**changes)
    load = report.load
    assert load is not None
    assert latency_title(load) == timeline_title(load, report.arms) == title
    assert moved(load) == []
    for text in (section(undrawn(report)), plain(render_markdown(report))):
        part = text[: text.index("## What it costs")] if "## What it costs" in text else text
        part = part[part.index("What a user feels") :]
        for words in said:
            assert words in part
        for verdict in ("faster", "slower", "same"):
            assert not re.search(rf"(▲|▼|●)(</span>)? [0-9.,×]*\s?{verdict}", part)
        assert "not judged" in part
        assert "Cause" not in part


def test_titles_follow_the_verdict() -> None:
    values = load_values()
    cases = {"slower": " rose from ", "same": " stayed at ", "inconclusive": "does not decide"}
    for verdict, words in cases.items():
        for comparison in values["judged"]["overall"]["comparisons"]:
            comparison["verdict"] = verdict
        assert words in latency_title(Load.model_validate(values))


def test_names_with_markup_stay_text() -> None:
    report = make_felt(nasty=True)
    html = render_html(report)
    page = Page(html)
    assert page.all("script") == []
    assert "<script" not in html
    assert section(html).count("&lt;script&gt;") >= 10
    markdown = render_markdown(report)
    outside = re.sub(r"^    .*$|(`+) ?.*?\1", "", markdown, flags=re.MULTILINE)
    assert "\\<script\\>" in markdown
    assert not re.search(r"(?<!\\)<script", outside)


def test_markdown_has_the_same_figures_and_only_pictures_that_exist(report: Report) -> None:
    text = plain(render_markdown(report))
    part = text[text.index("## What a user feels") : text.index("## What it costs")]
    for words in (
        "**Nobody could buy for 18.7 s",
        "| Sell requests of one status | 18.2 ms → 40.3 ms | 88.3 ms → 195 ms | 170 ms → 376 ms |",
        "▼ 2.21× slower | 1.85 to 2.65 |",
        "| before | 100,000 | 10,000,000 | 31/s | below 0.5/s |",
        "| longest stretch without a write | 18.7 s | 6.4 s |",
        "#### “Before: Slow at 10k+ products, crash at 100k events”",
        "▼ refuted",
    ):
        assert words in part
    linked = set(re.findall(r"\(plots/([a-z-]+)\.png\)", part))
    assert linked == PICTURES
    for line, following in pairwise(part.splitlines()):
        if re.fullmatch(r"\|( ---:? \|)+", following):
            assert line.count("|") == following.count("|")


def test_nothing_to_draw_gives_no_picture() -> None:
    load = make_load(percentiles={}, timeline={})
    capacity = make_capacity(points=[])
    live = make_live(ways=())
    report = replace(make_report(), load=load, live=live, capacity=capacity)
    assert not drawings(report)
    assert not PICTURES & drawn_in_page(report)
    assert "plots/latency" not in render_markdown(report)
    Page(undrawn(report))


def test_a_lane_without_any_good_answer_is_shown() -> None:
    load = load_values()
    none = dict.fromkeys(load["judged"]["overall"]["lanes"]["before"]["service"])
    for entry in (load["judged"]["overall"], *load["judged"]["operations"]):
        entry["lanes"]["before"] |= {
            "good": 0,
            "since_due": none | {"samples": 0},
            "service": none | {"samples": 0},
            "errors": {"timed out": 9},
            "counters": None,
        }
        for comparison in entry["comparisons"]:
            comparison |= {"speedup": None, "ci95": None, "verdict": "inconclusive"}
        entry |= {"verdict": "inconclusive", "cause": None}
    load["percentiles"]["before"] = {}
    for entry in load["timeline"]["before"]:
        entry |= {"p50_ns": None, "p99_ns": None, "requests_per_second": 0}
    report = replace(make_report(), load=Load.model_validate(load))
    assert {"latency", "timeline"} <= set(drawings(report))
    assert "– → 2.99 ms" in section(undrawn(report))


def test_the_two_lanes_of_one_arm_are_kept_apart() -> None:
    text = json.dumps(load_values()).replace('"after"', '"before (again)"')
    report = replace(make_report(), load=Load.model_validate(json.loads(text)))
    assert "before (again)" in " ".join(texts(to_svg(drawings(report)["latency"])))


@pytest.mark.parametrize("name", ["load", "capacity"])
def test_a_document_without_what_is_shown_is_told_by_name(name: str, tmp_path: Path) -> None:
    whole_run(tmp_path)
    store.write_json(tmp_path / f"{name}.json", {"schema_version": 2})
    with pytest.raises(BenchError, match=rf"The {name} document lacks .*resale-bench {name}"):
        store.read_run(tmp_path)


def test_optional_documents_are_read_and_handed_to_the_report(tmp_path: Path) -> None:
    whole_run(tmp_path)
    assert store.read_run(tmp_path).load is None
    load, live = make_load(), make_live()
    for name, document in (("load", load), ("live", live)):
        store.write_json(tmp_path / f"{name}.json", document)
    report = documents.report_of(load_study(), store.read_run(tmp_path))
    assert (report.load, report.live, report.capacity) == (load, live, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "load.json is not JSON"),
        ("{}", "load.json lacks schema_version"),
    ],
)
def test_a_damaged_optional_document_is_said(tmp_path: Path, text: str, said: str) -> None:
    whole_run(tmp_path)
    (tmp_path / "load.json").write_text(text)
    with pytest.raises(BenchError, match=said):
        store.read_run(tmp_path)


def test_words_for_names_and_rates() -> None:
    assert request_title("checkout: 409", {"checkout": "Checkout"}) == "Checkout: 409"
    assert request_title("log_in", {}) == "Log in"
    capacity = make_capacity()
    before = [point for point in capacity.points if point.arm == "before"]
    assert [holds_text(point) for point in before] == ["410/s", "38/s", "below 0.5/s"]
    assert level_text(capacity.service_level) == (
        "p99 within 250\N{NO-BREAK SPACE}ms, errors below 0.1\N{NO-BREAK SPACE}%"
    )
    title = capacity_section.title(capacity, Arms.of(load_study()))
    assert title.startswith("With 100,000 products")


def test_a_terminal_has_the_tables_and_what_is_wrong() -> None:
    arms = Arms.of(load_study())
    load = make_load(
        valid=False,
        invalid_because=["Something else was offered."],
        invariants={"held": False, "violations": ["after: [x] stands alone."], "checked": 1},
    )
    told = plain(blocks_text(load_blocks(load, arms, {}), width=150))
    for words in (
        "This load is invalid.", "- Something else was offered.",
        "Rules of the study were violated", "- after: [x] stands alone.",
        "Events recent", "7.8 s → 2.47 ms", "Events recent: Errors. 2 timed out → none.",
        "◌ not judged", "violated afterwards (1 checks)",
    ):  # fmt: skip
        assert words in told
    broken = {"held": False, "violations": ["[y] stands alone."], "checked": 1}
    told = plain(
        blocks_text(capacity_blocks(make_capacity(invariants=broken), arms, {}), width=120)
    )
    for words in ("- [y] stands alone.", "▼ refuted", "below 0.5/s", "where the search ends"):
        assert words in told


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=8),
    st.floats(1, 12),
)
def test_labels_are_moved_apart_and_keep_their_order(places: list[float], gap: float) -> None:
    moved_to = spread_out(places, gap, 0, 100)
    order = sorted(range(len(places)), key=lambda i: places[i])
    for one, other in pairwise(order):
        assert moved_to[other] - moved_to[one] >= gap - 1e-6
    if all(b - a >= gap for a, b in pairwise(sorted(places))):
        assert moved_to == pytest.approx(places)
    assert min(moved_to) >= -1e-6


@given(st.floats(1e2, 1e10), st.floats(1.01, 1e7))
def test_logarithmic_ticks_are_few_and_inside(low: float, factor: float) -> None:
    limits = log_limits([low, low * factor])
    assert limits[0] < low <= low * factor < limits[1] * (1 + 1e-9)
    ticks = log_ticks(*limits, most=5)
    assert 1 <= len(ticks) <= 5
    assert all(limits[0] <= tick <= limits[1] for tick in ticks)
    assert ticks == sorted(set(ticks))


@given(st.floats(0.01, 1e5))
def test_linear_ticks_begin_at_nought_and_are_few(high: float) -> None:
    ticks = linear_ticks(0, high, most=6)
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 7
    assert ticks[-1] <= high * (1 + 1e-6)


def test_a_sentence_that_is_judged_twice_says_so_in_both_places() -> None:
    report = make_felt()
    assert report.capacity is not None
    by_load = {claim.id: claim.verdict for claim in report.capacity.claims}
    by_query = {claim.id: claim.verdict for claim in report.claims.claims if claim.id in by_load}
    assert by_query, "no sentence of these documents is judged twice"
    html = undrawn(report)
    for name, verdict in by_query.items():
        assert f'<a href="#capacity-{name}">judged under load</a>: {by_load[name]}.' in html
        assert f'<a href="#claim-{name}">Query by query</a> it is {verdict}.' in html
    alone = undrawn(replace(report, capacity=None))
    assert "judged under load" not in alone
