from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from matplotlib.patches import Rectangle

from bench.report import palette, plots
from bench.report.contents import render_markdown
from bench.report.plots.canvas import fit, wrap
from tests.bench.fixtures.show_report import NASTY, make_report, unmeasure

SVG = "{http://www.w3.org/2000/svg}"


def _texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return ["".join(node.itertext()).strip() for node in root.iter(f"{SVG}text")]


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    figures = plots.make_figures(make_report())
    return {name: plots.to_svg(figure, name=name) for name, figure in figures.items()}


def test_text_can_be_selected(drawn: dict[str, str]) -> None:
    texts = _texts(drawn["operations"])
    for entry in make_report().comparison.operations:
        assert entry.title in texts
    assert "▼ 5.33× slower" in texts
    assert "5.26 to 5.41" in texts


def test_the_axis_of_time_has_powers_of_ten_with_units(drawn: dict[str, str]) -> None:
    texts = [text.replace("\N{NO-BREAK SPACE}", " ") for text in _texts(drawn["operations"])]
    for label in ("100 µs", "1 ms", "10 ms", "100 ms", "1 s"):
        assert texts.count(label) == 2, "above and below"


def test_titles_say_what_is_shown(drawn: dict[str, str]) -> None:
    assert "3 queries and 4 writes got slower, 14 queries got faster" in _texts(drawn["operations"])
    assert "2 of 6 promised speedups hold for every query they name" in _texts(drawn["claims"])
    assert "idx_analytics_event_type cost most" in " ".join(_texts(drawn["indexes"]))
    assert _texts(drawn["writes"])[0:1]
    assert any(text.startswith("4 of 5 writes got slower") for text in _texts(drawn["writes"]))


def test_the_same_report_gives_the_same_bytes(drawn: dict[str, str]) -> None:
    again = plots.make_figures(make_report())
    assert plots.to_svg(again["operations"], name="operations") == drawn["operations"]
    first, second = (
        plots.to_png(plots.make_figures(make_report())["writes"], dpi=60) for _ in "ab"
    )
    assert first == second
    assert first.startswith(b"\x89PNG")


def test_a_drawing_carries_no_date_no_address_to_fetch_and_no_rule_for_the_page(
    drawn: dict[str, str],
) -> None:
    for svg in drawn.values():
        assert svg.startswith("<svg")
        assert "<style" not in svg
        assert "<metadata" not in svg
        assert "<image" not in svg
        for reference in re.findall(r'href="([^"]*)"', svg):
            assert reference.startswith("#")


def test_drawings_on_one_page_share_no_identifier() -> None:
    seen: set[str] = set()
    for narrow in (False, True):
        for name, figure in plots.make_figures(make_report(), narrow=narrow).items():
            found = set(re.findall(r' id="([^"]*)"', plots.to_svg(figure, name=f"{name}-{narrow}")))
            assert not seen & found
            seen |= found


def test_a_band_spans_the_times_that_the_claim_promises() -> None:
    axes = plots.dumbbell.operations_dumbbell(make_report()).axes[0]
    spans = [
        (patch.get_x(), patch.get_x() + patch.get_width())
        for patch in axes.patches
        if isinstance(patch, Rectangle)
    ]
    assert (pytest.approx(872e6 / 100), pytest.approx(872e6 / 50)) in spans
    assert (pytest.approx(14.2e6 / 10), pytest.approx(14.2e6 / 5)) in spans


def test_names_with_markup_are_text_in_the_drawing() -> None:
    def change(values: dict[str, Any]) -> None:
        values["comparison"]["operations"][1]["title"] = "a$b$ <b>"

    report = make_report(change, nasty=True)
    svg = plots.to_svg(plots.dumbbell.operations_dumbbell(report), name="operations")
    assert "<script" not in svg
    assert "a$b$ <b>" in _texts(svg)
    assert any(text.startswith(NASTY[:10]) for text in _texts(svg))


def test_colours_follow_the_page() -> None:
    svg = plots.to_svg(plots.dumbbell.operations_dumbbell(make_report()), name="operations")
    for variable in ("--ink", "--before", "--after", "--recommended", "--slower", "--band"):
        assert f"var({variable}, #" in svg
    assert set(palette.DARK) == set(palette.VARIABLES)


def _lightness(colour: str) -> float:
    """Relative luminance after WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_lightness(one), _lightness(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_before_and_after_differ_in_lightness_and_text_stands_out() -> None:
    assert _contrast(palette.BEFORE, palette.AFTER) > 3
    for table in ({name: name for name in palette.VARIABLES}, palette.DARK):
        paper = table[palette.PAPER]
        for colour in (palette.INK, palette.MUTED, palette.SLOWER):
            assert _contrast(table[colour], paper) >= 4.5
        assert _contrast(table[palette.CONTROL], paper) >= 3


def test_nothing_to_draw_gives_no_picture() -> None:
    def change(values: dict[str, Any]) -> None:
        values["claims"]["claims"] = []
        operations = values["comparison"]["operations"]
        operations[:] = [entry for entry in operations if entry["kind"] == "read"]

    report = make_report(change)
    report = replace(report, migration=report.migration.model_copy(update={"arms": ()}))
    assert set(plots.make_figures(report)) == {"operations"}


def test_claims_that_promise_no_speedup_have_no_place_for_a_picture() -> None:
    def change(values: dict[str, Any]) -> None:
        claims = values["claims"]["claims"]
        claims[:] = [claim for claim in claims if claim["kind"] == "fact"]

    report = make_report(change)
    assert report.claims.claims
    assert "claims" not in plots.make_figures(report)
    assert "claims.png" not in render_markdown(report)


def test_a_run_in_which_nothing_got_slower_says_so() -> None:
    def change(values: dict[str, Any]) -> None:
        for entry in values["comparison"]["operations"]:
            for pair in entry["comparisons"]:
                pair["verdict"] = "same"

    svg = plots.to_svg(plots.dumbbell.operations_dumbbell(make_report(change)), name="operations")
    assert "Nothing got slower, 0 queries got faster" in _texts(svg)


def test_long_texts_are_broken_or_cut() -> None:
    assert fit("short", 10, 100) == "short"
    assert fit("x" * 90, 10, 100) == "x" * 19 + "…"
    assert all(len(line) <= 17 for line in wrap("one two three four five six", 10, 100))
    assert wrap("", 10, 100) == []


def test_the_axis_holds_every_band_and_interval() -> None:
    axes = plots.dumbbell.operations_dumbbell(make_report()).axes[0]
    low, high = axes.get_xlim()
    for patch in axes.patches:
        assert isinstance(patch, Rectangle)
        if patch.get_edgecolor()[3] == 0:
            # Paper below the key.
            continue
        assert low < patch.get_x() < patch.get_x() + patch.get_width() < high
    for entry in make_report().comparison.operations:
        for arm in entry.arms.values():
            assert arm.ci95_ns is not None
            assert low < arm.ci95_ns[0] <= arm.ci95_ns[1] < high


def test_a_write_that_is_not_decided_shows_its_interval_as_the_axis_has_it() -> None:
    def change(values: dict[str, Any]) -> None:
        entry = next(e for e in values["comparison"]["operations"] if e["name"] == "write_log")
        entry["comparisons"][0] |= {"ci95": [0.5, 0.8], "speedup": 0.7, "verdict": "inconclusive"}

    report = make_report(change)
    assert "◌ inconclusive  (1.25 to 2×)" in _texts(plots.to_svg(plots.cost.write_tax(report)))
    assert "0.5 to 0.8×" in _texts(plots.to_svg(plots.dumbbell.operations_dumbbell(report)))


def test_an_operation_that_was_not_measured_has_a_row_without_a_mark() -> None:
    report = make_report(lambda values: unmeasure(values, "write_log", "no rows"))
    texts = _texts(plots.to_svg(plots.dumbbell.operations_dumbbell(report)))
    assert "Write a log row" in texts
    assert "not measured" in texts
    assert "Write a log row" not in _texts(plots.to_svg(plots.cost.write_tax(report)))
