"""Who visits: kinds of visitors as Locust's users, how often each comes and what each asks.

The tags of tasks are the claim families of the study.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from locust import FastHttpUser, tag

from bench.visitors.calls import Keys, Request, name_of, request_of, who_am_i
from bench.visitors.options import plan_of
from seeds.plan import draw, staff

_LONGEST_THINK_S = 120.0
_visitors = itertools.count()


class Visitor(FastHttpUser):
    """Anybody: has a generator of their own, thinks for lognormal seconds between requests."""

    abstract = True
    host = "http://127.0.0.1:8000"
    think_median_s = 4.0
    think_sigma = 0.8

    def on_start(self) -> None:
        """Seed this visitor's draws: by shop, worker process and visitor."""
        plan, nth = plan_of(self.environment), next(_visitors)
        worker = max(getattr(self.environment.runner, "worker_index", 0), 0)
        self.plan, self.rng = plan, np.random.default_rng([plan.seed, worker, nth])
        self.keys = Keys(plan, staff_id=staff(plan)[nth % len(staff(plan))])

    def wait_time(self) -> float:
        """Seconds until the next request."""
        seconds = float(self.rng.lognormal(np.log(self.think_median_s), self.think_sigma))
        return min(seconds, _LONGEST_THINK_S) * float(self.environment.parsed_options.shop_think)

    def ask(self, name: str) -> Any:
        """One request by its name, with freshly drawn parameters; the answer."""
        request = request_of(name, lambda drawn: draw(self.plan, drawn, self.rng), self.keys)
        return self.send(name, request)

    def send(self, name: str, request: Request) -> Any:
        """Send a request; a refusal that is in order is counted by itself, not as a failure."""
        with self.client.request(
            request.method,
            request.path,
            name=name,
            json=request.body,
            headers=dict(request.headers),
            catch_response=True,
        ) as response:
            good = name_of(name, response.status_code)
            if good is not None:
                response.request_meta["name"] = good
                response.success()
        return response


def asking(family: str, **weights: int) -> list[Any]:
    """Tasks that ask these, each as often as its weight, tagged with their family."""
    return [task for name, weight in weights.items() for task in [_task(name, family)] * weight]


def _task(name: str, family: str) -> Callable[[Visitor], None]:
    def task(visitor: Visitor) -> None:
        visitor.ask(name)

    task.__name__ = name
    return cast(Callable[[Visitor], None], tag(family)(task))


@tag("unclaimed")
def _log_in(visitor: Visitor) -> None:
    """Log in with the demo password, and ask who that is."""
    answer = visitor.ask("log_in")
    if answer.ok:
        visitor.send("who_am_i", who_am_i(answer.json()["token"]))


class Shopper(Visitor):
    """Looks around, opens product pages, now and then an order; a few buy or hold something."""

    weight = 70
    tasks = (
        asking("control", products_newest=10, order_history=5, order_detail=3)
        + asking("products-by-size", products_by_size=14, products_by_category_size=10)
        + asking("image-lookups", product_detail=50, images_for_entity=8)
        + asking("write-cost", checkout=1, reserve=1)
    )


class Tracker(Visitor):
    """The script in the pages: sends batches of events while somebody looks around."""

    weight = 20
    think_median_s = 10.0
    think_sigma = 0.5
    tasks = asking("write-cost", track_events=1)


class Seller(Visitor):
    """Looks whether the shop has answered, accepts an offer, sends in more."""

    weight = 5
    think_median_s = 8.0
    tasks = asking("admin-dashboard", sell_items_for_submission=8) + asking(
        "write-cost", submit_sell_request=2, respond_to_offer=1
    )


class Account(Visitor):
    """Logs in, or forgot the password."""

    weight = 2
    think_median_s = 20.0
    tasks = asking("unclaimed", password_resets_for_user=1) + [_log_in] * 2


class Admin(Visitor):
    """Staff: sell requests first, then dashboards, logs and stock."""

    weight = 3
    think_median_s = 8.0
    tasks = (
        asking(
            "admin-dashboard",
            sell_requests_recent=10,
            sell_requests_by_status=10,
            sell_requests_summary=5,
        )
        + asking(
            "analytics",
            events_recent=4,
            events_newest_of_type=3,
            events_by_type_since=4,
            events_count_by_type=1,
            events_count_by_type_since=3,
            events_for_user=4,
            events_of_day=3,
            funnel_since=2,
        )
        + asking("log-queries", logs_recent=4, logs_errors_since=4)
        + asking("after-only", stock_history=4, stock_of_order=3, rollup_range=3, rollup_of_type=2)
    )
