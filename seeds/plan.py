"""Sample the SQL parameters of every operation from a plan.

Every sampled id exists in the data that the same plan seeds: it is known by arithmetic, without a
database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from seeds import calendar, past, stock, writes
from seeds.access import DEMO_PASSWORD, email_of, session_of, staff, token_of
from seeds.calendar import DAY_S, NOW_S, YEAR_DAYS
from seeds.chances import FUNNEL, Parameters, active_user, batch_id, popular_product
from seeds.past import EVENT_TYPES
from seeds.scale import DEFAULT_SEED, LARGEST_SCALE, SMALLEST_SCALE, BadScale, BadSeed, Plan

__all__ = [
    "DEFAULT_SEED",
    "DEMO_PASSWORD",
    "EVENT_TYPES",
    "FUNNEL",
    "LARGEST_SCALE",
    "SAMPLERS",
    "SMALLEST_SCALE",
    "BadScale",
    "BadSeed",
    "Plan",
    "UnknownOperation",
    "email_of",
    "sample_parameters",
    "session_of",
    "staff",
    "token_of",
]

Sampler = Callable[[Plan, np.random.Generator], Parameters]

FREQUENT_TYPES = EVENT_TYPES[:2]
"""The types that make up most of the log. Filters by type ask for these: an index on the type
alone misleads the planner there. For a type that is one event in a hundred it serves well."""
_WEEK = calendar.text_of(NOW_S - 7 * DAY_S)
_HOUR = calendar.text_of(NOW_S - 3600)
_LAST_DAY = YEAR_DAYS - 1


class UnknownOperation(KeyError):
    """No such operation in the list of domain operations."""

    def __str__(self) -> str:
        return f"There is no operation {self.args[0]!r}: use one of {', '.join(sorted(SAMPLERS))}."


def sample_parameters(plan: Plan, operation: str, rng: np.random.Generator) -> Parameters:
    """Sample the SQL parameters of one call of an operation.

    Equal plans and equally seeded generators give equal parameters. Raises UnknownOperation.
    """
    try:
        sampler = SAMPLERS[operation]
    except KeyError:
        raise UnknownOperation(operation) from None
    return sampler(plan, rng)


@lru_cache(maxsize=4)
def _own_orders(plan: Plan) -> past.Ints:
    """0-based orders of accounts that have a session."""
    user = stock.orders(plan).user
    return np.flatnonzero((user >= 0) & (past.logins(plan).newest[user] >= 0))


def _order_number(plan: Plan, index: int) -> str:
    return past.numbered("ORD", stock.orders(plan).created_s, index)


def _event_type(rng: np.random.Generator) -> str:
    return FREQUENT_TYPES[int(rng.integers(len(FREQUENT_TYPES)))]


def _products_by_size(plan: Plan, rng: np.random.Generator) -> Parameters:
    return {"size": past.SIZES[past.catalogue(plan).size[popular_product(plan, rng)]]}


def _products_by_category_size(plan: Plan, rng: np.random.Generator) -> Parameters:
    catalogue, index = past.catalogue(plan), popular_product(plan, rng)
    return {
        "category": past.CATEGORIES[catalogue.category[index]],
        "size": past.SIZES[catalogue.size[index]],
    }


def _product_id(plan: Plan, rng: np.random.Generator) -> Parameters:
    return {"product_id": popular_product(plan, rng) + 1}


def _images_for_entity(plan: Plan, rng: np.random.Generator) -> Parameters:
    kind = ("product", "product", "product", "sell_item", "user")[int(rng.integers(5))]
    if kind == "product":
        return {"entity_type": kind, "entity_id": popular_product(plan, rng) + 1}
    table = "sell_items" if kind == "sell_item" else "users"
    return {"entity_type": kind, "entity_id": int(rng.integers(1, plan.counts[table] + 1))}


def _sell_requests_by_status(plan: Plan, rng: np.random.Generator) -> Parameters:
    statuses = stock.SUBMISSION_STATUSES
    return {"status": statuses[int(rng.integers(len(statuses)))]}


def _sell_items_for_submission(plan: Plan, rng: np.random.Generator) -> Parameters:
    return {"batch_id": batch_id(plan, int(rng.integers(plan.counts["sell_submissions"])))}


def _password_resets_for_user(plan: Plan, rng: np.random.Generator) -> Parameters:
    """A user with an open password reset, ten minutes after it was requested (it lasts an hour)."""
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
    own_orders = _own_orders(plan)
    return {"user_id": int(stock.orders(plan).user[own_orders[rng.integers(len(own_orders))]]) + 1}


def _order_detail(plan: Plan, rng: np.random.Generator) -> Parameters:
    """An order and its owner, who requests it over HTTP; the SQL takes the number only."""
    own_orders = _own_orders(plan)
    index = int(own_orders[rng.integers(len(own_orders))])
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


def _constant(**parameters: int | str) -> Sampler:
    return lambda plan, rng: dict(parameters)


SAMPLERS: Mapping[str, Sampler] = MappingProxyType(
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
        "events_for_user": lambda plan, rng: {"user_id": active_user(plan, rng) + 1},
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
        "track_events": writes.track_events,
        "submit_sell_request": writes.submit_sell_request,
        "checkout": writes.checkout,
        "respond_to_offer": writes.respond_to_offer,
        "write_log": writes.write_log,
    }
)
