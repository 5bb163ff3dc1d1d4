from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report import units

positive = st.floats(min_value=1e-3, max_value=1e14, allow_nan=False)


def _digits(text: str) -> str:
    """The significant digits of the first number in a text."""
    number = re.findall(r"[\d.,]+", text)[0].replace(",", "")
    whole = number.replace(".", "").lstrip("0")
    return whole if "." in number else whole.rstrip("0")


@given(positive)
def test_no_number_has_more_than_three_significant_digits(value: float) -> None:
    for text in (units.significant(value), units.duration(value), units.size(value)):
        assert len(_digits(text)) <= 3, text
    assert len(_digits(units.times(value))) <= 3


@given(positive)
def test_what_is_written_is_within_half_a_percent(value: float) -> None:
    written = float(units.significant(value).replace(",", ""))
    assert written == pytest.approx(value, rel=0.0051)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 ns"),
        (740, "740 ns"),
        (35_000, "35 µs"),
        (999_600, "1 ms"),
        (885_123_000, "885 ms"),
        (4_606_000_000, "4.61 s"),
        (59_990_000_000, "1 min"),
        (90_000_000_000, "1.5 min"),
        (None, "–"),
    ],
)
def test_durations_take_the_unit_that_fits(value: float | None, text: str) -> None:
    assert units.duration(value).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(4096, "4.1 kB"), (628_000_000, "628 MB"), (1_999_900_000, "2 GB"), (None, "–")],
)
def test_sizes_count_in_powers_of_a_thousand(value: float | None, text: str) -> None:
    assert units.size(value).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("speedup", "text"),
    [
        (885.4, "885× faster"),
        (19_543, "19,500× faster"),
        (0.1875, "5.33× slower"),
        (1.0, "1×"),
        (1.001, "1×"),
        (None, "–"),
        (0.0, "–"),
        (float("nan"), "–"),
    ],
)
def test_an_effect_is_worded_in_its_direction(speedup: float | None, text: str) -> None:
    assert units.effect(speedup) == text


def test_the_interval_of_a_slowdown_is_turned_round_with_it() -> None:
    assert units.effect_interval(0.2, 0.1, 0.25) == "4 to 10"
    assert units.effect_interval(5, 4, 10) == "4 to 10"


def test_an_interval_that_holds_one_stays_a_ratio() -> None:
    assert units.effect_interval(0.9, 0.7, 1.1) == "0.7 to 1.1×"
    assert units.measured(0.9, 0.7, 1.1) == "0.9×"
    assert units.measured(0.5, 0.4, 0.6) == "2× slower"
    assert units.effect_interval(None, None, None) == ""


def test_a_range_of_one_value_is_written_once() -> None:
    assert units.span(10, 10) == "10"
    assert units.span(10, 100) == "10 to 100"
