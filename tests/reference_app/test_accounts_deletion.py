"""The profile, and how a person goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reference_app.accounts_shop import PASSWORD, Shop, serving


@pytest.fixture(name="shop", params=["shop_before", "shop_after"])
def served(request: pytest.FixtureRequest) -> Iterator[Shop]:
    path: Path = request.getfixturevalue(request.param)
    with serving(path) as shop:
        yield shop


def test_the_profile_changes_where_it_is_told_to(shop: Shop) -> None:
    token = shop.join()
    changed = shop.ask("PATCH", "/auth/me", token, {"first_name": "Zoë", "last_name": None})
    assert changed.status_code == 200
    assert (changed.json()["first_name"], changed.json()["last_name"]) == ("Zoë", "Zimmer")
    assert changed.json()["phone"] == "+353 85 1"
    assert shop.ask("PATCH", "/auth/me", token, {"phone": None}).json()["phone"] is None
    assert (
        shop.ask("PATCH", "/auth/me", token, {}).json() == shop.ask("GET", "/auth/me", token).json()
    )
    assert shop.status("PATCH", "/auth/me", token, {"role": "admin"}) == 422


OF_A_PERSON = """
INSERT INTO orders (order_number, user_id, customer_name, customer_email, customer_phone,
                    fulfilment, shipping_address, subtotal_cents, total_cents)
VALUES ('ORD-Z', 4, 'Zoe Zimmer', 'zoe@example.ie', '+353', 'delivery', '1 Main Street', 5, 5);
INSERT INTO order_items (order_id, product_id, product_name, size, price_cents)
SELECT id, 4, 'Gone', 'UK 9', 5 FROM orders WHERE order_number = 'ORD-Z';
INSERT INTO sell_submissions (batch_id, user_id, contact_name, contact_email, contact_phone)
VALUES ('BATCH-Z', 4, 'Zoe Zimmer', 'zoe@example.ie', '+353');
INSERT INTO customer_offers (product_id, user_id, amount_cents) VALUES (1, 4, 100);
INSERT INTO notifications (user_id, kind, title) VALUES (4, 'x', 'x');
INSERT INTO images (external_id, entity_type, entity_id, url, width, height, bytes)
VALUES ('z1', 'user', 4, 'https://img.example/z', 1, 1, 1),
       ('z2', 'product', 4, 'https://img.example/p', 1, 1, 1);
INSERT INTO shipping_addresses (user_id, name, line1, city, postcode, country, is_default)
VALUES (4, 'Zoe', '1 Main Street', 'Galway', 'H91', 'Ireland', 1);
"""
PERSONAL = (
    "sessions",
    "password_resets",
    "email_verifications",
    "shipping_addresses",
    "notifications",
    "customer_offers",
    "product_reservations",
)


def test_the_person_goes_and_the_orders_stay(shop: Shop) -> None:
    token = shop.join()
    shop.ask("POST", "/auth/password-reset", body={"email": "zoe@example.ie"})
    shop.run(OF_A_PERSON)
    assert shop.status("DELETE", "/auth/me", token, {"password": "wrong"}) == 403
    assert shop.status("GET", "/auth/me", token) == 200
    assert shop.status("DELETE", "/auth/me", token, {"password": PASSWORD}) == 204
    assert shop.status("GET", "/auth/me", token) == 401
    assert shop.rows(
        "SELECT user_id, customer_name, customer_email, customer_phone, shipping_address,"
        " total_cents FROM orders WHERE order_number = 'ORD-Z'"
    ) == [(None, "Deleted customer", "deleted@invalid", None, None, 5)]
    assert shop.rows(
        "SELECT user_id, contact_name, contact_email, contact_phone FROM sell_submissions"
        " WHERE batch_id = 'BATCH-Z'"
    ) == [(None, "Deleted customer", "deleted@invalid", None)]
    for table in PERSONAL:
        assert shop.rows(f"SELECT count(*) FROM {table} WHERE user_id = 4") == [(0,)], table
    assert shop.rows("SELECT external_id FROM images WHERE entity_id = 4") == [("z2",)]
    # Nobody else is touched.
    assert shop.rows("SELECT count(*) FROM orders WHERE customer_name = 'Ann Byrne'") == [(2,)]
    assert shop.rows("PRAGMA foreign_key_check") == []
    body = {"email": "zoe@example.ie", "password": PASSWORD}
    assert shop.status("POST", "/auth/login", body=body) == 401
    # The address is free again.
    assert shop.join()


def test_what_a_person_holds_goes_back_on_sale(shop: Shop) -> None:
    token = shop.join()
    shop.run(
        "INSERT INTO product_reservations (product_id, user_id, expires_at)"
        " VALUES (2, 4, '2025-10-06 10:00:00');"
        "UPDATE products SET quantity_available = 1 WHERE id = 2"
    )
    assert shop.status("DELETE", "/auth/me", token, {"password": PASSWORD}) == 204
    assert shop.rows("SELECT quantity_available, status FROM products WHERE id = 2") == [
        (2, "available")
    ]
    assert shop.rows("SELECT user_id, status FROM product_reservations") == [(None, "cancelled")]
    if shop.rows("SELECT 1 FROM sqlite_master WHERE name = 'stock_moves'"):
        assert shop.rows(
            "SELECT quantity_change, reason FROM stock_moves WHERE product_id = 2"
            " ORDER BY id DESC LIMIT 1"
        ) == [(1, "reservation")]


def test_staff_whose_actions_are_logged_stay(shop: Shop) -> None:
    token = shop.join()
    assert shop.status("PATCH", "/admin/users/4", "staff", {"role": "admin"}) == 200
    assert shop.status("POST", "/admin/users/2/end-sessions", token) == 204
    refused = shop.ask("DELETE", "/auth/me", token, {"password": PASSWORD})
    assert refused.status_code == 409
    assert "log" in refused.json()["detail"]
    assert shop.status("GET", "/auth/me", token) == 200


def test_the_last_admin_stays(shop: Shop) -> None:
    token = shop.join()
    assert shop.status("PATCH", "/admin/users/4", "staff", {"role": "admin"}) == 200
    assert shop.status("DELETE", "/auth/me", token, {"password": PASSWORD}) == 204
    token = shop.join()
    shop.run("UPDATE users SET role = 'customer' WHERE id = 3")
    shop.run("UPDATE users SET role = 'admin' WHERE email = 'zoe@example.ie'")
    assert shop.status("DELETE", "/auth/me", token, {"password": PASSWORD}) == 409


def test_whoever_was_outbid_by_a_deleted_account_leads_again(shop: Shop) -> None:
    staying, leaving = shop.join("max@example.ie"), shop.join()
    url = "/products/1/offers"
    for token, amount in ((staying, 100), (leaving, 200)):
        assert shop.status("POST", url, token, {"amount_cents": amount}) == 201
    assert shop.status("DELETE", "/auth/me", leaving, {"password": PASSWORD}) == 204
    assert shop.ask("GET", f"{url}/highest").json()["amount_cents"] == 100
