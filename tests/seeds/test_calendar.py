"""Days, hours, texts."""

from __future__ import annotations

import datetime as dt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seeds import calendar


@given(st.integers(0, 10**7), st.lists(st.floats(0.001, 1000), min_size=1, max_size=50))
def test_apportion_sums_exactly_and_stays_within_one(total: int, weights: list[float]) -> None:
    shares = calendar.apportion(total, np.array(weights))
    exact = np.array(weights) / sum(weights) * total
    assert int(shares.sum()) == total
    assert np.all(np.abs(shares - exact) < 1 + 1e-6)


@given(st.lists(st.integers(-1095 * 86400, calendar.NOW_S), min_size=1, max_size=30))
def test_texts_say_the_same_as_the_standard_library(seconds: list[int]) -> None:
    rows = calendar.texts_of(np.array(seconds))
    texts = [bytes(row).decode() for row in rows]
    assert texts == [str(calendar.YEAR_START + dt.timedelta(seconds=s)) for s in seconds]
    assert texts[0] == calendar.text_of(seconds[0])


def test_no_times_are_no_texts() -> None:
    assert calendar.texts_of(np.array([], dtype=np.int64)).shape == (0, 19)


def test_the_year_ends_now() -> None:
    assert calendar.text_of(calendar.NOW_S) == calendar.NOW == "2025-10-04 23:59:59"


def test_saturdays_and_sundays_weigh_more() -> None:
    weekend = [dt.date.fromisoformat(calendar.date_of(day)).weekday() >= 5 for day in range(365)]
    assert (calendar.day_weights() > 1.0).tolist() == weekend


def test_hours_follow_the_curve() -> None:
    seconds = calendar.seconds_of_day(np.random.default_rng(1), 200_000)
    assert seconds.min() >= 0
    assert seconds.max() < 86_400
    shares = np.bincount(seconds // 3600, minlength=24) / len(seconds)
    assert np.abs(shares - calendar.hour_shares()).max() < 0.005
