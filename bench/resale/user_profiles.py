"""The shop's visitors as data: how often each kind comes, what it asks, how long it thinks.

bench.resale.locust.users makes Locust's users of it, and bench.load.schedule requests that arrive
by themselves, so that both ask for the same things.

What is published: of product views, additions to the cart and purchases, 96.14, 2.11 and 1.75 %
(REES46, October 2019; `seeds.plan.FUNNEL`). A reservation is this shop's cart. What is chosen:
that half of a shopper's other requests are lists, that ten page views are told to the analytics
in one batch, and the shares of sellers, accounts and staff.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from seeds.plan import FUNNEL

EVENTS_IN_A_BATCH = 10


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that a visitor asks, as often among the others of its kind as its weight."""

    name: str
    family: str
    weight: float


@dataclass(frozen=True, slots=True)
class UserProfile:
    """A kind of visitor.

    `share` is its share of all requests, `think_median_s` and `think_sigma` the lognormal
    pause between two of its requests.
    """

    name: str
    share: float
    think_median_s: float
    think_sigma: float
    tasks: tuple[Task, ...]


def _tasks(family: str, **weights: float) -> tuple[Task, ...]:
    return tuple(Task(name, family, weight) for name, weight in weights.items())


# What a shopper asks for each hundred product views, additions to the cart and purchases.
_LISTS = (
    *_tasks("control", products_newest=14),
    *_tasks("products-by-size", products_by_size=20, products_by_category_size=14),
)
_SHOPPING = (
    *_LISTS,
    *_tasks("image-lookups", product_detail=100 * FUNNEL["product_view"], images_for_entity=8),
    *_tasks("control", order_history=5, order_detail=3),
    *_tasks("write-cost", reserve=100 * FUNNEL["add_to_cart"], checkout=100 * FUNNEL["purchase"]),
)
_SELLING = (
    *_tasks("admin-dashboard", sell_items_for_submission=8),
    *_tasks("write-cost", submit_sell_request=2, respond_to_offer=1),
)
_ACCOUNT = _tasks("unclaimed", log_in=2, who_am_i=2, password_resets_for_user=1)
_STAFF = (
    *_tasks(
        "admin-dashboard", sell_requests_recent=10, sell_requests_by_status=10,
        sell_requests_summary=5,
    ),
    *_tasks(
        "analytics", events_recent=4, events_newest_of_type=3, events_by_type_since=4,
        events_count_by_type=1, events_count_by_type_since=3, events_for_user=4, events_of_day=3,
        funnel_since=2,
    ),
    *_tasks("log-queries", logs_recent=4, logs_errors_since=4),
    *_tasks("after-only", stock_history=4, stock_of_order=3, rollup_range=3, rollup_of_type=2),
)  # fmt: skip


def _share_of_views() -> float:
    """The share of a shopper's requests that are page views, which the pages tell of."""
    views = sum(task.weight for task in _LISTS) + 100 * FUNNEL["product_view"]
    return views / sum(task.weight for task in _SHOPPING)


_SHOPPERS = 0.84
_TRACKING = _SHOPPERS * _share_of_views() / EVENTS_IN_A_BATCH

USER_PROFILES: tuple[UserProfile, ...] = (
    UserProfile("Shopper", _SHOPPERS, 4.0, 0.8, _SHOPPING),
    UserProfile("Tracker", _TRACKING, 10.0, 0.5, _tasks("write-cost", track_events=1)),
    UserProfile("Seller", 0.04, 8.0, 0.8, _SELLING),
    UserProfile("Account", 0.02, 20.0, 0.8, _ACCOUNT),
    UserProfile("Admin", 0.03, 8.0, 0.8, _STAFF),
)
"""Shares need not add up to 1: `shares` takes them in proportion."""
FAMILIES = frozenset(task.family for kind in USER_PROFILES for task in kind.tasks)


def families_of(tags: Collection[str] | None, without: Collection[str] | None) -> frozenset[str]:
    """The claim families that --tags and --exclude-tags leave."""
    return frozenset(tags or FAMILIES) & FAMILIES - frozenset(without or ())


def shares(*, families: Collection[str] = (), without: Collection[str] = ()) -> Mapping[str, float]:
    """Each request's share of all; they add up to 1.

    `families` keeps only those claim families (all if empty); `without` leaves out requests by
    name. A kind of visitor keeps its share of the traffic whatever else of it is left out,
    unless nothing of it is left.

    Raises:
        ValueError: nothing is left to ask.
    """
    weights: dict[str, float] = {}
    for kind in USER_PROFILES:
        kept = [
            task
            for task in kind.tasks
            if task.name not in without and (not families or task.family in families)
        ]
        weight = sum(task.weight for task in kept)
        for task in kept:
            weights[task.name] = weights.get(task.name, 0.0) + kind.share * task.weight / weight
    if not weights:
        raise ValueError("No request is left; name a family that the study has.")
    whole = sum(weights.values())
    return MappingProxyType({name: share / whole for name, share in weights.items()})
