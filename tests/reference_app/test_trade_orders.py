from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reference_app.trade.models import Order
from tests.reference_app.trading import GUEST, Market, market_of


def test_several_products_are_one_order(market: Market) -> None:
    bought = market.buy(
        "ann",
        (2, 2),
        (1, 1),
        fulfilment="delivery",
        shipping_address="1 Main Street",
        customer_phone="+353 1",
    )
    assert bought.status_code == 201
    order = bought.json()
    Order.model_validate(order)
    assert (order["subtotal_cents"], order["shipping_cents"]) == (22000, 695)
    assert (order["total_cents"], order["status"]) == (22695, "pending")
    assert (order["customer_name"], order["customer_email"]) == ("Ann Byrne", "ann@example.ie")
    lines = [(item["product_id"], item["quantity"]) for item in order["items"]]
    assert lines == [(2, 2), (1, 1)]
    assert market.product(1) == market.product(2) == (0, "sold")
    assert market.moves(2) == [(-2, "sale")]
    assert order["order_number"].startswith("ORD-20251005-")
    assert market.ask("ann", "GET", f"/orders/{order['order_number']}").json() == order
    told = market.ask("staff", "GET", f"/admin/stock?order={order['order_number']}").json()
    assert [move["quantity_change"] for move in told["items"]] == [-2, -1]
    assert market.sql("SELECT customer_phone FROM orders WHERE id = ?", order["id"]) == [
        ("+353 1",)
    ]


def test_a_part_of_the_stock_leaves_the_rest_on_sale(market: Market) -> None:
    assert market.buy("ann", (2, 1)).status_code == 201
    assert market.product(2) == (1, "available")


@pytest.mark.parametrize(
    ("lines", "status", "said"),
    [
        ([(2, 1), (4, 1)], 409, "Nothing is left of product 4 (Gone)"),
        ([(1, 1), (2, 3)], 409, "Only 2 of product 2 (Walker)"),
        ([(1, 1), (99, 1)], 404, "no product 99"),
        ([(1, 1), (1, 1)], 409, "Product 1 stands twice"),
    ],
)
def test_all_or_nothing(
    market: Market, lines: list[tuple[int, int]], status: int, said: str
) -> None:
    before = market.state()
    refused = market.buy("ann", *lines, key="k1")
    assert (refused.status_code, said in refused.json()["detail"]) == (status, True)
    assert market.state() == before
    assert market.buy("ann", (1, 1), key="k1").status_code == 201


def test_a_removed_product_is_not_sold(market: Market) -> None:
    market.sql("UPDATE products SET status = 'removed' WHERE id = 1")
    assert market.buy("ann", (1, 1)).status_code == 404


def test_the_same_request_under_its_key_is_the_same_order(market: Market) -> None:
    first = market.buy("ann", (2, 1), key="k1")
    assert "Idempotency-Replayed" not in first.headers
    again = market.buy("ann", (2, 1), key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert market.product(2) == (1, "available")
    assert market.buy("ann", (2, 2), key="k1").status_code == 409
    assert market.product(2) == (1, "available")


def test_a_key_belongs_to_whoever_made_it_up(market: Market) -> None:
    first = market.buy("ann", (2, 1), key="k1").json()
    other = market.buy("bob", (2, 1), key="k1")
    assert other.status_code == 201
    assert "Idempotency-Replayed" not in other.headers
    assert other.json()["order_number"] != first["order_number"]
    guests = [market.buy(None, (1, 1), key="k1", session_id=one) for one in ("s-1", "s-2", "s-1")]
    # The second is too late for the piece, and is not told of a key; the last is the first again.
    assert [one.status_code for one in guests] == [201, 409, 201]
    assert "Idempotency-Key" not in guests[1].json()["detail"]
    assert guests[2].json() == guests[0].json()


def test_requests_without_a_key_are_orders_of_their_own(market: Market) -> None:
    numbers = {market.buy("ann", (2, 1)).json()["order_number"] for _ in range(2)}
    assert len(numbers) == 2
    assert market.product(2) == (0, "sold")


def test_a_key_is_visible_text(market: Market) -> None:
    for key in ("", "a b", "x" * 129, "k\x7f"):
        assert market.buy("ann", (1, 1), key=key).status_code == 422
    assert market.buy("ann", (1, 1), key="x" * 128).status_code == 201


def test_a_guest_says_who_it_is_and_finds_its_order(market: Market) -> None:
    body = {"items": [{"product_id": 2}], "fulfilment": "collection"}
    nameless = market.ask(None, "POST", "/orders", json={**body, "customer_name": "Gil"})
    assert nameless.status_code == 409
    assert "customer_email" in nameless.json()["detail"]
    order = market.buy(None, (2, 1)).json()
    assert order["user_id"] is None
    url = f"/orders/{order['order_number']}"
    assert market.ask(None, "GET", f"{url}?email=gil@EXAMPLE.ie").json() == order
    for who, query in ((None, ""), (None, "?email=ann@example.ie"), ("ann", "")):
        assert market.ask(who, "GET", url + query).status_code == 404
    assert market.ask("staff", "GET", url).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"items": [], "fulfilment": "collection"},
        {"items": [{"product_id": 1}] * 21, "fulfilment": "collection"},
        {"items": [{"product_id": 1, "quantity": 0}], "fulfilment": "collection"},
        {"items": [{"product_id": 2**63}], "fulfilment": "collection"},
        {"items": [{"product_id": 1}], "fulfilment": "delivery"},
        {"items": [{"product_id": 1}], "fulfilment": "delivery", "shipping_address": "  "},
        {"items": [{"product_id": 1}], "fulfilment": "collection", "shipping_address": "here"},
        {"items": [{"product_id": 1}], "fulfilment": "drone"},
        {"items": [{"product_id": 1}]},
        {"items": [{"product_id": 1}], "fulfilment": "collection", "price_cents": 1},
        {"items": [{"product_id": 1}], "fulfilment": "collection", "customer_email": "gil"},
    ],
)
def test_what_no_order_can_be_is_refused_by_its_shape(market: Market, body: Any) -> None:
    assert market.ask("ann", "POST", "/orders", json=body).status_code == 422


def test_strange_text_breaks_nothing(market: Market) -> None:
    strange = "A\x00\x1b[0m\u2028\U0001f45f'\";--"
    bought = market.buy(
        "ann", (2, 1), fulfilment="delivery", shipping_address=strange, customer_name=strange
    )
    assert bought.status_code == 201
    number = bought.json()["order_number"]
    assert market.ask("ann", "GET", f"/orders/{number}").json()["shipping_address"] == strange
    assert market.ask("ann", "GET", "/orders/%00%1b").status_code == 404


def test_ones_own_orders_come_in_pages(market: Market) -> None:
    market.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45)"
        " INSERT INTO orders (order_number, user_id, customer_name, customer_email, fulfilment,"
        " subtotal_cents, total_cents, created_at) SELECT 'P-' || i, 2, 'Bob', 'b@example.ie',"
        " 'collection', 1, 1, '2025-09-' || printf('%02d', 1 + i / 5) || ' 10:00:00' FROM n"
    )
    wanted = [row[0] for row in market.sql(
        "SELECT order_number FROM orders WHERE user_id = 2 ORDER BY created_at DESC, id DESC"
    )]  # fmt: skip
    for size in (7, 20):
        found, after = [], ""
        while after is not None:
            page = market.ask("bob", "GET", f"/orders?limit={size}{after}").json()
            found += [order["order_number"] for order in page["items"]]
            after = f"&after={page['next']}" if page["next"] else None
        assert found == wanted
    assert len(market.ask("bob", "GET", "/orders").json()["items"]) == 20
    assert market.ask("bob", "GET", "/orders?after=abc").status_code == 404
    assert market.ask(None, "GET", "/orders").status_code == 401
    market.sql("DELETE FROM orders WHERE order_number LIKE 'P-%'")


def test_cancelling_gives_the_goods_and_the_money_back(market: Market) -> None:
    number = market.buy("ann", (1, 1), (2, 1)).json()["order_number"]
    assert market.ask("bob", "POST", f"/orders/{number}/cancel").status_code == 404
    assert market.ask("staff", "POST", f"/orders/{number}/cancel").status_code == 404
    paid = market.ask("staff", "PATCH", f"/admin/orders/{number}", json={"payment_status": "paid"})
    assert paid.json()["payment_status"] == "paid"
    cancelled = market.ask("ann", "POST", f"/orders/{number}/cancel")
    assert cancelled.status_code == 200
    assert (cancelled.json()["status"], cancelled.json()["payment_status"]) == (
        "cancelled",
        "refunded",
    )
    assert cancelled.json() == market.ask("ann", "GET", f"/orders/{number}").json()
    assert market.product(1) == (1, "available")
    assert market.moves(1) == [(-1, "sale"), (1, "return")]
    assert market.ask("ann", "POST", f"/orders/{number}/cancel").status_code == 409
    assert market.product(1) == (1, "available")


def test_staff_bring_an_order_to_its_end_and_back(market: Market) -> None:
    number = market.buy(
        "ann", (1, 1), fulfilment="delivery", shipping_address="1 Main Street"
    ).json()["order_number"]
    url = f"/admin/orders/{number}"
    assert market.ask("staff", "PATCH", url, json={"status": "shipped"}).status_code == 409
    for status in ("confirmed", "shipped"):
        assert market.ask("staff", "PATCH", url, json={"status": status}).status_code == 200
    assert market.ask("ann", "POST", f"/orders/{number}/cancel").status_code == 409
    returned = market.ask("staff", "POST", f"{url}/return")
    assert (returned.status_code, returned.json()["status"]) == (200, "returned")
    assert market.ask("staff", "POST", f"{url}/return").status_code == 409
    assert market.moves(1) == [(-1, "sale"), (1, "return")]
    assert (
        market.sql("SELECT action, entity_type FROM admin_activity_log")
        == [("change_order", "order")] * 3
    )
    told = market.sql("SELECT title FROM notifications WHERE user_id = 1 ORDER BY id")
    assert told[-1] == ("Your order is returned",)
    assert market.ask("staff", "POST", "/admin/orders/NONE/return").status_code == 404
    for body in ({}, {"status": None}, {"status": "lost"}):
        assert market.ask("staff", "PATCH", url, json=body).status_code == 422


def test_cancelling_by_staff_gives_the_goods_back_too(market: Market) -> None:
    number = market.buy(None, (1, 1)).json()["order_number"]
    url = f"/admin/orders/{number}"
    assert market.ask("staff", "PATCH", url, json={"status": "cancelled"}).status_code == 200
    assert market.product(1) == (1, "available")


def test_goods_of_a_removed_product_come_back_without_being_shown(market: Market) -> None:
    number = market.buy("ann", (1, 1)).json()["order_number"]
    market.sql("UPDATE products SET status = 'removed' WHERE id = 1")
    assert market.ask("ann", "POST", f"/orders/{number}/cancel").status_code == 200
    assert market.product(1) == (1, "removed")


def test_a_payment_that_changes_later_gives_nothing_back_again(market: Market) -> None:
    number = market.buy("ann", (2, 1)).json()["order_number"]
    assert market.ask("ann", "POST", f"/orders/{number}/cancel").status_code == 200
    url = f"/admin/orders/{number}"
    failed = market.ask("staff", "PATCH", url, json={"payment_status": "failed"})
    assert (failed.status_code, failed.json()["status"]) == (200, "cancelled")
    assert market.product(2) == (2, "available")


def test_staff_list_orders(market: Market) -> None:
    number = market.buy(None, (2, 1)).json()["order_number"]
    first = market.ask("staff", "GET", "/admin/orders?limit=2").json()
    assert [order["order_number"] for order in first["items"]] == [number, "ORD-2"]
    rest = market.ask("staff", "GET", f"/admin/orders?limit=2&after={first['next']}").json()
    assert ([order["order_number"] for order in rest["items"]], rest["next"]) == (["ORD-1"], None)
    assert market.ask("staff", "GET", "/admin/orders?status=shipped").json()["items"] == []
    assert first["items"][0]["customer_name"] == GUEST["customer_name"]


def test_an_account_that_went_meanwhile_buys_nothing(market: Market) -> None:
    from reference_app.errors import Unauthenticated
    from reference_app.offline import OfflineShop
    from reference_app.trade.checkout import Purchase, check_out

    with OfflineShop(market.path) as shop, pytest.raises(Unauthenticated):
        shop.transact(
            lambda tx: check_out(
                tx,
                Purchase({1: 1}, "collection", user_id=77),
                key="k",
                request_hash="h",
                order_number="n",
                now="2025-10-05 10:00:00",
            )
        )


def test_a_shop_before_the_migration_sells_and_takes_back(shop_before: Path) -> None:
    with market_of(shop_before) as market:
        number = market.buy("ann", (1, 1), key="k").json()["order_number"]
        assert market.product(1) == (0, "sold")
        assert market.ask("ann", "POST", f"/orders/{number}/cancel").status_code == 200
        assert market.ask("ann", "POST", "/reservations", json={"product_id": 1}).status_code == 201
        assert market.product(1) == (0, "reserved")
        market.clock.turn(hours=25)
        market.run_jobs()
        assert market.product(1) == (1, "available")
