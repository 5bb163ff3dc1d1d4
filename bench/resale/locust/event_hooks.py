"""Ties the shop's visitors to Locust's events: which shop is visited, and what it is asked.

Only Locust may import this module: gevent patches the standard library.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from locust import events
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook

from bench.load.arrivals import InvalidSchedule, Spacing, Step, arrival_times
from bench.load.locust.hooks import LoadHooks
from bench.load.locust.options import WrongUse
from bench.load.schedule import RequestMix, Schedule, sample_schedule
from bench.resale.dataset import planned
from bench.resale.http_requests import CALLS
from bench.resale.locust import options, served_shop, users
from bench.resale.locust.served_shop import Served
from bench.resale.service import SERVICE
from bench.resale.user_profiles import FAMILIES, USER_PROFILES
from seeds.plan import SAMPLERS

_LOG = logging.getLogger("locust.shop")
# How long a shop may take to say who it is, also while scans keep it busy.
_ABOUT_S = 20.0


def schedule(environment: Any, steps: Sequence[Step], spacing: Spacing) -> Schedule:
    """The schedule of a run: equal for every process that is told the same.

    Raises:
        InvalidSchedule, ScheduleExhausted: there is no such schedule; the text says what to change.
    """
    plan, families = options.plan_of(environment), options.families_now(environment)
    if not families:
        raise InvalidSchedule("--tags and --exclude-tags leave no request; name a family.")
    due_ns = arrival_times(steps, spacing, np.random.default_rng([plan.seed, 0]))
    mix = RequestMix(SERVICE, planned(plan), SERVICE.shares(families=families))
    return sample_schedule(mix, due_ns, seed=0)


class ShopHooks(LoadHooks):
    """The shop's part of one Locust process."""

    def __init__(self) -> None:
        super().__init__("shop", schedule)
        self._served: Served | None = None

    def listen(self) -> None:
        """Also say once what visitors ask for that is not there."""
        super().listen()
        events.request.add_listener(options.Hint().listen)  # type: ignore[no-untyped-call]

    def add_options(self, parser: Any) -> None:
        """Add scale, seed and pauses."""
        options.add_options(parser)

    def set_up(self, environment: Any, *, leads: bool) -> None:
        """Leave out who has nothing to do, and ask the shop where its address is given."""
        if not leads:
            with suppress(WrongUse):
                _leave_out(environment)
            return
        _leave_out(environment)
        given = environment.parsed_options
        # The page asks for the address where none is given.
        if given.host or given.headless or given.autostart:
            self.before_run(environment)
            _leave_out(environment)

    def before_run(self, environment: Any) -> None:
        """Ask the address who is served there, and settle how it is visited.

        Raises:
            NotThisShop: visitors must not go there, or do not know what to ask for.
        """
        given = environment.parsed_options
        environment.host = served_shop.checked(environment.host or served_shop.HOST)
        served = _about(environment.host)
        visited = served_shop.visited_of(
            served, scale=given.shop_scale, seed=given.shop_seed, tags=given.tags
        )
        setattr(given, served_shop.KEY, served_shop.to_option(visited))
        if served == self._served:
            return
        self._served = served
        _LOG.info(
            "The shop at %s: arm %s, scale %g, seed %d, its clock at %s.",
            *(served.address, served.arm or "unknown", visited.scale, visited.seed, served.now),
        )
        for sentence in served_shop.warnings_of(served, visited):
            _LOG.warning(sentence)

    def prepare(self, environment: Any, **_: Any) -> None:
        """Build what the draws look up before the first visitor comes, not while one waits."""
        plan = options.plan_of(environment)
        for name in CALLS:
            SAMPLERS[name](plan, np.random.default_rng(0))
        users.keep(environment)


def _leave_out(environment: Any) -> None:
    """Kinds of visitors of which the tags leave nothing do not come."""
    kept = options.families_now(environment)
    nobody = {
        kind.name for kind in USER_PROFILES if not any(task.family in kept for task in kind.tasks)
    }
    coming = [
        user_class for user_class in environment.user_classes if user_class.__name__ not in nobody
    ]
    if not coming:
        raise WrongUse(
            "--tags and --exclude-tags leave these visitors nothing to do; the tags are "
            f"{', '.join(sorted(FAMILIES))}."
        )
    environment.user_classes[:] = coming


def _about(address: str) -> Served:
    """Ask as visitors do, with nobody counting it."""
    client = FastHttpSession(
        address,
        EventHook(),  # type: ignore[no-untyped-call]
        None,
        network_timeout=_ABOUT_S,
        connection_timeout=_ABOUT_S,
        max_retries=0,
    )
    response: Any = client.get(served_shop.ABOUT)
    client.client.clientpool.close()
    if not response.status_code:
        raise served_shop.unanswered(address, response.error)
    return served_shop.served_of(address, response.status_code, response.text or "")
