"""Sample products, users and batches for the parameters of operations."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from seeds import past, stock
from seeds.calendar import NOW_S
from seeds.scale import Plan

Parameters = dict[str, int | str | None]

FUNNEL = {"product_view": 0.9614, "add_to_cart": 0.0211, "purchase": 0.0175}
"""Published (REES46, October 2019). The year's orders fix the scale: one purchase each."""


@lru_cache(maxsize=4)
def _cumulative_popularity(plan: Plan) -> past.Floats:
    shown = stock.shelf(plan).status != stock.REMOVED
    return np.cumsum(past.catalogue(plan).popularity * shown)


def popular_product(plan: Plan, rng: np.random.Generator) -> int:
    """0-based product, sampled by popularity; removed products are left out."""
    cumulative = _cumulative_popularity(plan)
    index = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
    return min(index, len(cumulative) - 1)


def active_user(plan: Plan, rng: np.random.Generator) -> int:
    """0-based account, sampled by activity."""
    return int(past.accounts(plan).sample(rng, np.array([NOW_S]))[0])


def visitor(plan: Plan, rng: np.random.Generator) -> int:
    """The id of a logged-in customer, sampled by the number of their logins."""
    known = past.logins(plan)
    row = int(rng.integers(known.customers.start, known.customers.stop))
    return int(known.user[row]) + 1


def batch_id(plan: Plan, index: int) -> str:
    """The batch id of a 0-based submission."""
    return past.numbered("BATCH", stock.submissions(plan).created_s, index)
