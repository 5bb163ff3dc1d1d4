"""Every figure of the page stands in the JSON that its row names."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bench import documents
from bench.report import provenance
from bench.report.contents import render_html
from bench.results import store
from bench.study import load_study
from tests.bench.fixtures.show_report import make_report
from tests.bench.sourced import Found, Sources, documents_of, figures, whole_page, whole_report

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
RUNS = ("reference", "whole")


def made(name: str) -> tuple[str, Mapping[str, Any]]:
    """A page and the documents beside it."""
    if name == "whole":
        return whole_page(), documents_of(whole_report())
    html = render_html(documents.report_of(load_study(), store.read_run(REFERENCE)))
    return html, {path.stem: json.loads(path.read_bytes()) for path in REFERENCE.glob("*.json")}


@pytest.fixture(scope="module", params=RUNS)
def run(request: pytest.FixtureRequest) -> tuple[str, list[Found], Sources]:
    html, found = made(request.param)
    return html, figures(html), Sources(found)


def told(missing: list[Found]) -> str:
    return "\n".join(f"{f.text!r} of {f.source}: … {f.around} …" for f in missing[:20])


def test_every_figure_is_found_where_its_row_says(run: tuple[str, list[Found], Sources]) -> None:
    _, found, known = run
    assert len(found) > 1000
    missing = [figure for figure in found if not known.holds(figure)]
    assert not missing, told(missing)


def test_four_hundred_figures_drawn_at_random_have_a_source_that_resolves(
    run: tuple[str, list[Found], Sources],
) -> None:
    _, found, known = run
    for figure in random.Random(20251005).sample(found, 400):
        assert figure.source, figure
        for part in figure.source.split():
            known.resolve(part)
        assert known.holds(figure), figure


def test_a_figure_altered_in_a_row_is_found_out(run: tuple[str, list[Found], Sources]) -> None:
    html, _, known = run
    changed = 0
    for match in re.finditer(r'<td class="n" data-label="before">(\d)(\d*)([^<]*)</td>', html):
        other = str((int(match[1]) + 3) % 10)
        altered = f"{html[: match.start(1)]}{other}{html[match.end(1) :]}"
        end = html.index("</tr>", match.end())
        start = html.rindex("<tr", 0, match.start())
        row = altered[start : end + 5]
        assert not all(known.holds(figure) for figure in figures(row)), row
        changed += 1
    assert changed > 20


def test_altered_figures_seldom_pass_in_rows(run: tuple[str, list[Found], Sources]) -> None:
    # In the part of one row few numbers stand, so one wrong digit nearly always shows.
    _, found, known = run
    rows = [f for f in found if re.fullmatch(r"comparison.json#/operations/\d+", f.source or "")]
    rows = [f for f in rows if re.match(r"\d[\d.,]+ (ns|µs|ms|s)$", f.text)]
    drawn = random.Random(7).sample(rows, 200)
    passed = [f for f in drawn if known.holds(Found(_altered(f.text), f.source, f.around))]
    assert len(passed) <= 10, told(passed)


def _altered(text: str) -> str:
    return f"{(int(text[0]) + 4) % 9 + 1}{text[1:]}"


def test_a_figure_without_a_source_fails() -> None:
    html = '<p>It took 12 ms.</p><p data-source="claims.json#">It took 12 ms.</p>'
    outside, inside = figures(html)
    known = Sources(documents_of(make_report()) | {"claims": {"claims": [], "x_ns": 12_000_000}})
    assert (outside.text, outside.source) == ("12 ms", None)
    assert not known.holds(outside)
    assert known.holds(inside)


class Links(HTMLParser):
    """The sources and the links to JSON of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.links: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.sources += (given.get("data-source") or "").split()
        if tag == "a" and given.get("class") == "json":
            self.links.append(given)

    handle_startendtag = handle_starttag


def test_each_source_resolves_and_has_a_link(run: tuple[str, list[Found], Sources]) -> None:
    html, _, known = run
    page = Links(html)
    for source in page.sources:
        known.resolve(source)
    linked = {str(link["href"]).partition("#")[0] for link in page.links}
    assert {source.partition("#")[0] for source in page.sources} == linked
    for link in page.links:
        assert re.fullmatch(r"[a-z]+\.json#\S*", str(link["href"]))
        assert link["aria-label"]


def steps(pointer: str, values: Mapping[str, Any]) -> Iterator[Any]:
    yield Sources(documents_of(make_report()) | values).resolve(pointer)


@pytest.mark.parametrize("key", ["a/b", "a~b", "a b", "100%", "~1", "ä#"])
def test_names_of_every_kind_are_pointed_to(key: str) -> None:
    source = provenance.at("run", "arms", key, 0)
    assert not re.search(r"\s", source)
    assert list(steps(source, {"run": {"arms": {key: ["found"]}}})) == ["found"]
