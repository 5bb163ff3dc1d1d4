"""Room: seeds, the plan and what is drawn from it. Pure: no I/O, no Faker, no database.

Scenarios and micro-benchmarks draw their parameters here. Every id drawn exists in the data
that the same plan seeds: the plan knows them by arithmetic, nobody asks a database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from seeds import calendar, past, stock
from seeds.access import DEMO_PASSWORD, email_of, session_of, staff, token_of
from seeds.calendar import DAY_S, NOW, NOW_S, YEAR_DAYS
from seeds.scale import DEFAULT_SEED, LARGEST_SCALE, SMALLEST_SCALE, BadScale, BadSeed, Plan

__all__ = [
    "DEFAULT_SEED",
    "DEMO_PASSWORD",
    "DRAWS",
    "EVENT_TYPES",
    "LARGEST_SCALE",
    "SMALLEST_SCALE",
    "BadScale",
    "BadSeed",
    "Plan",
    "UnknownOperation",
    "draw",
    "email_of",
    "session_of",
    "staff",
    "token_of",
]

Parameters = dict[str, int | str | None]
Draw = Callable[[Plan, np.random.Generator], Parameters]

EVENT_TYPES = (
    "page_view",
    "product_view",
    "search",
    "add_to_cart",
    "checkout_start",
    "purchase",
    "login",
    "sell_submit",
)
FREQUENT_TYPES = EVENT_TYPES[:2]
"""The types that make up most of the log. Filters by type ask for these: their rows are where a
filter has work to do, and where an index on the type alone misleads the planner. For a type that
is one event in a hundred the same index serves well."""
_WEEK = calendar.text_of(NOW_S - 7 * DAY_S)
_HOUR = calendar.text_of(NOW_S - 3600)
_LAST_DAY = YEAR_DAYS - 1


class UnknownOperation(KeyError):
    """No such operation in the list of domain operations."""

    def __str__(self) -> str:
        return f"No draw is known for {self.args[0]!r}: use one of {', '.join(sorted(DRAWS))}."


def draw(plan: Plan, operation: str, rng: np.random.Generator) -> Parameters:
    """SQL parameters by name for one call of an operation; every id among them exists.

    Equal plans and equally seeded generators draw equal parameters. Raises UnknownOperation.
    """
    try:
        chosen = DRAWS[operation]
    except KeyError:
        raise UnknownOperation(operation) from None
    return chosen(plan, rng)


@lru_cache(maxsize=4)
def _cumulative_popularity(plan: Plan) -> past.Floats:
    shown = stock.shelf(plan).status != stock.REMOVED
    return np.cumsum(past.catalogue(plan).popularity * shown)


@lru_cache(maxsize=4)
def _own_orders(plan: Plan) -> past.Ints:
    """0-based orders of accounts that have a session to ask for them with."""
    user = stock.orders(plan).user
    return np.flatnonzero((user >= 0) & (past.logins(plan).newest[user] >= 0))


def _popular_product(plan: Plan, rng: np.random.Generator) -> int:
    """0-based product as visitors see them: by popularity; a removed one is not shown."""
    cumulative = _cumulative_popularity(plan)
    found = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
    return min(found, len(cumulative) - 1)


def _active_user(plan: Plan, rng: np.random.Generator) -> int:
    """0-based account, by activity."""
    return int(past.people(plan).draw(rng, np.array([NOW_S]))[0])


def _visitor(plan: Plan, rng: np.random.Generator) -> int:
    """The id of a customer who is logged in, by how often they log in."""
    known = past.logins(plan)
    row = int(rng.integers(known.customers.start, known.customers.stop))
    return int(known.user[row]) + 1


def _hex(rng: np.random.Generator, digits: int) -> str:
    return rng.bytes(digits // 2).hex()


def _order_number(plan: Plan, index: int) -> str:
    return past.numbered("ORD", stock.orders(plan).created_s, index)


def _batch_id(plan: Plan, index: int) -> str:
    return past.numbered("BATCH", stock.submissions(plan).created_s, index)


def _event_type(rng: np.random.Generator) -> str:
    return FREQUENT_TYPES[int(rng.integers(len(FREQUENT_TYPES)))]


def _products_by_size(plan: Plan, rng: np.random.Generator) -> Parameters:
    return {"size": past.SIZES[past.catalogue(plan).size[_popular_product(plan, rng)]]}


def _products_by_category_size(plan: Plan, rng: np.random.Generator) -> Parameters:
    things, index = past.catalogue(plan), _popular_product(plan, rng)
    return {
        "category": past.CATEGORIES[things.category[index]],
        "size": past.SIZES[things.size[index]],
    }


def _product_id(plan: Plan, rng: np.random.Generator) -> Parameters:
    return {"product_id": _popular_product(plan, rng) + 1}


def _images_for_entity(plan: Plan, rng: np.random.Generator) -> Parameters:
    kind = ("product", "product", "product", "sell_item", "user")[int(rng.integers(5))]
    if kind == "product":
        return {"entity_type": kind, "entity_id": _popular_product(plan, rng) + 1}
    table = "sell_items" if kind == "sell_item" else "users"
    return {"entity_type": kind, "entity_id": int(rng.integers(1, plan.counts[table] + 1))}


def _sell_requests_by_status(plan: Plan, rng: np.random.Generator) -> Parameters:
    statuses = stock.SUBMISSION_STATUSES
    return {"status": statuses[int(rng.integers(len(statuses)))]}


def _sell_items_for_submission(plan: Plan, rng: np.random.Generator) -> Parameters:
    return {"batch_id": _batch_id(plan, int(rng.integers(plan.counts["sell_submissions"])))}


def _password_resets_for_user(plan: Plan, rng: np.random.Generator) -> Parameters:
    """Ten minutes after some user asked for a reset, which lives for an hour."""
    created, users = past.password_resets(plan)
    index = int(rng.integers(len(users)))
    return {"user_id": int(users[index]) + 1, "now": calendar.text_of(int(created[index]) + 600)}


def _events_of_day(plan: Plan, rng: np.random.Generator) -> Parameters:
    day = int(rng.integers(YEAR_DAYS))
    return {
        "day_start": calendar.text_of(day * DAY_S),
        "day_end": calendar.text_of((day + 1) * DAY_S),
    }


def _order_history(plan: Plan, rng: np.random.Generator) -> Parameters:
    own = _own_orders(plan)
    return {"user_id": int(stock.orders(plan).user[own[rng.integers(len(own))]]) + 1}


def _order_detail(plan: Plan, rng: np.random.Generator) -> Parameters:
    """An order, and its owner, as whom a scenario asks for it; the SQL takes the number only."""
    own = _own_orders(plan)
    index = int(own[rng.integers(len(own))])
    return {
        "order_number": _order_number(plan, index),
        "user_id": int(stock.orders(plan).user[index]) + 1,
    }


def _stock_of_order(plan: Plan, rng: np.random.Generator) -> Parameters:
    return {"order_number": _order_number(plan, int(rng.integers(plan.counts["orders"])))}


def _rollup_range(plan: Plan, rng: np.random.Generator) -> Parameters:
    return {
        "from_date": calendar.date_of(_LAST_DAY - 29),
        "to_date": calendar.date_of(_LAST_DAY),
    }


def _rollup_of_type(plan: Plan, rng: np.random.Generator) -> Parameters:
    return {
        "event_type": _event_type(rng),
        "from_date": calendar.date_of(_LAST_DAY - 89),
        "to_date": calendar.date_of(_LAST_DAY),
    }


def _track_events(plan: Plan, rng: np.random.Generator) -> Parameters:
    """Ten events of one visitor, as a page sends them."""
    product, session = _popular_product(plan, rng) + 1, _hex(rng, 16)
    user = _active_user(plan, rng) + 1 if rng.random() < 0.35 else None
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


def _submit_sell_request(plan: Plan, rng: np.random.Generator) -> Parameters:
    things = past.catalogue(plan)
    picked = [_popular_product(plan, rng) for _ in range(3)]
    items = [
        {
            "category": past.CATEGORIES[things.category[index] | 2],
            "brand": "Nike",
            "name": f"Piece like number {index + 1}",
            "size": past.SIZES[things.size[index]],
            "condition": "good",
        }
        for index in picked
    ]
    return {
        "batch_id": f"BATCH-20251005-{int(rng.integers(10**14, 10**15))}",
        "user_id": _visitor(plan, rng),
        "contact_name": "Aoife Byrne",
        "contact_email": "aoife.byrne@example.com",
        "contact_phone": "+353 85 555 0142",
        "seller_price_cents": int(things.price_cents[picked].sum()),
        "items": json.dumps(items, separators=(",", ":")),
        "now": NOW,
    }


def _checkout(plan: Plan, rng: np.random.Generator) -> Parameters:
    on_sale = stock.shelf(plan).on_sale
    delivery = rng.random() < 0.65
    key = _hex(rng, 32)
    product_id = int(on_sale[rng.integers(len(on_sale))]) + 1
    return {
        # Beside the items, for whoever asks which row the draw uses up.
        "product_id": product_id,
        "items": json.dumps([{"product_id": product_id, "quantity": 1}], separators=(",", ":")),
        "order_number": f"ORD-20251005-{int(rng.integers(10**14, 10**15))}",
        "idempotency_key": key,
        "request_hash": key[::-1],
        "user_id": _visitor(plan, rng) if rng.random() < 0.7 else None,
        "customer_name": "Sean Murphy",
        "customer_email": "sean.murphy@example.com",
        "customer_phone": "+353 85 555 0143",
        "fulfilment": "delivery" if delivery else "collection",
        "shipping_address": "12 Main Street, Cork, T12 X0Y1" if delivery else None,
        "shipping_cents": 695 if delivery else 0,
        "now": NOW,
    }


def _respond_to_offer(plan: Plan, rng: np.random.Generator) -> Parameters:
    """An answer, and the seller, as whom a scenario gives it: an account, or a guest's address."""
    offers = stock.submissions(plan)
    index = int(offers.open_offers[rng.integers(len(offers.open_offers))])
    user_id = int(offers.user[index]) + 1 or None
    return {
        "batch_id": _batch_id(plan, index),
        "user_id": user_id,
        "contact_email": email_of(user_id or past.FIRST_GUEST_SELLER + index + 1),
        "message": "That works for me, thank you.",
        "now": NOW,
    }


def _write_log(plan: Plan, rng: np.random.Generator) -> Parameters:
    return {
        "level": ("info", "warning", "error")[int(rng.integers(3))],
        "category": "checkout",
        "message": "Payment provider answered late",
        "details": json.dumps({"attempt": int(rng.integers(1, 4))}),
        "user_id": _active_user(plan, rng) + 1,
        "ip_address": "203.0.113.7",
        "now": NOW,
    }


def _constant(**parameters: int | str) -> Draw:
    return lambda plan, rng: dict(parameters)


DRAWS: Mapping[str, Draw] = MappingProxyType(
    {
        "products_by_size": _products_by_size,
        "products_by_category_size": _products_by_category_size,
        "products_newest": _constant(),
        "product_detail": _product_id,
        "images_for_entity": _images_for_entity,
        "sell_requests_by_status": _sell_requests_by_status,
        "sell_requests_recent": _constant(),
        "sell_requests_summary": _constant(),
        "sell_items_for_submission": _sell_items_for_submission,
        "password_resets_for_user": _password_resets_for_user,
        "events_by_type_since": lambda plan, rng: {"event_type": _event_type(rng), "since": _WEEK},
        "events_newest_of_type": lambda plan, rng: {"event_type": _event_type(rng)},
        "events_recent": _constant(),
        "events_count_by_type": _constant(),
        "events_count_by_type_since": _constant(since=_WEEK),
        "events_for_user": lambda plan, rng: {"user_id": _active_user(plan, rng) + 1},
        "events_of_day": _events_of_day,
        "funnel_since": _constant(since=_WEEK),
        "logs_recent": _constant(),
        "logs_errors_since": _constant(since=_HOUR),
        "order_history": _order_history,
        "order_detail": _order_detail,
        "stock_history": _product_id,
        "stock_of_order": _stock_of_order,
        "rollup_range": _rollup_range,
        "rollup_of_type": _rollup_of_type,
        "track_events": _track_events,
        "submit_sell_request": _submit_sell_request,
        "checkout": _checkout,
        "respond_to_offer": _respond_to_offer,
        "write_log": _write_log,
    }
)
