"""What Locust is asked of the shop beyond its own options and those of a load.

Only Locust may import this module: gevent patches the standard library.
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

from bench.resale.locust.served_shop import KEY, Visited, of_option
from bench.resale.user_profiles import families_of
from seeds.plan import BadScale, BadSeed, Plan

_LOG = logging.getLogger("locust.shop")
_LOGGED_OUT, _NOT_FOUND = 401, 404


def _scale(text: str) -> str:
    # As text, as Locust's page returns it too: empty where the shop is to say it.
    try:
        return text and f"{Plan(scale=float(text)).scale!r}"
    except BadScale as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _seed(text: str) -> str:
    try:
        return text and f"{Plan(seed=int(text)).seed}"
    except BadSeed as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _think(text: str) -> float:
    factor = float(text)
    if not 0 <= factor <= 100:
        raise argparse.ArgumentTypeError("Give a factor from 0 (no pauses) to 100.")
    return factor


def add_options(parser: Any) -> None:
    """Have Locust know ours."""
    # On the parser itself, not in a group of it: only so does Locust's page show them.
    parser.add_argument(
        "--shop-scale",
        type=_scale,
        default="",
        env_var="LOCUST_SHOP_SCALE",
        help="Scale that the served database was seeded with, where the shop does not say it or "
        "another is wanted (default: as the shop says).",
    )
    parser.add_argument(
        "--shop-seed",
        type=_seed,
        default="",
        env_var="LOCUST_SHOP_SEED",
        help="Seed that the served database was seeded with, as above.",
    )
    parser.add_argument(
        "--shop-think",
        type=_think,
        default=1.0,
        env_var="LOCUST_SHOP_THINK",
        help="Factor on the pauses between requests; 0 leaves them out (default 1).",
    )


def visited_now(environment: Any) -> Visited | None:
    """How the shop is visited, once it was asked."""
    values = getattr(environment.parsed_options, KEY, None)
    return None if values is None else of_option(values)


def plan_of(environment: Any) -> Plan:
    """The plan of the shop that is visited."""
    visited = visited_now(environment)
    assert visited is not None, "no run begins before the shop was asked"
    return visited.plan


def families_now(environment: Any) -> frozenset[str]:
    """The claim families that are asked for: of the tags, those that the shop has."""
    given, visited = environment.parsed_options, visited_now(environment)
    without = () if visited is None else visited.without
    return families_of(given.tags, {*(given.exclude_tags or ()), *without})


class Hint:
    """Says once what a shop is a sign of that knows neither the ids nor the sessions."""

    def __init__(self) -> None:
        self._given = False

    def listen(self, name: str, response: Any = None, **_: Any) -> None:
        """Look at one answered request."""
        status = getattr(response, "status_code", None)
        if self._given or status not in (_LOGGED_OUT, _NOT_FOUND):
            return
        self._given = True
        _LOG.warning(
            "%s asked for something that the shop does not have: its database was changed since "
            "it was seeded, or --shop-scale and --shop-seed say something else of it. Leave them "
            "out, or seed it anew.",
            name,
        )
