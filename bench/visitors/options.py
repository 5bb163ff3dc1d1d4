"""What Locust is asked beyond its own options, and what it does before the first visitor."""

from __future__ import annotations

import argparse
import logging
from typing import Any

import numpy as np
from locust import events

from bench.visitors.calls import CALLS
from seeds.plan import DEFAULT_SEED, DRAWS, BadScale, BadSeed, Plan

_LOG = logging.getLogger("locust.shop")
_LOGGED_OUT, _NOT_FOUND = 401, 404


def _scale(text: str) -> float:
    try:
        return Plan(scale=float(text)).scale
    except BadScale as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _seed(text: str) -> int:
    try:
        return Plan(seed=int(text)).seed
    except BadSeed as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _think(text: str) -> float:
    factor = float(text)
    if not 0 <= factor <= 100:
        raise argparse.ArgumentTypeError("Give a factor from 0 (no pauses) to 100.")
    return factor


def _add_options(parser: Any) -> None:
    # On the parser itself, not in a group of it: only so does Locust's page show them.
    parser.add_argument(
        "--shop-scale",
        type=_scale,
        default=1.0,
        env_var="LOCUST_SHOP_SCALE",
        help="Scale that the served database was seeded with (default 1).",
    )
    parser.add_argument(
        "--shop-seed",
        type=_seed,
        default=DEFAULT_SEED,
        env_var="LOCUST_SHOP_SEED",
        help=f"Seed that the served database was seeded with (default {DEFAULT_SEED}).",
    )
    parser.add_argument(
        "--shop-think",
        type=_think,
        default=1.0,
        env_var="LOCUST_SHOP_THINK",
        help="Factor on the pauses between requests; 0 leaves them out (default 1).",
    )


def plan_of(environment: Any) -> Plan:
    """The plan of the shop that is visited, as the options say."""
    options = environment.parsed_options
    return Plan(scale=options.shop_scale, seed=options.shop_seed)


def _prepare(environment: Any, **_: Any) -> None:
    """Build what the draws look up before the first visitor comes, not while one waits."""
    plan = plan_of(environment)
    for name in CALLS:
        DRAWS[name](plan, np.random.default_rng(0))


class _Hint:
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
            "%s asked for something that the shop does not have; give --shop-scale and "
            "--shop-seed as its database was seeded, and --exclude-tags after-only before "
            "the migration.",
            name,
        )


def listen() -> None:
    """Have Locust know the options, prepare the draws, and give the hint."""
    events.init_command_line_parser.add_listener(_add_options)  # type: ignore[no-untyped-call]
    events.test_start.add_listener(_prepare)  # type: ignore[no-untyped-call]
    events.request.add_listener(_Hint().listen)  # type: ignore[no-untyped-call]
