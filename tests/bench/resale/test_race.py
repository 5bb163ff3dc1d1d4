"""The probes against a shop of a few lines, right in everything but the fault it is given."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from typing import Any

import httpx
import pytest

from bench.errors import BenchError
from bench.resale.race import checks
from bench.resale.race.document import Race
from bench.resale.race.runner import Options, probe

TOKEN = "staff"
CLIENTS = 8


class FakeShop:
    """Answers the API's requests from memory; `fault` names what it gets wrong."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.products: dict[int, dict[str, Any]] = {}
        self.moves: dict[int, list[dict[str, Any]]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.numbers = itertools.count(1)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        staff = request.headers.get("authorization") == f"Bearer {TOKEN}"
        if request.url.path.startswith("/admin") and not staff:
            return httpx.Response(401, json={"detail": "Nobody is logged in."})
        for method, pattern, answer in self._routes():
            found = re.fullmatch(pattern, request.url.path)
            if request.method == method and found:
                status, content = answer(request, json.loads(body) if body else {}, *found.groups())
                return httpx.Response(status, json=content)
        return httpx.Response(404, json={"detail": f"no {request.method} {request.url.path}"})

    def _routes(self) -> list[tuple[str, str, Any]]:
        return [
            ("POST", "/auth/login", self._login),
            ("GET", "/admin/sell-requests/summary", lambda *_: (200, {"items": []})),
            ("POST", "/admin/products", self._make),
            ("DELETE", "/admin/products/(.+)", self._remove),
            ("GET", "/products/(.+)", self._product),
            ("GET", "/admin/stock/(.+)", self._stock),
            ("POST", "/orders", self._buy),
            ("GET", "/orders/(.+)", lambda request, body, number: (200, self.orders[number])),
            ("GET", "/admin/orders", lambda *_: (200, {"items": list(self.orders.values())})),
            ("PATCH", "/admin/orders/(.+)", self._change),
            ("POST", "/reservations", self._reserve),
            ("DELETE", "/reservations/(.+)", self._release),
            ("POST", "/sell/submissions", self._submit),
            ("GET", "/sell/submissions/(.+)", lambda _, __, batch: (200, self.batches[batch])),
            ("POST", "/admin/sell-requests/(.+)/review", lambda *_: (200, {})),
            ("POST", "/admin/sell-requests/(.+)/offer", lambda *_: (200, {})),
            ("POST", "/sell/submissions/(.+)/response", self._respond),
        ]

    def _login(self, request: httpx.Request, body: Any) -> tuple[int, Any]:
        right = body == {"email": "staff@example.ie", "password": "right"}
        return (200, {"token": TOKEN}) if right else (401, {"detail": "Wrong."})

    def _make(self, request: httpx.Request, body: Any) -> tuple[int, Any]:
        product = {"id": next(self.numbers), "quantity_available": body["quantity"]}
        self.products[product["id"]] = product
        self.moves[product["id"]] = [{"quantity_change": body["quantity"], "reason": "intake"}]
        return 201, product

    def _remove(self, request: httpx.Request, body: Any, product_id: str) -> tuple[int, Any]:
        if self.fault == "keeps products":
            return 409, {"detail": "It is reserved."}
        self.products[int(product_id)]["status"] = "removed"
        return 204, None

    def _product(self, request: httpx.Request, body: Any, product_id: str) -> tuple[int, Any]:
        return 200, self.products[int(product_id)]

    def _stock(self, request: httpx.Request, body: Any, product_id: str) -> tuple[int, Any]:
        if self.fault == "no ledger":
            return 404, {"detail": "This database has no stock_moves."}
        return 200, {"items": self.moves[int(product_id)]}

    def _move(self, product_id: int, change: int, reason: str) -> bool:
        product = self.products[product_id]
        guarded = self.fault not in ("sells twice", "holds twice")
        if guarded and product["quantity_available"] + change < 0:
            return False
        product["quantity_available"] += change
        if self.fault != "no moves":
            self.moves[product_id].append({"quantity_change": change, "reason": reason})
        return True

    def _buy(self, request: httpx.Request, body: Any) -> tuple[int, Any]:
        if self.fault == "busy":
            return 503, {"detail": "Too many writes are waiting."}
        key = request.headers["idempotency-key"]
        if key in self.keys and self.fault != "forgets keys":
            return 201, self.orders[self.keys[key]]
        number = f"ORD-{next(self.numbers)}"
        order = {"order_number": number, "customer_email": body["customer_email"], "items": []}
        if not self._move(body["items"][0]["product_id"], -1, "sale"):
            if self.fault == "leaves orders":
                self.orders[number] = order
            return (404 if self.fault == "tells 404" else 409), {"detail": "Sold."}
        if self.fault != "loses items":
            order["items"] = body["items"]
        self.orders[number], self.keys[key] = order, number
        return 201, order

    def _change(self, request: httpx.Request, body: Any, number: str) -> tuple[int, Any]:
        if self.fault == "keeps orders":
            return 409, {"detail": "It is shipped."}
        self.orders[number]["status"] = body["status"]
        return 200, self.orders[number]

    def _reserve(self, request: httpx.Request, body: Any) -> tuple[int, Any]:
        if not self._move(body["product_id"], -1, "reservation"):
            return 409, {"detail": "Held."}
        return 201, {"id": body["product_id"], "session_id": body["session_id"]}

    def _release(self, request: httpx.Request, body: Any, product_id: str) -> tuple[int, Any]:
        if self.fault != "keeps pieces":
            self._move(int(product_id), 1, "reservation")
        return 204, None

    def _submit(self, request: httpx.Request, body: Any) -> tuple[int, Any]:
        assert "authorization" not in request.headers
        batch = {"batch_id": f"BATCH-{next(self.numbers)}", "items": [{"id": 1}]}
        self.batches[batch["batch_id"]] = {**batch, "seller_response": None}
        return 201, batch

    def _respond(self, request: httpx.Request, body: Any, batch_id: str) -> tuple[int, Any]:
        batch = self.batches[batch_id]
        if batch["seller_response"] and self.fault != "answers twice":
            return 409, {"detail": f"It was {batch['seller_response']}."}
        contrary = {"accepted": "refused", "refused": "accepted"}
        heard = contrary[body["answer"]] if self.fault == "mishears" else body["answer"]
        batch["seller_response"] = heard
        return 200, batch


class Network(httpx.AsyncBaseTransport):
    """Hands requests to a shop once they are whole; knows how many were not, at most."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        self.under_way = 0
        self.most_under_way = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await request.aread()
        self.under_way -= 1
        answer: httpx.Response = await self.shop(request)
        return answer


def ask(shop: Any, *probes: str, rounds: int = 2, **options: Any) -> Race:
    network = shop if isinstance(shop, Network) else Network(shop)
    options = {"token": TOKEN, "clients": CLIENTS, "rounds": rounds, "probes": probes} | options
    return asyncio.run(
        probe(
            Options("http://shop", **options),
            lambda stage, done, total: None,
            transport=network,
        )
    )


def test_a_shop_without_races_holds_every_rule() -> None:
    shop = FakeShop()
    network = Network(shop)
    found = ask(network)
    assert [outcome.probe for outcome in found.probes] == [
        "last-item",
        "offer-answers",
        "reservations",
        "idempotency",
    ]
    assert all(outcome.rounds == 2 and not outcome.broken for outcome in found.probes)
    assert (found.verdict, found.left) == ("all rules hold", ())
    # Nothing is left on sale, and all were at the door before the first was let in.
    assert {product.get("status") for product in shop.products.values()} == {"removed"}
    assert [order.get("status") for order in shop.orders.values()] == ["cancelled"] * 4
    assert network.most_under_way == CLIENTS


def test_now_this_answer_wins_and_now_that() -> None:
    shop = FakeShop()
    ask(shop, "offer-answers", rounds=30)
    assert {batch["seller_response"] for batch in shop.batches.values()} == {
        "accepted",
        "refused",
    }


@pytest.mark.parametrize(
    ("fault", "name", "rules"),
    [
        ("sells twice", "last-item", {checks.SOLD_ONCE, checks.NOT_NEGATIVE}),
        ("loses items", "last-item", {checks.HAS_ITEMS}),
        ("leaves orders", "last-item", {checks.NOTHING_LEFT}),
        ("tells 404", "last-item", {checks.LOSERS_REFUSED}),
        ("no moves", "last-item", {checks.LEDGER}),
        ("answers twice", "offer-answers", {checks.ANSWERED_ONCE, checks.WINNER_STORED}),
        ("mishears", "offer-answers", {checks.WINNER_STORED}),
        ("holds twice", "reservations", {checks.RESERVED_ONCE, checks.NOT_NEGATIVE}),
        ("keeps pieces", "reservations", {checks.COUNTED}),
        ("forgets keys", "idempotency", {checks.ONE_ORDER, checks.COUNTED, checks.LEDGER}),
    ],
)
def test_each_fault_is_caught_by_its_rule(fault: str, name: str, rules: set[str]) -> None:
    found = ask(FakeShop(fault), name)
    assert {broken.rule for broken in found.probes[0].broken} >= rules
    if fault not in ("sells twice", "holds twice", "forgets keys"):
        assert {broken.rule for broken in found.probes[0].broken} == rules
    assert found.verdict == "a rule broke"


def test_a_shop_without_a_ledger_is_probed_all_the_same() -> None:
    found = ask(FakeShop("no ledger"), "last-item")
    assert (found.verdict, found.probes[0].ledger) == ("all rules hold", False)


def test_a_busy_shop_cannot_be_probed_and_is_given_up() -> None:
    [outcome] = ask(FakeShop("busy"), "last-item", rounds=9).probes
    assert (outcome.rounds, outcome.not_probed) == (0, 9)
    assert outcome.reason is not None
    assert re.search(r"round 1: client \d+ got 503: Too many writes are waiting", outcome.reason)
    assert ask(FakeShop("busy"), "last-item").verdict == "not everything could be probed"


def test_a_client_that_fails_does_not_hold_up_the_others() -> None:
    shop = FakeShop()

    async def flaky(request: httpx.Request) -> httpx.Response:
        if request.headers.get("idempotency-key", "").endswith("-3"):
            raise httpx.ConnectError("refused")
        return await shop(request)

    [outcome] = ask(flaky, "last-item", rounds=1).probes
    assert outcome.not_probed == 1
    assert "got no answer" in str(outcome.reason)


@pytest.mark.parametrize(
    ("fault", "told"), [("keeps products", "It is reserved."), ("keeps orders", "It is shipped.")]
)
@pytest.mark.parametrize("probe", ["last-item", "idempotency"])
def test_what_cannot_be_removed_is_told(fault: str, told: str, probe: str) -> None:
    found = ask(FakeShop(fault), probe, rounds=1)
    assert found.verdict == "all rules hold"
    assert len(found.left) == 1
    assert told in found.left[0]


def test_staff_logs_in_once() -> None:
    found = ask(FakeShop(), "last-item", token=None, email="staff@example.ie", password="right")
    assert found.verdict == "all rules hold"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"token": None, "email": "staff@example.ie", "password": "wrong"}, "could not log in"),
        ({"token": "ended"}, "not those of staff"),
        ({"token": None}, "--admin-email"),
    ],
)
def test_wrong_credentials_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(BenchError, match=told):
        ask(FakeShop(), "last-item", **options)


@pytest.mark.parametrize("url", ["shop", "", "ftp://shop", "http://", "http://a:b"])
def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises(BenchError, match="is no URL"):
        asyncio.run(probe(Options(url, token=TOKEN), lambda *_: None))


def test_a_url_that_nobody_serves_is_told() -> None:
    # The discard port: nothing listens there.
    with pytest.raises(BenchError, match=r"Nothing answers at http://127\.0\.0\.1:9"):
        asyncio.run(probe(Options("http://127.0.0.1:9", token=TOKEN), lambda *_: None))
