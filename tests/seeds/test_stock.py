"""Pieces, orders, reservations, submissions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeds import past, stock
from seeds.calendar import DAY_S, NOW_S
from seeds.plan import Plan


@given(st.integers(0, 2**32))
def test_pieces_are_sold_once_and_after_they_came_in(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrived = np.sort(rng.integers(-5 * DAY_S, 5 * DAY_S, 30))
    pieces = rng.integers(1, 4, 30)
    wanted = np.repeat(arrived, pieces) + rng.integers(0, DAY_S, pieces.sum())
    before = int((arrived < 0).sum())
    slots = np.sort(rng.integers(0, 20 * DAY_S, before))
    sold = stock.sell_pieces(arrived, pieces, wanted, slots)
    assert np.all(np.bincount(sold, minlength=30) <= pieces)
    assert np.all(arrived[sold] < slots // DAY_S * DAY_S + 1)


def test_an_empty_shelf_is_told() -> None:
    with pytest.raises(ValueError, match="shelf is empty"):
        stock.sell_pieces(np.array([0]), np.array([1]), np.array([0]), np.array([2, 3]) * DAY_S)


@pytest.mark.parametrize("scale", [0.0005, 0.003])
def test_the_shelf_agrees_with_orders_and_holds(scale: float) -> None:
    plan = Plan(scale)
    left, trade, held = stock.shelf(plan), stock.orders(plan), stock.reservations(plan)
    back = np.isin(trade.status, (past.CANCELLED, past.RETURNED))[trade.item_order]
    count = plan.counts["products"]
    sold = np.bincount(trade.item_product[~back], minlength=count)
    holds = np.bincount(held.product[held.status == 0], minlength=count)
    assert np.array_equal(left.quantity, past.catalogue(plan).pieces - sold - holds)
    assert left.quantity.min() >= 0
    assert np.all(
        (left.status[left.on_sale] == stock.AVAILABLE) & (left.quantity[left.on_sale] > 0)
    )


@pytest.mark.parametrize("scale", [0.0005, 0.003])
def test_reservations_lie_between_arrival_and_now(scale: float) -> None:
    plan = Plan(scale)
    held = stock.reservations(plan)
    assert len(held.product) == plan.counts["product_reservations"]
    assert np.all(held.created_s >= past.catalogue(plan).created_s[held.product])
    ended = held.status >= 2
    assert np.all(held.created_s[ended] + DAY_S <= NOW_S)
    assert np.all(held.created_s[held.status == 0] + DAY_S > NOW_S)


def test_items_of_paid_submissions_become_later_second_hand_products() -> None:
    plan = Plan(0.003)
    offers, catalogue = stock.submissions(plan), past.catalogue(plan)
    became = offers.item_product >= 0
    product, submission = offers.item_product[became], offers.item_submission[became]
    assert became.sum() > 0
    assert len(np.unique(product)) == len(product)
    assert np.all(catalogue.category[product] >= 2)
    assert np.all(offers.status[submission] == stock.PAID)
    assert np.all(catalogue.created_s[product] > offers.created_s[submission])
