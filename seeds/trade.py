"""Rows of orders, sell submissions and their items."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from seeds import accounts, catalogue, columns, past, stock
from seeds.calendar import DAY_S, NOW_S
from seeds.columns import fixed_text, hex_bytes, integers, join, take, texts, times
from seeds.past import Ints
from seeds.scale import Plan
from seeds.vocabulary import BRANDS, Vocabulary

_PAYMENTS = ("pending", "paid", "refunded")
_ANSWERS = ("accepted", "refused", "counter_offer")
_PENDING, _OFFER_SENT, _ACCEPTED, _RECEIVED, _PAID = (
    stock.SUBMISSION_STATUSES.index(name)
    for name in ("pending", "offer_sent", "accepted", "received", "paid")
)


def _order_numbers(plan: Plan, rows: Ints) -> pa.Array:
    created = stock.orders(plan).created_s
    return columns.numbered("ORD", created[rows], past.ordinals(created)[rows])


def orders(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Orders of accounts and guests, collected or delivered."""
    trade = stock.orders(plan)
    user, status = trade.user[rows], trade.status[rows]
    key = np.where(user >= 0, user, past.FIRST_GUEST_BUYER + rows)
    subtotal, shipping = trade.subtotal_cents[rows], trade.shipping_cents[rows]
    address_parts = accounts.addresses(words, key)
    address = join(
        address_parts["line1"], ", ", address_parts["city"], ", ", address_parts["postcode"]
    )
    payment = np.where(status == past.PENDING, 0, np.where(status >= past.CANCELLED, 2, 1))
    return {
        "order_number": _order_numbers(plan, rows),
        "user_id": pa.array(user + 1, mask=user < 0),
        "customer_name": accounts.full_names(words, key),
        "customer_email": accounts.emails(key),
        "customer_phone": accounts.phones(words, key),
        "fulfilment": take(texts(("collection", "delivery")), (shipping > 0).astype(np.int64)),
        "shipping_address": columns.keep_if(shipping > 0, address),
        "subtotal_cents": pa.array(subtotal),
        "shipping_cents": pa.array(shipping),
        "total_cents": pa.array(subtotal + shipping),
        "status": take(texts(past.ORDER_STATUSES), status),
        "payment_status": take(texts(_PAYMENTS), payment),
        "created_at": times(trade.created_s[rows]),
        "updated_at": times(trade.updated_s[rows]),
    }


def order_items(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """One piece each, at the product's price."""
    trade, products = stock.orders(plan), past.catalogue(plan)
    product = trade.item_product[rows]
    return {
        "order_id": pa.array(trade.item_order[rows] + 1),
        "product_id": pa.array(product + 1),
        "product_name": catalogue.product_names(plan, words, product),
        "size": take(texts(past.SIZES), products.size[product]),
        "quantity": pa.array(np.ones(len(rows), dtype=np.int64)),
        "price_cents": pa.array(products.price_cents[product]),
    }


def idempotency_keys(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """One key for each order."""
    return {
        "key": fixed_text(hex_bytes(rng, len(rows), 32)),
        "request_hash": fixed_text(hex_bytes(rng, len(rows), 64)),
        "order_number": _order_numbers(plan, rows),
        "created_at": times(stock.orders(plan).created_s[rows]),
    }


def sell_submissions(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Sell submissions; the newest offers can still be answered."""
    offers = stock.submissions(plan)
    created, user, status = offers.created_s[rows], offers.user[rows], offers.status[rows]
    key = np.where(user >= 0, user, past.FIRST_GUEST_SELLER + rows)
    pieces = 2 + rows % 2
    seller_price = rng.integers(20, 160, len(rows)) * 100 * pieces
    offered = seller_price * rng.integers(55, 95, len(rows)) // 100
    has_offer = (status >= _OFFER_SENT) & (status <= _PAID)
    sent = np.minimum(created + DAY_S, NOW_S - 60)
    awaited = np.isin(rows, offers.open_offers)
    sent = np.where(awaited, np.maximum(sent, NOW_S - 5 * DAY_S), sent)
    answer = np.where(status >= _RECEIVED, 0, status - _ACCEPTED)
    answer = np.where(has_offer & (status != _OFFER_SENT), answer, -1)
    answered = np.minimum(sent + rng.integers(600, 2 * DAY_S, len(rows)), NOW_S)
    finished = (status == _RECEIVED) | (status == _PAID)
    reviewer = np.where(
        status == _PENDING, -1, rng.integers(0, past.accounts(plan).admins, len(rows))
    )
    updated = np.where(answer >= 0, answered, np.where(has_offer, sent, created))
    message = take(texts(words.sentences), rng.integers(0, len(words.sentences), len(rows)))
    return {
        "batch_id": columns.numbered("BATCH", created, past.ordinals(offers.created_s)[rows]),
        "user_id": pa.array(user + 1, mask=user < 0),
        "contact_name": accounts.full_names(words, key),
        "contact_email": accounts.emails(key),
        "contact_phone": accounts.phones(words, key),
        "status": take(texts(stock.SUBMISSION_STATUSES), status),
        "item_count": pa.array(pieces),
        "seller_price_cents": pa.array(seller_price),
        "offered_price_cents": pa.array(offered, mask=~has_offer),
        "offer_sent_at": columns.times_or_null(sent, has_offer),
        "offer_expires_at": columns.times_or_null(sent + 7 * DAY_S, has_offer),
        "seller_response": take(texts(_ANSWERS), answer),
        "seller_response_message": columns.keep_if((answer >= 0) & (rows % 3 == 0), message),
        "seller_response_at": columns.times_or_null(answered, answer >= 0),
        "final_price_cents": pa.array(offered, mask=~finished),
        "reviewed_by": integers(np.where(reviewer < 0, -1, reviewer + 1), null_if_negative=True),
        "created_at": times(created),
        "updated_at": times(updated),
    }


def sell_items(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Items of submissions; a bought item has the attributes of the product that it became."""
    offers, products = stock.submissions(plan), past.catalogue(plan)
    submission, product = offers.item_submission[rows], offers.item_product[rows]
    status = offers.status[submission]
    became = product >= 0
    like = np.where(became, product, rng.integers(0, plan.counts["products"], len(rows)))
    category = np.where(became, products.category[like], products.category[like] % 2 + 2)
    judged = status >= _OFFER_SENT
    approved = became | (rng.random(len(rows)) < 0.8)
    price = products.price_cents[like] * rng.integers(45, 75, len(rows)) // 100
    brand, variant = (values[like] for values in catalogue.brands_and_variants(plan))
    return {
        "submission_id": pa.array(submission + 1),
        "category": take(texts(past.CATEGORIES), category),
        "brand": take(texts(BRANDS), brand),
        "name": catalogue.product_names(plan, words, like),
        "size": take(texts(past.SIZES), products.size[like]),
        "condition": catalogue.conditions(category, variant),
        "approved": pa.array(approved.astype(np.int64), mask=~judged),
        "offer_price_cents": pa.array(price, mask=~(judged & approved)),
        "product_id": pa.array(product + 1, mask=~became),
        "created_at": times(offers.created_s[submission]),
    }
