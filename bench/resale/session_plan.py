"""What one shopper does from coming in to leaving, as data.

The number of requests follows the events of a visitor in OTTO's published data: lognormal, median
6, sigma 1.45, from 2 to 500, as the seeds' past does. Which ones follows
bench.resale.user_profiles, so that of a hundred product views, additions to the cart and
purchases as many are each as published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

MEDIAN_REQUESTS, SIGMA = 6, 1.45
FEWEST_REQUESTS, MOST_REQUESTS = 2, 500

LISTS = ("products_newest", "products_by_size", "products_by_category_size")
# Whoever holds or buys something has looked around before.
_LAST: Mapping[str, int] = {"reserve": 1, "checkout": 2}


def length(rng: np.random.Generator) -> int:
    """How many requests a session has."""
    requests = rng.lognormal(np.log(MEDIAN_REQUESTS), SIGMA)
    return int(min(max(round(requests), FEWEST_REQUESTS), MOST_REQUESTS))


def itinerary(names: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The requests of one session, in order: each drawn from `names`, all equally likely.

    The order changes no share: it begins with a list, if one was drawn, and ends with what is
    held and bought.
    """
    requests = [names[index] for index in rng.integers(len(names), size=length(rng)).tolist()]
    first = next((index for index, name in enumerate(requests) if name in LISTS), None)
    if first is not None:
        requests.insert(0, requests.pop(first))
    return sorted(requests, key=lambda name: _LAST.get(name, 0))
