"""The catalogue over HTTP: pages, filters, views, and what staff do to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from reference_app import database, paging
from reference_app.app import create_app
from reference_app.catalogue import rules
from reference_app.catalogue.rules import ProductQuery
from reference_app.catalogue.views import ViewCounter
from reference_app.clock import FixedClock
from reference_app.errors import NotFound
from reference_app.mail import MemoryOutbox
from reference_app.port import FakeDatabase
from reference_app.settings import Settings

NOW = "2025-10-05 10:00:00"
NEW = {
    "sku": "NEW-1", "name": "Court Low", "category": "BN-SHOES", "brand": "Nike", "size": "UK 9",
    "condition": "new", "price_cents": 9900, "quantity": 3,
}  # fmt: skip
PICTURE = {
    "entity_type": "product", "entity_id": 1, "external_id": "p-1", "url": "https://img.example/p",
    "width": 800, "height": 600, "bytes": 1000, "position": 5,
}  # fmt: skip


def client_of(path: Path, token: str | None = "staff") -> TestClient:
    settings = Settings(database=path, jobs=False, log_level="error")
    app = create_app(settings, clock=FixedClock(NOW), outbox=MemoryOutbox())
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return TestClient(app, raise_server_exceptions=False, headers=headers)


@pytest.fixture
def client(shop_after: Path) -> Iterator[TestClient]:
    with client_of(shop_after) as client:
        yield client


def rows(path: Path, sql: str) -> list[Any]:
    with closing(database.connect(path, query_only=True)) as connection:
        return list(connection.execute(sql))


def fill(path: Path, count: int) -> None:
    """Products whose times and prices come twice and more, so that ids have to decide."""
    with closing(database.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO products (sku, name, category, brand, size, condition, price_cents,"
            " created_at) VALUES (?, ?, 'BN-SHOES', ?, 'UK 9', 'new', ?, ?)",
            [
                (f"F{n}", f"Model {n}", ("Nike", "Puma")[n % 2], 1000 * (n % 7),
                 f"2025-09-1{n % 3} 10:00:00") for n in range(count)
            ],
        )  # fmt: skip


def walk(client: TestClient, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after, separator = None, "&" if "?" in url else "?"
    for _ in range(60):
        asked = url if after is None else f"{url}{separator}after={after}"
        body = client.get(asked).json()
        found += body["items"]
        after = body["next"]
        if after is None:
            return found
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("limit", ["", "&limit=1", "&limit=7", "&limit=100"])
@pytest.mark.parametrize(
    ("query", "where", "order"),
    [
        ("sort=newest", "1", "created_at DESC, id DESC"),
        ("sort=cheapest", "1", "price_cents, id"),
        ("sort=dearest", "1", "price_cents DESC, id DESC"),
        ("category=BN-SHOES", "category = 'BN-SHOES'", "created_at DESC, id DESC"),
        ("size=UK%209", "size = 'UK 9'", "created_at DESC, id DESC"),
        ("category=PO-SHOES&size=UK%209", "category = 'PO-SHOES' AND size = 'UK 9'", "id"),
        ("brand=Puma&condition=new", "brand = 'Puma' AND condition = 'new'",
         "created_at DESC, id DESC"),
        ("min_price_cents=2000&max_price_cents=4000&sort=cheapest",
         "price_cents BETWEEN 2000 AND 4000", "price_cents, id"),
        ("q=model%201&sort=dearest", "name LIKE 'model 1%'", "price_cents DESC, id DESC"),
        ("q=PUM", "brand = 'Puma'", "created_at DESC, id DESC"),
        ("q=nothing", "0", "id"),
    ],
)  # fmt: skip
def test_the_pages_together_are_what_was_asked_for(
    shop_after: Path, limit: str, query: str, where: str, order: str
) -> None:
    fill(shop_after, 48)
    with client_of(shop_after, token=None) as client:
        found = [item["id"] for item in walk(client, f"/products?{query}{limit}")]
    expected = rows(
        shop_after,
        f"SELECT id FROM products WHERE status = 'available' AND {where} ORDER BY {order}",
    )
    assert found == [row[0] for row in expected]


def test_what_comes_while_pages_are_turned_moves_no_other(shop_after: Path) -> None:
    fill(shop_after, 30)
    with client_of(shop_after) as client:
        first = client.get("/products?limit=10").json()
        client.post("/admin/products", json=NEW)
        gone = first["items"][3]["id"]
        assert client.delete(f"/admin/products/{gone}").status_code == 204
        second = client.get(f"/products?limit=10&after={first['next']}").json()
    ids = [item["id"] for item in first["items"] + second["items"]]
    assert len(ids) == len(set(ids)) == 20


def test_text_is_looked_for_as_it_stands(shop_after: Path) -> None:
    with closing(database.connect(shop_after)) as connection:
        connection.execute("UPDATE products SET name = '50%_off \\ x' WHERE id = 1")
    with client_of(shop_after, token=None) as client:
        for text in ("%25", "_", "%5C", "0%25_O", "%F0%9F"):
            response = client.get(f"/products?q={text}")
            assert response.status_code == 200
            found = [item["id"] for item in response.json()["items"]]
            assert found == ([1] if text != "%F0%9F" else []), text


@given(st.text(min_size=1, max_size=20))
def test_a_pattern_has_no_bare_wildcard(text: str) -> None:
    inner = rules.like_pattern(text)[1:-1]
    plain = inner.replace("\\\\", "").replace("\\%", "").replace("\\_", "")
    assert not set(plain) & set("%_\\")
    assert inner.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\") == text or (
        "\0" in text
    )


@pytest.mark.parametrize(
    "cursor",
    ["A", "none", paging.pack(1), paging.pack("newest", 3, 4), paging.pack("newest", "x"),
     paging.pack("cheapest", "2025-10-01 10:00:00", 4), paging.pack("newest", "x", 2**63 - 1, 1)],
)  # fmt: skip
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(NotFound, match="after"):
        rules.page_parameters(ProductQuery(after=cursor))


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "sort=oldest", "after=%00", "category=SHOES", "min_price_cents=-1",
     f"q={'x' * 101}", "q=", "q=%00", "brand=", f"max_price_cents={2**63}"],
)  # fmt: skip
def test_what_no_page_can_be_is_refused(client: TestClient, query: str) -> None:
    response = client.get(f"/products?{query}")
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def test_plain_first_pages_run_the_measured_queries() -> None:
    assert ProductQuery().is_plain()
    assert ProductQuery(size="L").is_plain()
    assert ProductQuery(size="L", category="BN-SHOES").is_plain()
    others = (
        ProductQuery(category="BN-SHOES"), ProductQuery(sort="cheapest"), ProductQuery(limit=10),
        ProductQuery(q="x"),
        ProductQuery(brand="x"), ProductQuery(min_price_cents=0), ProductQuery(after="x"),
    )  # fmt: skip
    assert not any(wish.is_plain() for wish in others)


def test_views_are_counted_and_kept_over_a_restart(shop_after: Path) -> None:
    with client_of(shop_after, token=None) as client:
        for _ in range(3):
            assert client.get("/products/1").status_code == 200
        client.get("/products/2")
        client.get("/products/999")
        assert client.get("/products/1").json()["views_count"] == 0
        client.portal.call(client.app.state.jobs.run_once)
        assert client.get("/products/1").json()["views_count"] == 4
    views = rows(shop_after, "SELECT id, views_count FROM products WHERE views_count > 0")
    assert views == [(1, 5), (2, 1)]


def test_views_that_could_not_be_written_are_kept() -> None:
    class Broken(FakeDatabase):
        broken = True

        async def write(self, name: str, params: Any) -> int:
            if self.broken:
                raise database.DatabaseBusy("busy")
            return await super().write(name, params)

    fake = Broken()
    views = ViewCounter(fake)
    views.count(7)
    with pytest.raises(database.DatabaseBusy):
        asyncio.run(views.flush())
    views.count(7)
    fake.broken = False
    asyncio.run(views.flush())
    asyncio.run(views.flush())
    assert fake.calls == [("count_views", {"views": '{"7":2}'})]


def test_a_new_product_comes_in_through_the_ledger(client: TestClient, shop_after: Path) -> None:
    response = client.post("/admin/products", json={**NEW, "featured": True, "colour": "red"})
    assert response.status_code == 201
    product = response.json()
    assert (product["status"], product["quantity_available"], product["featured"]) == (
        "available", 3, 1,
    )  # fmt: skip
    assert product["images"] == []
    assert client.get(f"/products/{product['id']}").json()["created_at"] == NOW
    moves = client.get(f"/admin/stock/{product['id']}").json()["items"]
    assert [(move["quantity_change"], move["reason"]) for move in moves] == [(3, "intake")]
    assert client.post("/admin/products", json=NEW).status_code == 409
    assert rows(shop_after, "SELECT count(*) FROM products WHERE sku = 'NEW-1'") == [(1,)]


def test_before_the_migration_a_product_comes_without_a_ledger(shop_before: Path) -> None:
    with client_of(shop_before) as client:
        product = client.post("/admin/products", json=NEW).json()
        assert product["quantity_available"] == 3


@pytest.mark.parametrize(
    "change",
    [{"quantity": 0}, {"price_cents": -1}, {"sku": ""}, {"category": "X"}, {"extra": 1},
     {"name": None}, {"sku": "a\u0000b"}],
)  # fmt: skip
def test_a_product_that_cannot_be_is_refused(client: TestClient, change: dict[str, Any]) -> None:
    assert client.post("/admin/products", json={**NEW, **change}).status_code == 422


def test_a_product_is_changed_in_what_is_said(client: TestClient) -> None:
    before = client.get("/products/1").json()
    change = {"price_cents": 1, "description": "Boxed.", "name": None, "featured": True}
    after = client.patch("/admin/products/1", json=change).json()
    assert after == {
        **before, "price_cents": 1, "description": "Boxed.", "featured": 1, "updated_at": NOW,
    }  # fmt: skip
    assert client.patch("/admin/products/1", json={"description": ""}).json()["description"] is None
    assert client.patch("/admin/products/999", json=change).status_code == 404
    assert client.patch("/admin/products/1", json={"quantity": 5}).status_code == 422


def test_a_removed_product_is_gone_for_visitors_and_kept_for_staff(client: TestClient) -> None:
    assert client.delete("/admin/products/1").status_code == 204
    assert client.get("/products/1").status_code == 404
    assert 1 not in [item["id"] for item in client.get("/products").json()["items"]]
    removed = client.get("/admin/products?status=removed").json()["items"]
    assert [(item["id"], item["status"]) for item in removed] == [(1, "removed")]
    assert client.delete("/admin/products/1").status_code == 404
    assert client.patch("/admin/products/1", json={"price_cents": 1}).status_code == 404
    assert client.post("/admin/images", json=PICTURE).status_code == 404


@pytest.mark.parametrize("product_id", [1, 2])
def test_a_reserved_product_is_not_removed(shop_after: Path, product_id: int) -> None:
    # The second one has another piece on sale.
    with closing(database.connect(shop_after)) as connection:
        connection.execute(
            "INSERT INTO product_reservations (product_id, user_id, expires_at)"
            " VALUES (?, 1, '2025-10-06 10:00:00')",
            (product_id,),
        )
    with client_of(shop_after) as client:
        response = client.delete(f"/admin/products/{product_id}")
        assert response.status_code == 409
        assert "reserved" in response.json()["detail"]
        assert client.get(f"/products/{product_id}").status_code == 200


def test_staff_list_every_product_a_page_at_a_time(client: TestClient) -> None:
    assert [item["id"] for item in walk(client, "/admin/products?limit=1")] == [4, 3, 2, 1]
    assert [item["id"] for item in walk(client, "/admin/products?status=sold&limit=1")] == [4]
    assert client.get("/admin/products?after=AAAA").status_code == 404


def test_pictures_come_move_and_go(client: TestClient) -> None:
    added = client.post("/admin/images", json=PICTURE)
    assert added.status_code == 201
    image = added.json()
    assert image == {**PICTURE, "id": image["id"]}
    shown = [picture["external_id"] for picture in client.get("/products/1").json()["images"]]
    assert shown == ["i2", "i1", "p-1"]
    moved = client.patch(f"/admin/images/{image['id']}", json={"position": 0})
    assert (moved.status_code, moved.json()["position"]) == (200, 0)
    assert client.post("/admin/images", json=PICTURE).status_code == 409
    assert client.delete(f"/admin/images/{image['id']}").status_code == 204
    for method in ("delete", "patch"):
        body = {"json": {"position": 1}} if method == "patch" else {}
        answer = client.request(method, f"/admin/images/{image['id']}", **body)
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("entity_type", "entity_id", "status"),
    [("product", 999, 404), ("product", None, 404), ("sell_item", 1, 201), ("sell_item", 99, 404),
     ("user", 2, 201), ("user", 99, 404), ("other", None, 201), ("other", 5, 201)],
)  # fmt: skip
def test_a_picture_is_of_something_there(
    client: TestClient, entity_type: str, entity_id: int | None, status: int
) -> None:
    picture = {**PICTURE, "entity_type": entity_type, "entity_id": entity_id}
    assert client.post("/admin/images", json=picture).status_code == status


def test_a_picture_that_was_removed_does_not_come_back_from_the_product(shop_after: Path) -> None:
    listed = [{"id": "i2", "url": "https://img.example/2"}, {"id": "z", "url": "https://z.example"},
              {"url": "https://img.example/2"}]  # fmt: skip
    with closing(database.connect(shop_after)) as connection:
        connection.execute(
            "UPDATE products SET image_id = 'i1', image_url = 'https://img.example/1',"
            " additional_images = ? WHERE id = 1",
            (json.dumps(listed),),
        )
    with client_of(shop_after) as client:
        shown = client.get("/products/1").json()["images"]
        assert [(picture["external_id"], picture["id"]) for picture in shown] == [
            ("i2", 2), ("i1", 1), ("z", None),
        ]  # fmt: skip
        assert client.delete("/admin/images/1").status_code == 204
        assert client.delete("/admin/images/2").status_code == 204
        shown = client.get("/products/1").json()["images"]
        assert [picture["external_id"] for picture in shown] == ["z"]
    left = rows(
        shop_after, "SELECT image_id, image_url, additional_images FROM products WHERE id=1"
    )
    assert left[0][:2] == (None, None)
    assert json.loads(left[0][2]) == [listed[1]]


def test_every_change_by_staff_is_written_down(client: TestClient, shop_after: Path) -> None:
    product = client.post("/admin/products", json=NEW).json()["id"]
    client.patch(f"/admin/products/{product}", json={"price_cents": 5})
    image = client.post("/admin/images", json={**PICTURE, "entity_id": product}).json()["id"]
    client.patch(f"/admin/images/{image}", json={"position": 2})
    client.delete(f"/admin/images/{image}")
    client.delete(f"/admin/products/{product}")
    client.delete("/admin/products/999")
    found = rows(
        shop_after,
        "SELECT admin_id, action, entity_type, entity_id, details FROM admin_activity_log"
        " ORDER BY id",
    )
    assert [row[:4] for row in found] == [
        (3, "add_product", "product", product),
        (3, "change_product", "product", product),
        (3, "add_image", "image", image),
        (3, "place_image", "image", image),
        (3, "remove_image", "image", image),
        (3, "remove_product", "product", product),
    ]
    assert json.loads(found[1][4]) == {"price_cents": 5}
