"""What Locust is asked beyond its own options, and what it does before the first visitor.

Only Locust may import this module: gevent patches the standard library.
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

import numpy as np

from bench.load.arrivals import InvalidSchedule
from bench.resale.http_requests import CALLS
from bench.resale.locust.announcement import SPACINGS, families_of, steps_of
from bench.resale.locust.served_shop import KEY, Visited, of_option
from seeds.plan import SAMPLERS, BadScale, BadSeed, Plan

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


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 <= rate < 1e6:
        raise argparse.ArgumentTypeError("Give requests a second, above 0.")
    return rate


def _steps(text: str) -> str:
    if text:
        try:
            steps_of(text)
        except InvalidSchedule as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    return text


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
    _add_arrivals(parser)
    parser.add_argument(
        "--shop-log",
        metavar="DIR",
        default="",
        env_var="LOCUST_SHOP_LOG",
        include_in_web_ui=False,
        help="Write every request's latency, from sending and since it was due, as HdrHistogram "
        "logs into this folder, a shard for each process, merged at the end. A run whose generator "
        "was too busy or too late is invalid: exit code 3.",
    )


def _add_arrivals(parser: Any) -> None:
    parser.add_argument(
        "--shop-rate",
        type=_rate,
        default=0.0,
        env_var="LOCUST_SHOP_RATE",
        include_in_web_ui=False,
        help="Open arrivals instead of closed users: so many requests a second for --run-time, "
        "sent when they are due, however slow the server is.",
    )
    parser.add_argument(
        "--shop-steps",
        type=_steps,
        metavar="RATExSECONDS,...",
        default="",
        env_var="LOCUST_SHOP_STEPS",
        help="Open arrivals in steps of requests a second x seconds: 50x10,100x10. The run ends by "
        "itself.",
    )
    parser.add_argument(
        "--shop-arrivals",
        choices=SPACINGS,
        default=SPACINGS[0],
        env_var="LOCUST_SHOP_ARRIVALS",
        help="How open arrivals are spaced: poisson, as visitors come that know nothing of each "
        "other, or even (default poisson).",
    )


def visited_now(environment: Any) -> Visited | None:
    """How the shop is visited, once it was asked."""
    told = getattr(environment.parsed_options, KEY, None)
    return None if told is None else of_option(told)


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


def prepare(environment: Any, **_: Any) -> None:
    """Build what the draws look up before the first visitor comes, not while one waits."""
    plan = plan_of(environment)
    for name in CALLS:
        SAMPLERS[name](plan, np.random.default_rng(0))


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
