"""Orders, reservations, stock and sell submissions of the seeded shop, as arrays.

An order decides its session among the events, its items and the stock that it takes. A piece is
sold once; the quantity of a product is its intake minus what was sold or reserved.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from seeds import past
from seeds.calendar import DAY_S, NOW_S, YEAR_DAYS
from seeds.past import CANCELLED, COMPLETED, CONFIRMED, PENDING, RETURNED, SHIPPED, Ints
from seeds.scale import Plan

Bools = NDArray[np.bool_]

WANTED_AFTER_DAYS = 60.0
"""Chosen: mean days between a piece's arrival and the demand for it, at median popularity."""
OPEN_OFFERS_SHARE = 0.02
"""Chosen: the newest submissions, which are not answered yet."""

PRODUCT_STATUSES = ("available", "reserved", "sold", "removed")
AVAILABLE, RESERVED, SOLD, REMOVED = range(4)
SUBMISSION_STATUSES = ("pending", "reviewing", "offer_sent", "accepted", "refused",
                       "counter_offer", "received", "paid", "cancelled")  # fmt: skip
OFFER_SENT, PAID = 2, 7
RESERVATION_STATUSES = ("active", "completed", "expired", "cancelled")


@dataclass(frozen=True)
class Orders:
    """Arrays over orders, and over their items (item_order ascends)."""

    created_s: Ints
    user: Ints
    """0-based account, -1 for a guest."""
    status: Ints
    updated_s: Ints
    item_order: Ints
    item_product: Ints
    subtotal_cents: Ints
    shipping_cents: Ints
    first_item: Ints
    """Index of each order's first item; one longer than orders."""


@dataclass(frozen=True)
class Reservations:
    """Arrays over reservations: product and user 0-based, user -1 for a guest."""

    created_s: Ints
    product: Ints
    user: Ints
    status: Ints


@dataclass(frozen=True)
class Shelf:
    """Quantity and status of each product at the end of the year."""

    quantity: Ints
    status: Ints
    on_sale: Ints
    """0-based products that can be bought now."""


@dataclass(frozen=True)
class Submissions:
    """Arrays over sell submissions and their items."""

    created_s: Ints
    user: Ints
    status: Ints
    item_submission: Ints
    item_product: Ints
    """0-based product that the item became, -1 for none."""
    open_offers: Ints
    """0-based submissions with an offer that can be answered now."""


def sell_pieces(arrived_s: Ints, pieces: Ints, wanted_s: Ints, sales_s: Ints) -> Ints:
    """The product sold at each time of ``sales_s``, which ascends.

    A sale takes the piece wanted for longest among those that arrived before its day; a piece is
    sold once. Arrays over products, except ``wanted_s``, which is over pieces in product order.
    Raises ValueError if no piece is left.
    """
    product_of_piece = np.repeat(np.arange(len(pieces)), pieces)
    arrival_day = np.maximum(arrived_s[product_of_piece] // DAY_S + 1, 0).tolist()
    owner, wanted = product_of_piece.tolist(), wanted_s.tolist()
    waiting: list[tuple[int, int]] = []
    taken, nth = [], 0
    for day in (sales_s // DAY_S).tolist():
        while nth < len(owner) and arrival_day[nth] <= day:
            heapq.heappush(waiting, (wanted[nth], owner[nth]))
            nth += 1
        if not waiting:
            raise ValueError("The shelf is empty: plan fewer sales or more pieces.")
        taken.append(heapq.heappop(waiting)[1])
    return np.asarray(taken, dtype=np.int64)


@lru_cache(maxsize=4)
def orders(plan: Plan) -> Orders:
    """The year's orders, their items and states."""
    rng = plan.rng("orders")
    count = plan.counts["orders"]
    created = past.times_in_year(rng, count)
    registered = rng.random(count) < past.REGISTERED_ORDER_SHARE
    user = np.where(registered, past.accounts(plan).sample(rng, created), -1)
    item_order = np.sort(np.concatenate((np.arange(count), np.arange(9, count, 10))))
    catalogue = past.catalogue(plan)
    delay = rng.exponential(WANTED_AFTER_DAYS * DAY_S, int(catalogue.pieces.sum()))
    eager = np.repeat(catalogue.popularity**-0.25, catalogue.pieces)
    wanted = np.repeat(catalogue.created_s, catalogue.pieces) + (delay * eager).astype(np.int64)
    product = sell_pieces(catalogue.created_s, catalogue.pieces, wanted, created[item_order])
    first_item = np.searchsorted(item_order, np.arange(count + 1))
    subtotal = np.add.reduceat(catalogue.price_cents[product], first_item[:-1])
    status = _order_status(rng, created)
    shipping = np.where(rng.random(count) < 0.35, 0, 695)
    updated = np.minimum(created + rng.integers(600, 6 * DAY_S, count), NOW_S)
    updated = np.where(status == PENDING, created, updated)
    return Orders(
        created, user, status, updated, item_order, product, subtotal, shipping, first_item
    )


def _order_status(rng: np.random.Generator, created_s: Ints) -> Ints:
    """The status of orders: final for old ones, in progress for those of the last ten days."""
    luck = rng.random(len(created_s))
    age_s = NOW_S - created_s
    settled = np.where(luck < 0.03, CANCELLED, np.where(luck < 0.06, RETURNED, COMPLETED))
    moving = np.where(age_s < DAY_S, np.where(luck < 0.3, PENDING, CONFIRMED), SHIPPED)
    return np.where(age_s > 10 * DAY_S, settled, moving)


@lru_cache(maxsize=4)
def _after_orders(plan: Plan) -> tuple[Ints, Ints]:
    """(quantity left per product, time of its first sale or NOW_S + 1 if none)."""
    trade, catalogue = orders(plan), past.catalogue(plan)
    gone = ~np.isin(trade.status, (CANCELLED, RETURNED))[trade.item_order]
    sold = np.bincount(trade.item_product[gone], minlength=len(catalogue.pieces))
    first_sale = np.full(len(catalogue.pieces), NOW_S + 1)
    np.minimum.at(first_sale, trade.item_product, trade.created_s[trade.item_order])
    return catalogue.pieces - sold, first_sale


@lru_cache(maxsize=4)
def reservations(plan: Plan) -> Reservations:
    """At most one reservation per product; those of the last 24 hours are active."""
    rng = plan.rng("product_reservations")
    quantity, first_sale = _after_orders(plan)
    created_p = past.catalogue(plan).created_s
    shuffled = rng.permutation(len(quantity))
    never_sold = first_sale > NOW_S
    count = plan.counts["product_reservations"]
    held = shuffled[never_sold[shuffled] & (quantity[shuffled] == 1)]
    active = held[: max(1, count // YEAR_DAYS)]
    others = shuffled[~np.isin(shuffled, active)][: count - len(active)]
    product = np.concatenate((active, others))
    start = np.maximum(created_p, 0)[product]
    sold = ~never_sold[product]
    span = np.maximum(np.minimum(first_sale, NOW_S - DAY_S)[product] - start, 0)
    fractions = rng.random(len(product))
    before_sale = first_sale[product] - (fractions * np.minimum(span, DAY_S)).astype(np.int64)
    created = np.where(sold, before_sale, start + (fractions * span).astype(np.int64))
    is_active = np.arange(len(product)) < len(active)
    created = np.where(is_active, NOW_S - (fractions * (DAY_S - 60)).astype(np.int64), created)
    status = np.where(sold, 1, np.where(rng.random(len(product)) < 0.85, 2, 3))
    status = np.where(is_active, 0, status)
    order = np.argsort(created, kind="stable")
    created = created[order]
    user = past.accounts(plan).sample(rng, created)
    user = np.where(rng.random(len(user)) < 0.8, user, -1)
    return Reservations(created, product[order], user, status[order])


@lru_cache(maxsize=4)
def shelf(plan: Plan) -> Shelf:
    """Quantity and status of every product at the end of the year."""
    rng = plan.rng("shelf")
    quantity = _after_orders(plan)[0].copy()
    held = reservations(plan)
    reserved = held.product[held.status == 0]
    quantity[reserved] -= 1
    status = np.where(quantity > 0, AVAILABLE, SOLD)
    status[(quantity > 0) & (rng.random(len(quantity)) < 0.01)] = REMOVED
    status[reserved] = RESERVED
    return Shelf(quantity, status, np.flatnonzero(status == AVAILABLE))


@lru_cache(maxsize=4)
def submissions(plan: Plan) -> Submissions:
    """The year's sell submissions; items of paid ones became pre-owned products."""
    rng = plan.rng("sell_submissions")
    count = plan.counts["sell_submissions"]
    created = past.times_in_year(rng, count)
    registered = rng.random(count) < past.REGISTERED_SELLER_SHARE
    user = np.where(registered, past.accounts(plan).sample(rng, created), -1)
    settled = rng.choice(9, count, p=(0, 0, 0.04, 0.03, 0.12, 0.03, 0.03, 0.67, 0.08))
    awaiting = np.arange(count)[::-1] < max(1, int(count * OPEN_OFFERS_SHARE))
    rank = np.arange(count)[::-1] % 3
    # Sellers with an open offer are guests or have logged in lately.
    lately = past.logins(plan).newest[user] >= 0
    user = np.where(awaiting & (rank == 0) & ~lately, -1, user)
    status = np.where(awaiting, np.where(rank == 0, OFFER_SENT, rank - 1), settled)
    items = np.repeat(np.arange(count), 2 + np.arange(count) % 2)
    product = _products_of_items(created[items], status[items] == PAID, plan)
    return Submissions(
        created, user, status, items, product, np.flatnonzero(awaiting & (rank == 0))
    )


def _products_of_items(item_created_s: Ints, paid: Bools, plan: Plan) -> Ints:
    """For each item of a paid submission the first free pre-owned product taken in 3 days later."""
    catalogue = past.catalogue(plan)
    second_hand = np.flatnonzero(catalogue.category >= 2)
    candidates = np.flatnonzero(paid)
    wished = np.searchsorted(
        catalogue.created_s[second_hand], item_created_s[candidates] + 3 * DAY_S, side="right"
    )
    nth = np.arange(len(candidates))
    index = np.maximum.accumulate(wished - nth) + nth if len(nth) else nth
    fits = index < len(second_hand)
    product = np.full(len(item_created_s), -1)
    product[candidates[fits]] = second_hand[index[fits]]
    return product
