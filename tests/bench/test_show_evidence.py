"""What the report shows of ablation, statistics, cost, growth and the recommended migration."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.report import units
from bench.report.blocks import Badge, Table, Text
from bench.report.contents import page_of, render_markdown
from bench.report.plots import DRAWINGS, to_svg
from bench.report.plots.marks import strength
from bench.report.run_report import Report
from bench.report.sections import ablation as indexes
from bench.report.sections import statistics as states
from bench.report.sections.cost import built, cost_section
from bench.report.sections.growth import chosen, exponent_text, growing, ordered, title
from bench.report.terminal import section_text
from bench.report.text import number_word, short_effect, steps_effect, titled
from bench.results.ablation import Ablation
from bench.results.cost import Cost
from bench.results.documents import MODELS
from bench.results.growth import Growth
from bench.results.recommended import Recommended
from bench.results.statistics import Statistics
from tests.bench import tips
from tests.bench.fixtures.evidence_ablation import make_ablation
from tests.bench.fixtures.evidence_cost import make_cost
from tests.bench.fixtures.evidence_documents import make_evidence
from tests.bench.fixtures.evidence_growth import make_growth
from tests.bench.fixtures.evidence_recommended import make_recommended
from tests.bench.fixtures.evidence_statistics import make_statistics
from tests.bench.fixtures.show_report import NASTY, make_report, undrawn
from tests.bench.test_show_html import Page
from tests.bench.test_show_load import drawn_in_page, plain, texts

NAMES = ("cost", "ablation", "statistics", "growth", "recommended")
PICTURES = ("ablation", "statistics", "growth", "indexes")
MAKERS = {
    "cost": make_cost,
    "ablation": make_ablation,
    "statistics": make_statistics,
    "growth": make_growth,
    "recommended": make_recommended,
}
SECTIONS = {"recommended": "advice"}


def typed(name: str, document: dict[str, Any]) -> Any:
    """A document as a run that was read holds it."""
    return MODELS[name].read(document, name=name, command="evidence --run results/run")


def files(report: Report) -> set[str]:
    """The files that the page says its figures stand in, but for those that every run has."""
    named = set(re.findall(r"(\w+)\.json", page_of(report).footer))
    return named - {"run", "comparison", "claims", "migration"}


def section(html: str, name: str) -> str:
    start = html.index(f'<section id="{name}"')
    return plain(html[start : html.index("</section>", start)])


def row(html: str, head: str) -> str:
    """The first row of a table whose head holds that text."""
    found = re.search(rf"<tr[^>]*>\s*<th scope=\"row\">(?:(?!</th>).)*{head}.*?</tr>", html, re.S)
    assert found, head
    return plain(re.sub(r"<[^>]+>", " ", found.group(0)))


@pytest.fixture(scope="module")
def report() -> Report:
    return make_evidence()


@pytest.fixture(scope="module")
def html(report: Report) -> str:
    return undrawn(report)


@pytest.fixture(scope="module")
def drawn(report: Report) -> dict[str, str]:
    return {
        f"{name}{'-narrow' if narrow else ''}": to_svg(figure, name=name)
        for name in PICTURES
        for narrow in (False, True)
        if (figure := DRAWINGS[name](report, narrow=narrow)) is not None
    }


def test_a_run_without_evidence_shows_its_cost_only() -> None:
    bare = make_report()
    html = undrawn(bare)
    assert "<section id=" in html
    for name in ("ablation", "statistics", "growth", "advice"):
        assert f'id="{name}"' not in html
        assert f'href="#{name}"' not in html
    for name in ("ablation", "statistics", "growth"):
        assert DRAWINGS[name](bare) is None
    cost = section(html, "cost")
    assert "The indexes as a table" in cost
    assert "The bill of a month" not in cost
    assert "What statistics do" not in render_markdown(bare)
    assert files(bare) == set()


@pytest.mark.parametrize("name", NAMES)
def test_each_document_can_stand_alone(name: str) -> None:
    report = replace(make_report(), **{name: typed(name, MAKERS[name]())})
    html = undrawn(report)
    shown = {n for n in ("ablation", "statistics", "growth", "advice") if f'id="{n}"' in html}
    assert shown == {SECTIONS.get(name, name)} - {"cost"}
    assert f"{name}.json" in html
    assert files(report) == {name}
    Page(html)
    render_markdown(report)


def test_the_parts_stand_in_their_order(html: str) -> None:
    names = ("claims", "cost", "ablation", "statistics", "growth", "advice", "method")
    places = [html.index(f'<section id="{name}"') for name in names]
    assert places == sorted(places)
    for name in names:
        assert f'href="#{name}"' in html
    Page(html)


@pytest.mark.parametrize("name", NAMES)
def test_a_document_that_lacks_something_is_named(name: str) -> None:
    document = MAKERS[name]()
    document.pop({"cost": "bill", "ablation": "arm", "recommended": "verdict"}.get(
        name, "operations"))  # fmt: skip
    with pytest.raises(BenchError, match=f"The {name} document lacks.*resale-bench evidence"):
        typed(name, document)


def test_nothing_of_a_document_becomes_markup() -> None:
    nasty = make_evidence(nasty=True)
    html = undrawn(nasty)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 20
    Page(html)
    markdown = render_markdown(nasty)
    outside = "\n".join(line for line in markdown.splitlines() if not line.startswith("    "))
    assert "<script>" not in re.sub(r"(`+)[^`].*?\1", "", outside).replace("\\<", "")
    for name in PICTURES:
        figure = DRAWINGS[name](nasty)
        assert figure is not None
        assert "<script" not in to_svg(figure)


# ------------------------------------------------------------------ ablation


def test_indexes_stand_by_verdict(report: Report) -> None:
    found = report.ablation
    assert found is not None
    assert [verdict for verdict, _ in indexes.groups(found)] == list(indexes.ORDER)
    assert indexes.ordered(found)[0].name == "idx_analytics_timestamp"
    assert indexes.title(found) == (
        "Two of fourteen indexes earn nothing, one does more harm than good, one helps and harms"
    )
    assert indexes.answer(found) == (
        "Untested: idx_stock_moves_order; dead weight: idx_analytics_daily_date, "
        "idx_analytics_daily_type; harmful: idx_sell_submissions_status; "
        "mixed: idx_analytics_event_type; nine pay."
    )


@pytest.mark.parametrize(
    ("verdicts", "title"),
    [
        (["pays", "pays"], "Each of two indexes pays"),
        (["pays"], "The one index pays"),
        (["harmful"], "The one index does more harm than good"),
        (["untested", "pays"], "One of two indexes pays"),
        (["dead weight", "pays"], "One of two indexes earns nothing, one pays"),
        (["harmful", "harmful"], "Two of two indexes do more harm than good"),
        (["mixed", "dead weight"], "One of two indexes earns nothing, one helps and harms"),
        (["untested", "untested"], "No index was put to the test"),
    ],
)
def test_the_title_counts_from_the_document(verdicts: list[str], title: str) -> None:
    document = make_ablation()
    document["indexes"] = [
        entry | {"verdict": verdict}
        for entry, verdict in zip(document["indexes"], verdicts, strict=False)
    ]
    assert indexes.title(Ablation.model_validate(document)) == title


def test_operations_that_no_index_touches_are_a_sentence(report: Report, html: str) -> None:
    assert report.ablation is not None
    touched = {operation.name for operation in indexes.touched(report.ablation)}
    assert "events_by_type_since" in touched
    assert "order_history" not in touched
    assert len(report.ablation.operations) - len(touched) == 11
    assert "Eleven operations do the same whichever index is left out" in section(html, "ablation")


def test_an_index_row_says_what_it_does(html: str) -> None:
    part = section(html, "ablation")
    text = row(part, "event_<wbr>type")
    assert re.search(r"◐\s*mixed", text)
    assert "Track 10 events +44" in text
    assert "181 MB" in text
    harmed = row(part[part.index("event_<wbr>type") :], "Newest events of one type")
    assert "▼" in harmed
    assert "÷51,300" in harmed
    assert "35,300× slower with it (33,700 to 36,800)" in harmed


def test_the_heat_map_has_a_figure_in_each_cell(report: Report, drawn: dict[str, str]) -> None:
    found = report.ablation
    assert found is not None
    for name in ("ablation", "ablation-narrow"):
        words = texts(drawn[name])
        for index in found.indexes:
            assert any(index.name in text for text in words), index.name
        # In the map colour and ▼ tell which way it goes; the list has room for signs.
        narrow = name == "ablation-narrow"
        assert ("÷51k" in " ".join(words)) == narrow
        assert "51k" in " ".join(words)
        # A hundred thousand times is wider than a cell; its tip and the table tell it exactly.
        assert ("×135k" if narrow else "10⁵") in " ".join(words)
        assert any("▼" in text for text in words)
        # Steps go the other way, so the time stands there.
        assert ("÷1.6t" if narrow else "1.6t") in " ".join(words)
        cells = sum(len(indexes.cells_of(found, index.name)) for index in found.indexes)
        cells += sum(len(indexes.pair_cells(found, pair)) for pair in found.pairs)
        assert len(tips.texts(drawn[name])) == cells
        assert "<pattern" in drawn[name]
    assert [t for t in tips.texts(drawn["ablation"]) if t.startswith("Newest events\nhelps: ×135")]


def test_colours_of_a_cell_follow_the_page(drawn: dict[str, str]) -> None:
    for name in PICTURES:
        colours = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", drawn[name]))
        assert not colours, (name, colours)


@given(st.floats(1e-9, 1e9))
def test_a_cells_colour_keeps_its_words_readable(ratio: float) -> None:
    assert 0.1 <= strength(ratio) <= 0.56
    assert strength(ratio) == pytest.approx(strength(1 / ratio))


@given(st.floats(1e-7, 1e7))
def test_an_effect_is_short_and_keeps_its_way(ratio: float) -> None:
    text = short_effect(ratio)
    assert len(text) <= 6
    assert text[0] == ("×" if ratio >= 1 else "÷")
    number = float(text[1:].rstrip("kM")) * {"k": 1e3, "M": 1e6}.get(text[-1], 1)
    assert number == pytest.approx(max(ratio, 1 / ratio), rel=0.06)
    assert steps_effect(ratio)[0] == text[0]


def test_effects_that_are_not_there_are_a_dash() -> None:
    assert short_effect(None) == steps_effect(None) == steps_effect(0.0) == units.DASH


# ------------------------------------------------------------------ statistics


def test_what_statistics_move_stands_first(report: Report, html: str) -> None:
    found = report.statistics
    assert found is not None
    assert [moved.name for moved in states.moved_operations(found)][:2] == [
        "events_by_type_since",
        "events_count_by_type_since",
    ]
    assert states.title(found).startswith(
        "PRAGMA optimize, as D1 advises mends no operation, slows none;"
    )
    part = section(html, "statistics")
    assert part.index("changes nothing for events_by_type_since") < part.index("<table")
    flipped = row(part, "Events of one type, 7 days")
    assert "≠ 68.8 µs ▲ 17,600× faster (17,200 to 18,000)" in re.sub(r"\s+", " ", flipped)
    assert "A low-cardinality index is chosen" in part
    assert "Twenty-one operations keep plan and time" in part
    assert "PRAGMA optimize=0x10002" in part
    # A flipped plan stands beside the one without statistics, a plan that stays does not.
    plans = part.split("<summary>Plans")[1:]
    assert len(plans) == 3
    assert all(p.split("</details>")[0].count("<pre") == 3 for p in plans)


def test_statistics_that_move_nothing_are_said() -> None:
    document = make_statistics()
    for operation in document["operations"]:
        for seen in operation["states"].values():
            seen["flipped"] = False
        for pair in operation["comparisons"]:
            pair["verdict"] = "same"
    found = Statistics.model_validate(document)
    report = replace(make_report(), statistics=found)
    assert states.title(found) == "Statistics change neither a plan nor a time"
    assert DRAWINGS["statistics"](report) is None
    assert "statistics" not in drawn_in_page(report)
    assert "Twenty-six operations keep plan and time" in section(undrawn(report), "statistics")


def test_the_matrix_picture_marks_flips(drawn: dict[str, str]) -> None:
    for name in ("statistics", "statistics-narrow"):
        words = texts(drawn[name])
        assert "≠ ▲ ×18k" in words
        assert "≠ ▼ ×1.7" in words
        assert "68.8 µs" in words


# ------------------------------------------------------------------ cost


def test_the_bill_begins_the_cost(html: str) -> None:
    part = section(html, "cost")
    assert "A month costs $388 before, $80.7 after, $40 recommended." in part
    bill = row(part, "after")
    for cell in ("61.4 G", "92.5 M", "2.38", "$36.4", "$42.5", "$1.79", "$80.7"):
        assert cell in bill
    pays = row(part, "analytics_<wbr>user")
    for cell in ("Events of one user", "10 M", "Track 10 events", "10", "0.001"):
        assert cell in pays
    assert "none" in row(part, "daily_<wbr>date")
    assert "171 µs, 40 rows" in " ".join(row(part, "Track 10 events").split())
    assert "1.45× slower" in row(part, "Track 10 events")
    index = row(part, "event_<wbr>type")
    assert "6.4 s" in index
    assert "◐" in index


def test_indexes_are_painted_by_their_verdict(report: Report, drawn: dict[str, str]) -> None:
    words = texts(drawn["indexes"])
    assert "◐ idx_analytics_event_type" in words
    assert "idx_analytics_event_type_timestamp" in words
    bare = DRAWINGS["indexes"](make_report())
    assert bare is not None
    assert "idx_analytics_event_type" in texts(to_svg(bare))
    assert report.cost is not None
    shown = built(report.arms, report.cost, report.migration)
    assert len(shown) == len(report.cost.indexes)


def test_one_index_is_told_in_the_singular() -> None:
    report = make_report()
    migration = report.migration
    after = migration.arms[1].model_copy(update={"statements": migration.arms[1].statements[:1]})
    one = migration.model_copy(update={"arms": (migration.arms[0], after)})
    figure = DRAWINGS["indexes"](replace(report, migration=one))
    assert figure is not None
    title = "The migration built one index, idx_password_resets_user: 4 ms and 300 kB"
    assert title in " ".join(plain(to_svg(figure)).split())


def test_prices_come_from_cost_json_where_there_is_one(report: Report) -> None:
    document = make_cost()
    document["indexes"][0]["build_ns"] = 77_000_000_000
    first = built(report.arms, Cost.model_validate(document), report.migration)[0]
    assert (first.build_ns, first.source) == (77_000_000_000, "cost.json#/indexes/0")
    assert first.priced is not None


def test_an_index_stands_under_the_first_arm_that_builds_it(report: Report) -> None:
    found = built(report.arms, None, report.migration)
    assert len(found) == 16
    assert [index.arm for index in found[-2:]] == ["recommended"] * 2
    times = [index.build_ns for index in found if index.arm == "after"]
    assert times == sorted(times, reverse=True)
    assert all(resolve(report, index.source)["object"] == index.name for index in found)


def test_cost_alone_is_told_without_a_run(report: Report) -> None:
    shown = cost_section(report.arms, cost=report.cost)
    captions = [block.caption for block in shown.blocks if isinstance(block, Table)]
    assert "One execution of each write: median time and rows written" in captions
    assert "Each arm's migration" not in captions
    assert shown.blocks[0] == Text(
        "A month costs $388 before, $80.7 after, $40 recommended.", "answer", "cost.json#/bill"
    )


def test_a_write_that_is_not_decided_has_its_word_and_its_ratio(report: Report) -> None:
    shown = cost_section(report.arms, cost=report.cost)
    [times] = [b for b in shown.blocks if isinstance(b, Table) and b.source == "cost.json#/writes"]
    [checkout] = [row for row in times.rows if row.head == "Checkout"]
    badge, *rest = checkout.cells[-1]
    assert isinstance(badge, Badge)
    assert badge.words == "inconclusive"
    assert "".join(map(str, rest)).replace("\N{NO-BREAK SPACE}", " ") == " (0.909 to 0.946×)"


def test_what_a_page_can_hide_stands_in_other_formats_where_it_is_all_there_is(
    report: Report,
) -> None:
    told = (
        render_markdown(report),
        section_text(cost_section(report.arms, cost=report.cost), width=150),
    )
    for text in told:
        assert "Price of each index" in text
        assert "Rows read by one execution" not in text


# ------------------------------------------------------------------ growth


def test_what_grows_stands_first(report: Report, html: str) -> None:
    found = report.growth
    assert found is not None
    assert ordered(found, report.arms)[0].name == "events_newest_of_type"
    assert title(found, report.arms) == (
        "After the migration ten operations still grow in step with the data; recommended: four"
    )
    part = section(html, "growth")
    assert "1.07 (1.05 to 1.10)" in row(part, "Newest events of one type")
    assert row(part, "Stock moves of a product").count("–") == 1
    assert "10,000,000 events" in part


def test_a_picture_shows_what_grows_and_what_was_mended(report: Report) -> None:
    found = report.growth
    assert found is not None
    shown = chosen(found, report.arms, 9)
    assert len(shown) == 9
    grow = growing(found, report.arms, "after")
    assert len([o for o in shown if o in grow]) == 6
    mended = [{grown.word for grown in o.arms.values()} for o in shown if o not in grow]
    assert all(len(words - {"undecided"}) > 1 for words in mended)
    every = [o.name for o in chosen(found, report.arms, 100)]
    assert len(every) == len(set(every))


def test_growth_lines_bear_their_exponents(drawn: dict[str, str]) -> None:
    for name in ("growth", "growth-narrow"):
        words = texts(drawn[name])
        assert {"1.07", "1.04", "before", "recommended", "10k", "10M"} <= set(words)
        assert any("exponent 1.07 (1.05 to 1.10), linear" in t for t in
                   (plain(text) for text in tips.texts(drawn[name])))  # fmt: skip


def test_exponents_have_two_decimals_and_no_minus_nought() -> None:
    assert exponent_text(-0.001, (-0.004, 0.02)) == "0.00 (0.00 to 0.02)"
    assert exponent_text(-0.5, None) == "\N{MINUS SIGN}0.50"
    assert exponent_text(None, None) == units.DASH


def test_one_size_is_not_drawn() -> None:
    document = make_growth()
    document["points"] = document["points"][:1]
    report = replace(make_report(), growth=Growth.model_validate(document))
    assert DRAWINGS["growth"](report) is None
    assert "growth" not in drawn_in_page(report)
    assert 'id="growth"' in undrawn(report)


# ------------------------------------------------------------------ what to do


def test_the_migration_can_be_copied(report: Report, html: str) -> None:
    part = section(html, "advice")
    blocks = re.findall(r"<pre[^>]*>(.*?)</pre>", part, re.DOTALL)
    assert report.recommended is not None
    sql = report.recommended.migrations[0].sql.strip()
    assert blocks[0].replace("&#39;", "'") == sql
    assert "ANALYZE;\nDELETE FROM sqlite_stat4;" in blocks[-1]
    assert "    CREATE INDEX idx_sell_submissions_status_created" in render_markdown(report)


def test_what_becomes_of_each_index_and_what_it_wins(html: str) -> None:
    part = section(html, "advice")
    assert part.index("+</span> added") < part.index("−</span> dropped")
    assert part.index("−</span> dropped") < part.index("●</span> kept")
    assert "No operation is slower than before or after" in part
    assert re.search(r"▼</span> slower</span>: none", part)
    assert "eighteen operations" in part
    assert 'href="#op-events_by_type_since"' in part


# ------------------------------------------------------------------ where figures stand


def resolve(report: Report, source: str) -> Any:
    """What a source points at; fails where there is nothing."""
    name, _, pointer = source.partition(".json#")
    found = getattr(report, name).json_values()
    for part in pointer.split("/")[1:]:
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        found = found[int(key)] if isinstance(found, list) else found[key]
    return found


@pytest.mark.parametrize("nasty", [False, True])
def test_every_row_names_a_place_that_is_there(nasty: bool) -> None:
    report = make_evidence(nasty=nasty)
    html = undrawn(report)
    part = html[html.index('<section id="cost"') : html.index('<section id="method"')]
    page = Page(part)
    sources = {s for _, a in page.tags if (s := a.get("data-source"))}
    assert len(sources) > 100
    for source in sources:
        for one in source.split():
            json.dumps(resolve(report, one))
    rows = [a for a in page.all("tr") if "data-source" not in a]
    # What is left are heads of tables.
    assert len(rows) == part.count("<thead><tr>")


def test_figures_of_a_row_stand_where_it_says(report: Report, html: str) -> None:
    found = re.findall(r'<tr[^>]*data-source="(cost.json#/bill/\w+)">(.*?)</tr>', html, re.DOTALL)
    assert len(found) == 3
    for source, text in found:
        held = {units.dollars(v) for v in resolve(report, source).values()}
        told = re.findall(r"\$[\d.,]+", text)
        assert len(told) == 4
        assert set(told) <= held


def test_number_words() -> None:
    assert [number_word(n) for n in (0, 5, 14, 20, 21, 40, 99, 100)] == [
        "none", "five", "fourteen", "twenty", "twenty-one", "forty",
        "ninety-nine", "100",
    ]  # fmt: skip


def test_nasty_is_nasty() -> None:
    assert "<script>" in NASTY


def test_sentences_call_operations_by_their_titles() -> None:
    titles = {"checkout": "Checkout", "events_of": "Events", "events_of_day": "Events of one day"}
    told = titled("events_of_day and checkout, not checkout_race, events_of.", titles)
    assert told == "Events of one day and Checkout, not checkout_race, Events."
    assert titled("checkout", {}) == "checkout"


def test_an_index_that_a_later_script_drops_again_is_no_riddle() -> None:
    recommended = make_recommended()
    recommended["migrations"] = [
        {"name": "0003_first", "sql": "CREATE INDEX idx_a ON t (a);\nCREATE INDEX idx_b ON t (b);"},
        {"name": "0007_last", "sql": "DROP INDEX idx_a;\nDROP INDEX idx_older;"},
    ]
    report = replace(make_evidence(), recommended=Recommended.model_validate(recommended))
    part = section(undrawn(report), "advice")
    assert "idx_a is created by 0003_first and dropped again by 0007_last." in part
    assert "idx_b is created" not in part
    assert "dropped again" not in section(undrawn(make_evidence()), "advice")


def test_an_arm_without_indexes_has_no_row_of_noughts(report: Report) -> None:
    cost = make_cost()
    cost["in_all"] = {"before": dict.fromkeys(("indexes", "build_ns", "bytes", "wal_bytes"), 0)} | (
        cost["in_all"]
    )
    shown = cost_section(report.arms, cost=Cost.model_validate(cost))
    [totals] = [b for b in shown.blocks if isinstance(b, Table) and b.source == "cost.json#/in_all"]
    assert [row.head for row in totals.rows] == ["after", "recommended"]
