from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from reference_app import database
from reference_app.allowances import EventAllowance
from reference_app.errors import TooManyRequests
from reference_app.settings import Settings
from tests.reference_app.selling import GUEST, ITEM, STAFF
from tests.reference_app.test_app import client_of

PURCHASE = {
    "event_type": "purchase",
    "event_data": {"total_cents": 999_999_999},
    "session_id": "stranger",
}


def make_products(path: Path, count: int) -> list[int]:
    """Products on sale, one piece of each."""
    with closing(database.connect(path)) as connection:
        for number in range(count):
            connection.execute(
                "INSERT INTO products (sku, name, category, size, brand, condition, colour,"
                " price_cents, status, quantity_available)"
                " VALUES (?, 'A', 'BN-SHOES', 'UK 9', 'Nike', 'new', 'red', 100, 'available', 1)",
                (f"HELD-{number}",),
            )
        ids = connection.execute("SELECT id FROM products WHERE sku LIKE 'HELD-%'").fetchall()
    return [int(row[0]) for row in ids]


@pytest.mark.parametrize(
    ("limits", "sessions", "held"),
    [
        ({"reservations_by_holder": 2}, ["one"] * 4, 2),
        ({"reservations_by_address": 3}, ["one", "two", "three", "four"], 3),
    ],
)
def test_so_much_is_held_at_once(
    limits: dict[str, int], sessions: list[str], held: int, shop_after: Path
) -> None:
    products = make_products(shop_after, len(sessions))
    with client_of(shop_after, token=None, **limits) as client:

        def reserve(number: int) -> Any:
            body = {"product_id": products[number], "session_id": sessions[number]}
            return client.post("/reservations", json=body)

        made = [reserve(number) for number in range(len(sessions))]
        assert [one.status_code for one in made] == [201] * held + [409] * (len(made) - held)
        assert f"{held} pieces may be held at once" in made[-1].json()["detail"]
        # What is given back is no longer held; what a guest has bought, once it is paid.
        path = f"/reservations/{made[0].json()['id']}?session_id={sessions[0]}"
        assert client.delete(path).status_code == 204
        assert reserve(held).status_code == 201
        assert reserve(0).status_code == 409
        bought = client.post(
            "/orders",
            json={
                "items": [{"product_id": products[1]}],
                "fulfilment": "collection",
                "customer_name": "A",
                "customer_email": "a@example.ie",
                "session_id": sessions[1],
            },
        )
        assert bought.status_code == 201
        assert reserve(0).status_code == 409
        path = f"/admin/orders/{bought.json()['order_number']}"
        paid = client.patch(path, json={"payment_status": "paid"}, headers=STAFF)
        assert paid.status_code == 200
        assert reserve(0).status_code == 201


BUYER = {"fulfilment": "collection", "customer_name": "A", "customer_email": "a@example.ie"}


def buy(client: TestClient, products: list[int], session: str | None = None, **more: Any) -> Any:
    """Order one piece of each."""
    items = [{"product_id": product} for product in products]
    headers = more.pop("headers", {})
    body = {**BUYER, "items": items, "session_id": session, **more}
    return client.post("/orders", json=body, headers=headers)


def reserve(client: TestClient, product: int, session: str) -> int:
    body = {"product_id": product, "session_id": session}
    return int(client.post("/reservations", json=body).status_code)


def left_of(client: TestClient, products: list[int]) -> list[int]:
    return [client.get(f"/products/{one}").json()["quantity_available"] for one in products]


def test_no_guest_takes_all_pieces_by_orders_that_nobody_pays(shop_after: Path) -> None:
    products = make_products(shop_after, 100)
    with client_of(shop_after, token=None) as client:
        answers = [buy(client, products[at : at + 20], f"s{at}") for at in range(0, 100, 20)]
        assert [one.status_code for one in answers] == [409] * 5
        assert "10 pieces may be held at once by one account or session" in answers[0].text
        answers = [buy(client, products[at : at + 20]) for at in range(0, 100, 20)]
        assert [one.status_code for one in answers] == [201, 201, 409, 409, 409]
        assert "50 pieces may be held at once from one address" in answers[-1].text
        # Nothing of what was refused is written.
        assert sum(left_of(client, products)) == 60
        # Reservations count together with orders.
        assert [reserve(client, one, f"r{one}") for one in products[40:51]] == [201] * 10 + [409]
        elsewhere = TestClient(client.app, client=("192.0.2.9", 4711))
        assert buy(elsewhere, products[60:80]).status_code == 201


def test_many_pieces_of_one_line_count_each(shop_after: Path) -> None:
    [product] = make_products(shop_after, 1)
    with closing(database.connect(shop_after)) as connection:
        connection.execute("UPDATE products SET quantity_available = 100 WHERE id = ?", (product,))
    with client_of(shop_after, token=None, reservations_by_address=30) as client:
        statuses = [
            buy(client, [], items=[{"product_id": product, "quantity": n}]).status_code
            for n in (31, 29, 2, 1, 1)
        ]
    assert statuses == [409, 201, 409, 201, 409]


@pytest.mark.parametrize(
    ("changes", "freed"),
    [
        ([{"payment_status": "paid"}], True),
        ([{"status": "cancelled"}], True),
        ([{"status": "confirmed"}, {"status": "completed"}], True),
        ([{"status": "confirmed"}], False),
        ([{"payment_status": "failed"}], False),
    ],
)
def test_an_order_that_is_paid_or_over_holds_nothing(
    changes: list[dict[str, str]], freed: bool, shop_after: Path
) -> None:
    products = make_products(shop_after, 4)
    with client_of(shop_after, token=None, reservations_by_address=3) as client:
        first = buy(client, products[:3]).json()["order_number"]
        assert buy(client, products[3:]).status_code == 409
        for change in changes:
            answer = client.patch(f"/admin/orders/{first}", json=change, headers=STAFF)
            assert answer.status_code == 200
        assert buy(client, products[3:]).status_code == (201 if freed else 409)


@pytest.mark.parametrize("limit", ["reservations_by_holder", "reservations_by_address"])
def test_what_one_has_reserved_can_be_bought(limit: str, shop_after: Path) -> None:
    products = make_products(shop_after, 6)
    with client_of(shop_after, token=None, **{limit: 4}) as client:
        assert [reserve(client, one, "s") for one in products[:5]] == [201] * 4 + [409]
        # One piece more than that: all of it is refused, and what is held is held as before.
        assert buy(client, products[:5], "s").status_code == 409
        assert reserve(client, products[5], "s") == 409
        assert left_of(client, products) == [0, 0, 0, 0, 1, 1]
        key = {"Idempotency-Key": "again"}
        assert buy(client, products[:4], "s", headers=key).status_code == 201
        # The same request is the same order, and counts once.
        assert buy(client, products[:4], "s", headers=key).status_code == 201
        assert buy(client, products[4:5], "s").status_code == 409
        assert reserve(client, products[5], "s") == 409


def test_the_orders_of_an_account_are_not_those_of_a_guest(shop_after: Path) -> None:
    products = make_products(shop_after, 4)
    with client_of(shop_after, token="ann", reservations_by_address=2) as client:
        assert buy(client, products[:3]).status_code == 201
        guest = TestClient(client.app)
        assert buy(guest, products[3:]).status_code == 201


@pytest.mark.parametrize(
    ("limit", "sessions", "accepted"),
    [
        ({"events_by_address": "5/hour"}, ["a", "b", "c"], 2),
        ({"events_by_session": "3/hour"}, ["a", "a", "b"], 2),
        ({"event_bytes_by_address": "300/hour"}, ["a", "b", "c"], 1),
    ],
)
def test_so_many_events_are_taken(
    limit: dict[str, str], sessions: list[str], accepted: int, shop_after: Path
) -> None:
    with client_of(shop_after, **limit) as client:
        statuses = []
        for session in sessions:
            batch = [{**PURCHASE, "session_id": session}] * 2
            answer = client.post("/analytics/track", json={"events": batch})
            statuses.append(answer.status_code)
        if "events_by_session" in limit:
            assert statuses == [202, 429, 202]
        else:
            assert statuses == [202] * accepted + [429] * (len(sessions) - accepted)
            assert int(answer.headers["retry-after"]) > 0
        events = client.get("/admin/analytics/events?type=purchase").json()["items"]
    assert len([event for event in events if "999999999" in (event["event_data"] or "")]) == (
        2 * accepted
    )


PICTURES = [
    {
        "external_id": f"{number}",
        "url": "https://images.example/" + "x" * 1000,
        "width": 1,
        "height": 1,
        "bytes": 1,
    }
    for number in range(200)
]


@pytest.mark.parametrize(
    ("limit", "pictures", "accepted"),
    [
        ({"submissions_by_address": "3/hour"}, 0, 3),
        ({"submission_bytes_by_address": "6000/hour"}, 2, 2),
        # As it comes: 4,000,000 bytes an hour.
        ({}, 200, 18),
    ],
)
@pytest.mark.parametrize("token", [None, "ann"])
def test_so_many_submissions_are_taken(
    limit: dict[str, str], pictures: int, accepted: int, token: str | None, shop_after: Path
) -> None:
    def body(number: int) -> dict[str, Any]:
        mine = [
            {**one, "external_id": f"{number}-{one['external_id']}"} for one in PICTURES[:pictures]
        ]
        items = [{**ITEM, "photos": mine[at : at + 10]} for at in range(0, pictures, 10)]
        return {**GUEST, "items": items or [ITEM]}

    with client_of(shop_after, token=token, **limit) as client:
        answers = [client.post("/sell/submissions", json=body(n)) for n in range(accepted + 2)]
        assert [one.status_code for one in answers] == [201] * accepted + [429] * 2
        assert 3500 < int(answers[-1].headers["retry-after"]) <= 3600
    with closing(database.connect(shop_after)) as connection:
        [(kept,)] = connection.execute(
            "SELECT count(*) FROM sell_submissions WHERE contact_email = 'gus@example.ie'"
        )
    assert kept == accepted


def test_revenue_comes_from_orders_and_not_from_events(shop_after: Path) -> None:
    with client_of(shop_after) as client:
        before = client.get("/admin/analytics/dashboard?days=366").json()
        client.post("/analytics/track", json={"events": [PURCHASE]})
        after = client.get("/admin/analytics/dashboard?days=366").json()
        orders = client.get("/admin/orders").json()["items"]
    stands = [
        order["total_cents"]
        for order in orders
        if order["status"] not in ("cancelled", "returned")
        and order["payment_status"] not in ("refunded", "failed")
    ]
    assert stands
    assert after["revenue_cents"] == before["revenue_cents"] == sum(stands)
    assert sum(day["orders"] for day in after["sales"]) == len(stands)
    assert "999999999" not in str(after)


def test_the_limits_are_told() -> None:
    told = " ".join(Settings(database=Path("shop.db")).describe_limits())
    for part in (
        "256 of one address",
        "50 pieces held",
        "6000/minute events",
        "300/hour submissions",
        "10/minute",
    ):
        assert part in told


def test_whoever_sends_faults_without_end_is_read_no_more(shop_after: Path) -> None:
    wrong = {"fulfilment": "collection", **{f"k{number}": 1 for number in range(30)}}
    with client_of(shop_after, token=None, faults_by_address="60/minute") as client:
        statuses = [client.post("/orders", json=wrong).status_code for _ in range(4)]
        assert statuses == [422, 422, 429, 429]
        answer = client.post("/auth/login", json={})
        assert (answer.status_code, answer.headers["content-type"]) == (
            429,
            "application/problem+json",
        )
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert "wait" in answer.json()["detail"]
        # What has no body is read as before.
        assert client.get("/products").status_code == 200


def test_events_are_limited_by_the_monotonic_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    allowance = EventAllowance(
        Settings(database=Path("shop.db"), events_by_address="5/minute"), lambda: now
    )
    allowance.admit("1.2.3.4", ["a"] * 3, 10)
    # The wall clock is set back by an hour.
    wall = time.time() - 3600
    monkeypatch.setattr(time, "time", lambda: wall)
    with pytest.raises(TooManyRequests) as refused:
        allowance.admit("1.2.3.4", ["a"] * 3, 10)
    assert refused.value.retry_after_s == 60
    now += 60.0
    allowance.admit("1.2.3.4", ["a"] * 5, 10)
    with pytest.raises(TooManyRequests):
        allowance.admit("1.2.3.4", ["a"] * 6, 10)
    allowance.admit("1.2.3.5", ["a"] * 5, 10)
