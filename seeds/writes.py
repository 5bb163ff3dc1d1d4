"""Sample the parameters of the operations that write; called through seeds.plan."""

from __future__ import annotations

import json

import numpy as np

from seeds import past, stock
from seeds.access import email_of
from seeds.calendar import NOW
from seeds.chances import Parameters, active_user, batch_id, popular_product, visitor
from seeds.past import EVENT_TYPES
from seeds.scale import Plan


def _hex(rng: np.random.Generator, digits: int) -> str:
    return rng.bytes(digits // 2).hex()


def track_events(plan: Plan, rng: np.random.Generator) -> Parameters:
    """Ten events of one visitor, as a page sends them."""
    product, session = popular_product(plan, rng) + 1, _hex(rng, 16)
    user = active_user(plan, rng) + 1 if rng.random() < 0.35 else None
    events = [
        {
            "event_type": EVENT_TYPES[nth % 2],
            "event_data": json.dumps({"product_id": product}) if nth % 2 else None,
            "user_id": user,
            "session_id": session,
            "ip_address": "203.0.113.7",
            "user_agent": "Firefox/140.0 (X11; Linux)",
            "path": f"/products/{product}" if nth % 2 else "/",
            "timestamp": NOW,
        }
        for nth in range(10)
    ]
    return {"events": json.dumps(events, separators=(",", ":"))}


def submit_sell_request(plan: Plan, rng: np.random.Generator) -> Parameters:
    """Three second-hand items of a logged-in customer."""
    catalogue = past.catalogue(plan)
    picked = [popular_product(plan, rng) for _ in range(3)]
    items = [
        {
            "category": past.CATEGORIES[catalogue.category[index] | 2],
            "brand": "Nike",
            "name": f"Piece like number {index + 1}",
            "size": past.SIZES[catalogue.size[index]],
            "condition": "good",
        }
        for index in picked
    ]
    return {
        "batch_id": f"BATCH-20251005-{int(rng.integers(10**14, 10**15))}",
        "user_id": visitor(plan, rng),
        "contact_name": "Aoife Byrne",
        "contact_email": "aoife.byrne@example.com",
        "contact_phone": "+353 85 555 0142",
        "seller_price_cents": int(catalogue.price_cents[picked].sum()),
        "items": json.dumps(items, separators=(",", ":")),
        "now": NOW,
    }


def checkout(plan: Plan, rng: np.random.Generator) -> Parameters:
    """One product on sale, bought by a logged-in customer or by a guest."""
    on_sale = stock.shelf(plan).on_sale
    delivery = rng.random() < 0.65
    key = _hex(rng, 32)
    product_id = int(on_sale[rng.integers(len(on_sale))]) + 1
    return {
        # The row that the purchase uses up, for callers that must not buy it twice.
        "product_id": product_id,
        "items": json.dumps([{"product_id": product_id, "quantity": 1}], separators=(",", ":")),
        "order_number": f"ORD-20251005-{int(rng.integers(10**14, 10**15))}",
        "idempotency_key": key,
        "request_hash": key[::-1],
        "user_id": visitor(plan, rng) if rng.random() < 0.7 else None,
        "customer_name": "Sean Murphy",
        "customer_email": "sean.murphy@example.com",
        "customer_phone": "+353 85 555 0143",
        "fulfilment": "delivery" if delivery else "collection",
        "shipping_address": "12 Main Street, Cork, T12 X0Y1" if delivery else None,
        "shipping_cents": 695 if delivery else 0,
        "now": NOW,
    }


def respond_to_offer(plan: Plan, rng: np.random.Generator) -> Parameters:
    """An answer to an offer, and its seller: an account, or a guest's e-mail address."""
    offers = stock.submissions(plan)
    index = int(offers.open_offers[rng.integers(len(offers.open_offers))])
    user_id = int(offers.user[index]) + 1 or None
    return {
        "batch_id": batch_id(plan, index),
        "user_id": user_id,
        "contact_email": email_of(user_id or past.FIRST_GUEST_SELLER + index + 1),
        "message": "That works for me, thank you.",
        "now": NOW,
    }


def write_log(plan: Plan, rng: np.random.Generator) -> Parameters:
    """One row of the system log."""
    return {
        "level": ("info", "warning", "error")[int(rng.integers(3))],
        "category": "checkout",
        "message": "Payment provider answered late",
        "details": json.dumps({"attempt": int(rng.integers(1, 4))}),
        "user_id": active_user(plan, rng) + 1,
        "ip_address": "203.0.113.7",
        "now": NOW,
    }
