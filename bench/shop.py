"""The shop's visitors, as a Locust scenario: names of operations -> HTTP calls.

    locust -f bench/shop.py --host http://127.0.0.1:8000
    locust -f bench/shop.py --host http://127.0.0.1:8000 --headless -u 100 -r 20 -t 60s
    locust -f bench/shop.py --shop-scale 0.01 --shop-seed 7  (as the database was seeded)
    locust -f bench/shop.py --tags analytics log-queries
    locust -f bench/shop.py --exclude-tags after-only        (a database before the migration)

Only Locust may import this module: importing Locust patches the standard library.
It draws from seeds.plan and never imports the application: any deployment of the
same API can be visited. Tags are the claim families of the study.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol, cast
from urllib.parse import quote, urlencode

import numpy as np
from locust import FastHttpUser, events, tag

from seeds.plan import DEFAULT_SEED, DRAWS, BadScale, BadSeed, Plan, draw, email_of

Parameters = Mapping[str, Any]

NOT_YET_SERVED = frozenset({"submit_sell_request", "checkout", "respond_to_offer"})
"""Operations whose routes the application does not have yet; nobody visits them."""

_LOG = logging.getLogger("locust.shop")
_NOT_FOUND = 404
_LONGEST_THINK_S = 120.0
_SENT_BY_PAGES = ("event_type", "user_id", "session_id", "path")


class Client(Protocol):
    """The part of Locust's HTTP session that the calls use."""

    def get(self, path: str, *, name: str) -> Any:
        """Send a GET request, counted under `name`."""
        ...

    def post(self, path: str, *, json: Any, name: str) -> Any:
        """Send a POST request with a JSON body, counted under `name`."""
        ...


Call = Callable[[Client, Parameters], Any]


def _get(name: str, path: str, **query: str) -> tuple[str, Call]:
    """A GET call: `{braces}` in path and query values stand for drawn parameters."""

    def call(client: Client, params: Parameters) -> Any:
        quoted = {key: quote(str(value), safe="") for key, value in params.items()}
        asked = {key: value.format_map(params) for key, value in query.items()}
        return client.get(
            path.format_map(quoted) + (f"?{urlencode(asked)}" if asked else ""), name=name
        )

    return name, call


def _events_of_day(client: Client, params: Parameters) -> Any:
    day = params["day_start"][:10]
    return client.get(f"/admin/analytics/daily?date={day}", name="events_of_day")


def _password_reset(client: Client, params: Parameters) -> Any:
    body = {"email": email_of(int(params["user_id"]))}
    return client.post("/auth/password-reset", json=body, name="password_resets_for_user")


def _track(client: Client, params: Parameters) -> Any:
    batch = []
    for event in json.loads(params["events"]):
        data = event["event_data"]
        sent = {key: event[key] for key in _SENT_BY_PAGES}
        batch.append({**sent, "event_data": None if data is None else json.loads(data)})
    return client.post("/analytics/track", json={"events": batch}, name="track_events")


CALLS: Mapping[str, Call] = MappingProxyType(
    dict(
        (
            _get("products_newest", "/products"),
            _get("products_by_size", "/products", size="{size}"),
            _get("products_by_category_size", "/products", category="{category}", size="{size}"),
            _get("product_detail", "/products/{product_id}"),
            _get(
                "images_for_entity", "/images", entity_type="{entity_type}", entity_id="{entity_id}"
            ),
            _get("order_history", "/orders", user_id="{user_id}"),
            _get("order_detail", "/orders/{order_number}"),
            _get("sell_items_for_submission", "/sell/submissions/{batch_id}"),
            ("password_resets_for_user", _password_reset),
            ("track_events", _track),
            _get("sell_requests_recent", "/admin/sell-requests"),
            _get("sell_requests_by_status", "/admin/sell-requests", status="{status}"),
            _get("sell_requests_summary", "/admin/sell-requests/summary"),
            _get("events_recent", "/admin/analytics/events"),
            _get("events_newest_of_type", "/admin/analytics/events", type="{event_type}"),
            _get("events_by_type_since", "/admin/analytics/events", type="{event_type}", days="7"),
            _get("events_count_by_type", "/admin/analytics/by-type"),
            _get("events_count_by_type_since", "/admin/analytics/by-type", days="7"),
            _get("events_for_user", "/admin/analytics/users/{user_id}"),
            ("events_of_day", _events_of_day),
            _get("funnel_since", "/admin/analytics/funnel", days="7"),
            _get("logs_recent", "/admin/logs"),
            _get("logs_errors_since", "/admin/logs", level="error", hours="1"),
            _get("stock_history", "/admin/stock/{product_id}"),
            _get("stock_of_order", "/admin/stock", order="{order_number}"),
            _get("rollup_range", "/admin/analytics/rollup", days="30"),
            _get("rollup_of_type", "/admin/analytics/rollup", type="{event_type}", days="90"),
        )
    )
)
"""How each operation is asked over HTTP, with the parameters that its SQL takes too."""


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


def _prepare(environment: Any, **_: Any) -> None:
    """Build what the draws look up before the first visitor comes, not while one waits."""
    plan = _plan(environment)
    for name in CALLS:
        DRAWS[name](plan, np.random.default_rng(0))


def _plan(environment: Any) -> Plan:
    options = environment.parsed_options
    return Plan(scale=options.shop_scale, seed=options.shop_seed)


class _Hint:
    """Says once what a shop that answers "not found" to every other visitor is a sign of."""

    def __init__(self) -> None:
        self._given = False

    def listen(self, name: str, response: Any = None, **_: Any) -> None:
        """Look at one answered request."""
        if self._given or getattr(response, "status_code", None) != _NOT_FOUND:
            return
        self._given = True
        _LOG.warning(
            "%s asked for something that the shop does not have; give --shop-scale and "
            "--shop-seed as its database was seeded, and --exclude-tags after-only before "
            "the migration.",
            name,
        )


_visitors = itertools.count()
_hint = _Hint()


events.init_command_line_parser.add_listener(_add_options)  # type: ignore[no-untyped-call]
events.test_start.add_listener(_prepare)  # type: ignore[no-untyped-call]
events.request.add_listener(_hint.listen)  # type: ignore[no-untyped-call]


class Visitor(FastHttpUser):
    """Anybody: has a generator of their own, thinks for lognormal seconds between requests."""

    abstract = True
    host = "http://127.0.0.1:8000"
    think_median_s = 4.0
    think_sigma = 0.8

    def on_start(self) -> None:
        """Seed this visitor's draws: by shop, worker process and visitor."""
        self.plan = _plan(self.environment)
        worker = max(getattr(self.environment.runner, "worker_index", 0), 0)
        self.rng = np.random.default_rng([self.plan.seed, worker, next(_visitors)])

    def wait_time(self) -> float:
        """Seconds until the next request."""
        seconds = float(self.rng.lognormal(np.log(self.think_median_s), self.think_sigma))
        return min(seconds, _LONGEST_THINK_S) * float(self.environment.parsed_options.shop_think)

    def ask(self, operation: str) -> None:
        """One request of that operation, with freshly drawn parameters."""
        CALLS[operation](self.client, draw(self.plan, operation, self.rng))


def asking(family: str, **weights: int) -> list[Any]:
    """Tasks that ask these operations, each as often as its weight, tagged with their family."""
    return [
        task
        for operation, weight in weights.items()
        for task in [_task(operation, family)] * weight
    ]


def _task(operation: str, family: str) -> Callable[[Visitor], None]:
    def task(visitor: Visitor) -> None:
        visitor.ask(operation)

    task.__name__ = operation
    return cast(Callable[[Visitor], None], tag(family)(task))


class Shopper(Visitor):
    """Looks around, opens product pages, now and then an order."""

    weight = 70
    tasks = (
        asking("control", products_newest=10, order_history=5, order_detail=3)
        + asking("products-by-size", products_by_size=14, products_by_category_size=10)
        + asking("image-lookups", product_detail=50, images_for_entity=8)
    )


class Tracker(Visitor):
    """The script in the pages: sends batches of events while somebody looks around."""

    weight = 20
    think_median_s = 10.0
    think_sigma = 0.5
    tasks = asking("write-cost", track_events=1)


class Seller(Visitor):
    """Looks whether the shop has answered."""

    weight = 5
    think_median_s = 8.0
    tasks = asking("admin-dashboard", sell_items_for_submission=1)


class Account(Visitor):
    """Forgot a password."""

    weight = 2
    think_median_s = 20.0
    tasks = asking("unclaimed", password_resets_for_user=1)


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
