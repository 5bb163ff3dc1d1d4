"""What happened in the shop, as arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeds import past
from seeds.calendar import DAY_S
from seeds.plan import Plan

PLAN = Plan(0.002)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40), st.integers(0, 2**32))
def test_weighted_prefix_stays_inside_what_exists(weights: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    existing = rng.integers(1, len(weights) + 1, 200)
    indexes = past.weighted_prefix(rng, np.cumsum(weights), existing)
    assert np.all(indexes >= 0)
    assert np.all(indexes < existing)


def test_weighted_prefix_follows_weights() -> None:
    indexes = past.weighted_prefix(
        np.random.default_rng(1), np.cumsum([1.0, 3.0, 96.0]), np.full(20_000, 2)
    )
    assert np.bincount(indexes, minlength=3)[2] == 0
    assert abs(float(np.mean(indexes == 1)) - 0.75) < 0.02


def test_weighted_prefix_refuses_an_empty_world() -> None:
    with pytest.raises(ValueError, match="exists yet"):
        past.weighted_prefix(np.random.default_rng(1), np.array([1.0]), np.array([0]))


def test_ids_ascend_with_time() -> None:
    for created in (past.accounts(PLAN).created_s, past.catalogue(PLAN).created_s):
        assert np.all(np.diff(created) >= 0)


def test_accounts_act_after_the_day_they_were_opened() -> None:
    accounts = past.accounts(PLAN)
    times = np.arange(0, 365 * DAY_S, 50_000)
    indexes = accounts.sample(np.random.default_rng(2), times)
    assert np.all(accounts.created_s[indexes] < times // DAY_S * DAY_S)


def test_only_brand_new_products_have_several_pieces() -> None:
    catalogue = past.catalogue(PLAN)
    assert catalogue.pieces.min() == 1
    assert set(catalogue.pieces[catalogue.category >= 2]) == {1}


def test_numbers_count_within_the_day() -> None:
    created = np.array([5, 10, DAY_S, 2 * DAY_S, 2 * DAY_S + 1])
    assert past.ordinals(created).tolist() == [1, 2, 1, 1, 2]
    numbers = [past.numbered("ORD", created, index) for index in range(5)]
    assert numbers == [
        "ORD-20241005-00001",
        "ORD-20241005-00002",
        "ORD-20241006-00001",
        "ORD-20241007-00001",
        "ORD-20241007-00002",
    ]
