"""What must hold for every part of the shop, new ones included: read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from reference_app import database, queries
from reference_app.app import create_app
from reference_app.clock import FixedClock
from reference_app.mail import MemoryOutbox
from reference_app.settings import Settings

PACKAGE = Path(queries.__file__).parents[1]
# What the study only keeps to show what is wrong with it is no use of a table.
NOT_OF_THE_SHOP = "reported_"


def sources() -> Iterator[ast.Module]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent.name != "queries":
            yield ast.parse(path.read_text(encoding="utf-8"))


def asked_names() -> set[str]:
    """The named queries that the shop's own code asks for: texts that are such a name."""
    texts = {
        node.value
        for tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {
        name for name in texts & set(queries.catalogue()) if not name.startswith(NOT_OF_THE_SHOP)
    }


def test_every_table_is_used_by_the_shop(shop_after: Path) -> None:
    with closing(database.connect(shop_after, query_only=True)) as connection:
        tables = database.tables(connection) - {"schema_migrations"}
    assert len(tables) == 20
    spoken_of = " ".join(
        statement.sql
        for name in asked_names()
        for statement in queries.catalogue()[name].statements
    )
    unused = {table for table in tables if not re.search(rf"\b{table}\b", spoken_of)}
    assert unused == set()


def test_every_query_is_asked_for() -> None:
    """A query that nothing runs is a dead option; those of the reported variant are kept."""
    operations = {name for names in queries.OPERATIONS.values() for name in names}
    kept = {name for name in queries.catalogue() if name.startswith(NOT_OF_THE_SHOP)}
    assert set(queries.catalogue()) - asked_names() - operations - kept == set()


PENDING, LATE = "BATCH-20251002-00002", "BATCH-20251003-00003"
PRODUCT = {
    "sku": "N1",
    "name": "New",
    "category": "BN-SHOES",
    "brand": "Nike",
    "size": "UK 9",
    "condition": "new",
    "price_cents": 100,
    "quantity": 1,
}
IMAGE = {
    "entity_type": "product",
    "entity_id": 1,
    "external_id": "i9",
    "url": "https://img.example/9",
    "width": 1,
    "height": 1,
    "bytes": 1,
    "position": 5,
}
OFFER = {
    "items": [{"id": 3, "approved": True, "offer_price_cents": 4000}],
    "offered_price_cents": 4000,
    "expires_in_days": 7,
}
COUNTERED = (
    "UPDATE sell_submissions SET status = 'counter_offer', seller_response = 'counter_offer',"
    " seller_response_at = '2025-10-05 09:00:00', seller_price_cents = 4500 WHERE id = 2"
)
REQUESTS: list[tuple[str, str, str, Any, str]] = [
    # (method, route, what stands for its parameter, body, what has happened before)
    ("post", "/admin/products", "", PRODUCT, ""),
    ("patch", "/admin/products/{product_id}", "2", {"featured": True}, ""),
    ("delete", "/admin/products/{product_id}", "3", None, ""),
    ("post", "/admin/images", "", IMAGE, ""),
    ("patch", "/admin/images/{image_id}", "1", {"position": 3}, ""),
    ("delete", "/admin/images/{image_id}", "2", None, ""),
    (
        "post",
        "/admin/offers/{offer_id}/accept",
        "1",
        None,
        "INSERT INTO customer_offers (id, product_id, user_id, amount_cents) VALUES (1, 1, 1, 900)",
    ),
    (
        "post",
        "/admin/offers/{offer_id}/refuse",
        "2",
        None,
        "INSERT INTO customer_offers (id, product_id, user_id, amount_cents) VALUES (2, 2, 2, 900)",
    ),
    ("patch", "/admin/orders/{order_number}", "ORD-1", {"status": "confirmed"}, ""),
    (
        "post",
        "/admin/orders/{order_number}/return",
        "ORD-2",
        None,
        "UPDATE orders SET status = 'completed', payment_status = 'paid' WHERE id = 2",
    ),
    ("post", "/admin/sell-requests/{batch_id}/review", PENDING, None, ""),
    ("post", "/admin/sell-requests/{batch_id}/offer", PENDING, OFFER, ""),
    ("post", "/admin/sell-requests/{batch_id}/accept-counter", PENDING, None, COUNTERED),
    (
        "post",
        "/admin/sell-requests/{batch_id}/receive",
        PENDING,
        {"items": [{"id": 3, "price_cents": 9000}]},
        "",
    ),
    ("post", "/admin/sell-requests/{batch_id}/pay", PENDING, None, ""),
    (
        "post",
        "/admin/sell-requests/{batch_id}/close",
        LATE,
        None,
        "UPDATE sell_submissions SET status = 'refused', seller_response = 'refused' WHERE id = 3",
    ),
    (
        "patch",
        "/admin/users/{user_id}",
        "2",
        {"role": "admin"},
        "UPDATE users SET email_verified = 1 WHERE id = 2",
    ),
    ("post", "/admin/users/{user_id}/end-sessions", "1", None, ""),
    (
        "post",
        "/admin/stock/{product_id}/adjustments",
        "2",
        {"quantity_change": 1, "note": "found"},
        "",
    ),
]


def test_every_change_by_staff_is_recorded(shop_after: Path) -> None:
    """One request to each route for staff that changes something; a new one must join them."""
    app = create_app(
        Settings(database=shop_after, jobs=False, log_level="error"),
        clock=FixedClock("2025-10-05 10:00:00"),
        outbox=MemoryOutbox(),
    )
    changing = {
        (method, route)
        for route, methods in app.openapi()["paths"].items()
        for method in methods
        if route.startswith("/admin/") and method != "get"
    }
    # Counters of what was measured are none of the shop's affairs, and stand in no table.
    changing.remove(("delete", "/admin/statements"))
    assert {(method, route) for method, route, *_ in REQUESTS} == changing
    staff = {"Authorization": "Bearer staff"}
    with (
        TestClient(app, headers=staff) as client,
        closing(database.connect(shop_after)) as connection,
    ):
        seen = 0
        for method, route, name, body, before in REQUESTS:
            connection.execute(before)
            answer = client.request(method, re.sub(r"{\w+}", name, route), json=body)
            assert answer.is_success, (method, route, answer.text)
            recorded = connection.execute(
                "SELECT admin_id, action FROM admin_activity_log WHERE id > ?", (seen,)
            ).fetchall()
            assert [admin_id for admin_id, _ in recorded] == [3], (method, route, recorded)
            seen += 1
        # What is refused is not recorded: it did not happen.
        for method, route, name, body, _ in REQUESTS:
            if route.endswith(("/accept", "/refuse", "/review", "/receive", "/pay", "/close")):
                again = client.request(method, re.sub(r"{\w+}", name, route), json=body)
                assert again.status_code == 409, route
        assert connection.execute("SELECT count(*) FROM admin_activity_log").fetchall() == [(seen,)]
