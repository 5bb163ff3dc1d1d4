"""What marks say: texts ride on artists and come back out of the SVG as they were."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from bench.report.plots import hover
from bench.report.plots.canvas import Board, board, to_svg
from tests.bench import tips

# What XML can hold, in one line that nothing folds.
WORDS = st.text(
    st.characters(categories=("L", "N", "P", "S"), exclude_characters="\0"), min_size=1, max_size=30
)


def sheet(narrow: bool = False) -> Board:
    found = board(narrow=narrow, title="t", note="n", height=80, left=12, right=12)
    found.axes.set(xlim=(0, 10), ylim=(0, 10))
    return found


@given(lines=st.lists(WORDS, min_size=1, max_size=3), source=WORDS)
def test_any_text_and_source_come_back_unharmed(lines: list[str], source: str) -> None:
    canvas = sheet()
    hover.tip(canvas.axes.plot([5], [5], marker="o"), "\n".join(lines), source)
    drawn = hover.layer(canvas.figure)
    assert tips.texts(drawn) == ["\n".join(lines)]
    assert ElementTree.fromstring(drawn)[0].get("data-source") == source


def test_a_picture_without_tips_has_no_layer() -> None:
    assert hover.layer(sheet().figure) == ""
    assert "tips" not in to_svg(sheet().figure)


def boxes(svg: str, kind: str) -> list[tuple[float, float, float, float]]:
    root = ElementTree.fromstring(svg)
    found = [e for e in root.iter() if e.tag.endswith("rect") and e.get("class") == kind]
    if kind == "said":
        groups = [e for e in root.iter() if e.get("class") == "said"]
        found = [next(e for e in group if e.tag.endswith("rect")) for group in groups]
    return [
        (float(e.get("x", 0)), float(e.get("y", 0)), float(e.get("width", 0)),
         float(e.get("height", 0)))
        for e in found
    ]  # fmt: skip


def test_the_hit_area_lies_on_its_mark_and_is_large_enough() -> None:
    canvas = sheet()
    hover.points(canvas.axes, [0, 5, 10], [5, 5, 5], ["first", "second", "third"])
    places = boxes(hover.layer(canvas.figure), "hit")
    middles = [left + wide / 2 for left, _, wide, _ in places]
    assert [round(middle) for middle in middles] == [12, 295, 578]
    assert all(wide >= 9 and high >= 9 for _, _, wide, high in places)


def test_labels_stay_on_the_sheet_however_long_they_are() -> None:
    for narrow, width in ((False, 590), (True, 270)):
        canvas = sheet(narrow)
        hover.points(canvas.axes, [0, 10], [0, 10], ["a word and another " * 9, "x" * 200])
        for left, top, wide, _ in boxes(hover.layer(canvas.figure), "said"):
            assert left >= 0
            assert left + wide <= width
            assert top >= 0


def test_columns_reach_over_the_whole_panel_and_are_not_drawn() -> None:
    canvas = sheet()
    bare = to_svg(sheet().figure)
    hover.spans(canvas.axes, [(0, 5), (5, 10)], ["one", "two"], ["", "load.json#"])
    svg = to_svg(canvas.figure)
    (_, _, wide, high), second = boxes(svg, "hit")
    assert (round(wide), round(high)) == (283, 80)
    assert second[0] > wide
    assert svg.partition('<g class="tips"')[0].count("<path") == bare.count("<path")


def test_what_is_drawn_on_top_is_found_first() -> None:
    canvas = sheet()
    hover.tip(canvas.axes.plot([5], [5], marker="o", zorder=4), "dot")
    hover.tip(canvas.axes.plot([0, 10], [5, 5], zorder=2), "line")
    assert tips.texts(to_svg(canvas.figure)) == ["line", "dot"]


def test_ids_that_carry_tips_do_not_reach_the_page() -> None:
    canvas = sheet()
    hover.tip(canvas.axes.plot([5], [5], marker="o"), "dot")
    assert 'id="tip-' not in to_svg(canvas.figure)
