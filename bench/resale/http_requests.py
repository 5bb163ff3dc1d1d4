"""Names of operations -> HTTP requests, as values.

Each takes the parameters that the operation's SQL takes too, and keys, which know the tokens of
the shop's sessions by arithmetic: nobody asks the server for an id or a log-in beforehand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from bench.study.service import Request, SampledRequest, counted_name
from seeds.plan import DEMO_PASSWORD, Plan, email_of, session_of, token_of

Parameters = Mapping[str, Any]

CONFLICT, TOO_MANY = 409, 429
REFUSALS: Mapping[str, int] = MappingProxyType(
    {
        "checkout": CONFLICT,
        "reserve": CONFLICT,
        "respond_to_offer": CONFLICT,
        "submit_sell_request": TOO_MANY,
        "password_resets_for_user": TOO_MANY,
        "log_in": TOO_MANY,
    }
)
"""The status with which a shop in order may refuse: somebody was faster, or tried too often.
Such an answer is no failure; it is counted by itself, as `checkout: 409`."""

_SENT_BY_PAGES = ("event_type", "user_id", "session_id", "path")


@dataclass(frozen=True, slots=True)
class Keys:
    """The sessions that a seeded shop's visitors have; `staff_id` is who asks as staff."""

    plan: Plan
    staff_id: int = 1

    def of(self, user_id: int | None) -> dict[str, str]:
        """Headers of an account's newest session; of a guest, who has none."""
        row = None if user_id is None else session_of(self.plan, user_id)
        return {} if row is None else bearer(token_of(self.plan.seed, row))

    def of_staff(self) -> dict[str, str]:
        """Headers of a session of staff."""
        return self.of(self.staff_id)


def bearer(token: str) -> dict[str, str]:
    """The header that goes with a session's token."""
    return {"Authorization": f"Bearer {token}"}


Call = Callable[[Keys, Parameters], Request]


def _get(
    path: str, query: Mapping[str, str], params: Parameters, headers: dict[str, str]
) -> Request:
    quoted = {key: quote(str(value), safe="") for key, value in params.items()}
    query_values = {key: value.format_map(params) for key, value in query.items()}
    address = path.format_map(quoted) + (f"?{urlencode(query_values)}" if query_values else "")
    return Request("GET", address, headers=headers)


def _open(path: str, **query: str) -> Call:
    """Anybody asks: `{braces}` in path and query values stand for drawn parameters."""
    return lambda keys, params: _get(path, query, params, {})


def _of_account(path: str) -> Call:
    """The account that is drawn asks for what is its own."""
    return lambda keys, params: _get(path, {}, params, keys.of(params["user_id"]))


def _staff(path: str, **query: str) -> Call:
    """Staff ask, as `_open` does."""
    return lambda keys, params: _get(path, query, params, keys.of_staff())


def _events_of_day(keys: Keys, params: Parameters) -> Request:
    day = params["day_start"][:10]
    return Request("GET", f"/admin/analytics/daily?date={day}", headers=keys.of_staff())


def _password_reset(keys: Keys, params: Parameters) -> Request:
    return Request("POST", "/auth/password-reset", {"email": email_of(int(params["user_id"]))})


def _track(keys: Keys, params: Parameters) -> Request:
    batch = []
    for event in json.loads(params["events"]):
        data = event["event_data"]
        sent = {key: event[key] for key in _SENT_BY_PAGES}
        batch.append({**sent, "event_data": None if data is None else json.loads(data)})
    return Request("POST", "/analytics/track", {"events": batch})


def _submit(keys: Keys, params: Parameters) -> Request:
    sent = ("contact_name", "contact_email", "contact_phone", "seller_price_cents")
    body = {**{key: params[key] for key in sent}, "items": json.loads(params["items"])}
    return Request("POST", "/sell/submissions", body, keys.of(params["user_id"]))


def _checkout(keys: Keys, params: Parameters) -> Request:
    sent = (
        "fulfilment",
        "shipping_address",
        "customer_name",
        "customer_email",
        "customer_phone",
    )
    body = {key: params[key] for key in sent if params.get(key) is not None}
    body["items"] = json.loads(params["items"])
    once = {"Idempotency-Key": params["idempotency_key"]}
    return Request("POST", "/orders", body, once | keys.of(params["user_id"]))


def _respond(keys: Keys, params: Parameters) -> Request:
    """Sellers with an account are logged in; a guest names the address of the submission."""
    body = {"answer": "accepted", "message": params["message"]}
    if params["user_id"] is None:
        body["email"] = params["contact_email"]
    batch = quote(params["batch_id"], safe="")
    return Request("POST", f"/sell/submissions/{batch}/response", body, keys.of(params["user_id"]))


def _reserve(keys: Keys, params: Parameters) -> Request:
    """Who would check out one thing holds it instead; a guest by a session of the browser's."""
    body = {"product_id": params["product_id"]}
    if params["user_id"] is None:
        body["session_id"] = params["idempotency_key"]
    return Request("POST", "/reservations", body, keys.of(params["user_id"]))


def _log_in(keys: Keys, params: Parameters) -> Request:
    body = {"email": email_of(int(params["user_id"])), "password": DEMO_PASSWORD}
    return Request("POST", "/auth/login", body)


CALLS: Mapping[str, Call] = MappingProxyType(
    {
        "products_newest": _open("/products"),
        "products_by_size": _open("/products", size="{size}"),
        "products_by_category_size": _open("/products", category="{category}", size="{size}"),
        "product_detail": _open("/products/{product_id}"),
        "images_for_entity": _open("/images", entity_type="{entity_type}", entity_id="{entity_id}"),
        "order_history": _of_account("/orders"),
        "order_detail": _of_account("/orders/{order_number}"),
        "sell_items_for_submission": _staff("/sell/submissions/{batch_id}"),
        "password_resets_for_user": _password_reset,
        "track_events": _track,
        "submit_sell_request": _submit,
        "checkout": _checkout,
        "respond_to_offer": _respond,
        "sell_requests_recent": _staff("/admin/sell-requests"),
        "sell_requests_by_status": _staff("/admin/sell-requests", status="{status}"),
        "sell_requests_summary": _staff("/admin/sell-requests/summary"),
        "events_recent": _staff("/admin/analytics/events"),
        "events_newest_of_type": _staff("/admin/analytics/events", type="{event_type}"),
        "events_by_type_since": _staff("/admin/analytics/events", type="{event_type}", days="7"),
        "events_count_by_type": _staff("/admin/analytics/by-type"),
        "events_count_by_type_since": _staff("/admin/analytics/by-type", days="7"),
        "events_for_user": _staff("/admin/analytics/users/{user_id}"),
        "events_of_day": _events_of_day,
        "funnel_since": _staff("/admin/analytics/funnel", days="7"),
        "logs_recent": _staff("/admin/logs"),
        "logs_errors_since": _staff("/admin/logs", level="error", hours="1"),
        "stock_history": _staff("/admin/stock/{product_id}"),
        "stock_of_order": _staff("/admin/stock", order="{order_number}"),
        "rollup_range": _staff("/admin/analytics/rollup", days="30"),
        "rollup_of_type": _staff("/admin/analytics/rollup", type="{event_type}", days="90"),
    }
)
"""How each operation of the study is asked over HTTP."""

BESIDES: Mapping[str, tuple[str, Call]] = MappingProxyType(
    {
        "reserve": ("checkout", _reserve),
        "log_in": ("order_history", _log_in),
        "who_am_i": ("order_history", _of_account("/auth/me")),
    }
)
"""What visitors do besides the study's operations: whose draw it takes, and how it is asked."""


def sampled_request(
    name: str, sample_parameters: Callable[[str], Parameters], keys: Keys
) -> SampledRequest:
    """One request of an operation or of what is done besides, on freshly drawn parameters."""
    operation, call = BESIDES.get(name) or (name, CALLS[name])
    parameters = sample_parameters(operation)
    return SampledRequest(call(keys, parameters), parameters)


def who_am_i(token: str) -> Request:
    """Somebody who has just logged in asks for their account."""
    return Request("GET", "/auth/me", headers=bearer(token))


def name_of(name: str, status: int) -> str | None:
    """The name under which an answer of this status is counted as good, if it is."""
    return counted_name(name, status, REFUSALS)
