from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_app.errors import NotFound
from reference_app.paging import pack, page, unpack

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@given(TEXTS, st.integers(-(2**63), 2**63 - 1))
def test_a_place_comes_back(text: str, number: int) -> None:
    assert unpack(pack(text, number), str, int) == (text, number)


@given(st.text("ABCDEFabcdef0123456789_-", min_size=1, max_size=80))
def test_what_is_no_cursor_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(NotFound):
        unpack(text, str, int)


@pytest.mark.parametrize("place", [(1,), (1, "x"), ("x", "1"), ("x", True), ("x", 1, 2)])
def test_a_cursor_of_another_list_is_refused(place: tuple[int | str, ...]) -> None:
    with pytest.raises(NotFound):
        unpack(pack(*place), str, int)


def test_numbers_beyond_the_databases_are_refused() -> None:
    with pytest.raises(NotFound):
        unpack(pack(2**63), int)


def test_the_last_page_has_no_next() -> None:
    rows = [{"id": 3}, {"id": 2}, {"id": 1}]
    assert page(rows, 3, "id") == {"items": rows, "next": None}
    first = page(rows, 2, "id")
    assert first["items"] == rows[:2]
    assert unpack(first["next"], int) == (2,)
    assert page([], 3, "id") == {"items": [], "next": None}
