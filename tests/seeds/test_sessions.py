"""Lengths of sessions, and days of visits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeds import sessions, stock
from seeds.calendar import DAY_S
from seeds.plan import Plan


@given(
    st.integers(14, 3000),
    st.lists(st.sampled_from([2, 4, 6]), max_size=12),
    st.integers(0, 2**32),
)
def test_lengths_fill_the_day_and_host_every_need(events: int, needs: list[int], seed: int) -> None:
    wanted = np.array(needs, dtype=np.int64)
    rng = np.random.default_rng(seed)
    try:
        length, host = sessions.lengths(rng, events, wanted)
    except ValueError:
        assert wanted.sum() > events
        return
    assert int(length.sum()) == events
    assert length.min() >= 2
    assert len(set(host.tolist())) == len(needs)
    assert np.all(length[host] >= wanted)


def test_a_day_too_short_for_its_orders_is_told() -> None:
    with pytest.raises(ValueError, match="more orders than events"):
        sessions.lengths(np.random.default_rng(1), 10, np.array([6, 6]))


def test_lengths_follow_the_published_lognormal() -> None:
    length, _ = sessions.lengths(np.random.default_rng(5), 1_000_000, np.array([], dtype=np.int64))
    assert np.median(length) == 6
    sigma = np.log(np.quantile(length, 0.84) / 6) / 0.9945
    assert abs(sigma - 1.45) < 0.06


def test_visits_stay_in_their_day_and_end_with_their_order() -> None:
    plan = Plan(0.1)
    for day in (0, 200, 364):
        day_sessions = sessions.sample_day(plan, plan.rng("test", day), day, 2700)
        assert day_sessions.second.min() >= 0
        assert day_sessions.second.max() <= DAY_S - 1
        inside = np.diff(day_sessions.session) == 0
        assert np.all(np.diff(day_sessions.second)[inside] >= 0)
        last = day_sessions.first[day_sessions.order_session + 1] - 1
        ordered = stock.orders(plan).created_s[day_sessions.orders] - day * DAY_S
        assert day_sessions.second[last].tolist() == ordered.tolist()
        assert len(ordered) > 0
    assert day_sessions.second.max() == DAY_S - 1
