"""The image consolidation: the same answers before and after, and nothing lost, or nothing done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reference_app import database, migrate, queries

NAME = "0005_image_consolidation"
MIGRATIONS = ["0001_baseline", "0002_safe_migration"]
SECOND_HOME = {"image_url", "image_id", "additional_images"}
URL = "https://img.example/"

Rows = list[dict[str, Any]]


def empty_shop() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.pragma("foreign_keys", True)
    migrate.apply(connection, MIGRATIONS)
    return connection


@pytest.fixture
def shop() -> Iterator[apsw.Connection]:
    connection = empty_shop()
    yield connection
    connection.close()


def add_product(
    shop: apsw.Connection,
    product_id: int,
    image_id: str | None = None,
    image_url: str | None = None,
    additional: Any = None,
) -> None:
    shop.execute(
        "INSERT INTO products (id, sku, name, category, brand, size, condition, price_cents,"
        " image_id, image_url, additional_images) VALUES (?, ?, 'A', 'BN-SHOES', 'B', 'M', 'new',"
        " 100, ?, ?, ?)",
        (product_id, f"S{product_id}", image_id, image_url, additional),
    )


def add_image(
    shop: apsw.Connection,
    external_id: str,
    entity_id: int | None,
    *,
    entity_type: str = "product",
    position: int = 0,
    url: str | None = None,
) -> None:
    shop.execute(
        "INSERT INTO images (external_id, entity_type, entity_id, url, width, height, bytes,"
        " position) VALUES (?, ?, ?, ?, 800, 600, 1000, ?)",
        (external_id, entity_type, entity_id, url or URL + external_id, position),
    )


def columns(shop: apsw.Connection) -> set[str]:
    return {str(name) for (name,) in shop.execute("SELECT name FROM pragma_table_info('products')")}


def read(shop: apsw.Connection, name: str, **params: int | str) -> Rows:
    return queries.read_named(shop, queries.load(name, database.parts(shop)), params)


def shown(shop: apsw.Connection, product_id: int) -> list[Rows]:
    """A product and its pictures as its page and the list of images show them, ids apart."""
    answers = [
        read(shop, "product_by_id", product_id=product_id),
        read(shop, "images_of_product", product_id=product_id),
        read(shop, "images_for_entity", entity_type="product", entity_id=product_id),
    ]
    assert answers[1] == answers[2]
    return [[{key: row[key] for key in row if key != "id"} for row in rows] for rows in answers]


def consolidate(shop: apsw.Connection) -> None:
    migrate.apply(shop, [NAME])


def dump(shop: apsw.Connection) -> dict[str, Any]:
    return {
        table: shop.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        for table in ("products", "images", "schema_migrations", "sqlite_master")
    }


def test_what_only_products_hold_moves_behind_the_others_in_its_order(
    shop: apsw.Connection,
) -> None:
    listed = [{"id": "c", "url": URL + "c", "width": 5, "height": 6, "bytes": 7},
              {"id": "a", "url": URL + "a"}, {"url": URL + "b"}]  # fmt: skip
    add_product(shop, 1, "m", URL + "m", json.dumps(listed))
    add_image(shop, "a", 1, position=4)
    before = shown(shop, 1)
    assert [image["external_id"] for image in before[1]] == ["a", "m", "c", URL + "b"]
    assert [image["position"] for image in before[1]] == [4, 5, 6, 8]
    assert [image["bytes"] for image in before[1]] == [1000, 0, 7, 0]
    legacy = read(shop, "images_of_product", product_id=1)[1:]
    assert [image["id"] for image in legacy] == [None] * 3
    consolidate(shop)
    assert shown(shop, 1) == before
    assert not columns(shop) & SECOND_HOME
    assert all(image["id"] for image in read(shop, "images_of_product", product_id=1))
    created = shop.execute(
        "SELECT DISTINCT i.created_at = p.created_at FROM images i, products p WHERE i.position > 4"
    )
    assert created.fetchall() == [(1,)]


def test_an_address_without_an_id_is_the_image_that_has_it(shop: apsw.Connection) -> None:
    add_product(shop, 1, None, URL + "a", json.dumps([{"url": URL + "a"}, {"id": "a"}]))
    add_image(shop, "a", 1)
    before = shown(shop, 1)
    assert len(before[1]) == 1
    consolidate(shop)
    assert shown(shop, 1) == before


PICTURES = "abcdef"


@st.composite
def products_with_pictures(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Products whose pictures stand in one home, in the other, in both, or twice in one."""
    found = []
    for product_id in range(1, draw(st.integers(1, 3)) + 1):
        names = draw(st.lists(st.sampled_from(PICTURES), unique=True, max_size=5))
        own = [f"{name}{product_id}" for name in names]
        some = st.lists(st.sampled_from(own), max_size=4) if own else st.just([])
        listed = []
        for name in draw(some):
            said: dict[str, Any] = {"id": name, "url": URL + name}
            # An id that stands nowhere else needs its address, which may need no id.
            leave_out = draw(st.sampled_from(["", "id", "null", "empty"]))
            if leave_out == "id":
                del said["id"]
            elif leave_out:
                said["id"] = None if leave_out == "null" else ""
            listed.append(said)
        main = draw(st.sampled_from([*own, None]))
        found.append(
            {
                "product_id": product_id,
                "image_id": draw(st.sampled_from([main, None, ""])),
                "image_url": URL + main if main else draw(st.sampled_from([None, ""])),
                "additional": draw(st.sampled_from([None, "", "null", "[]"]))
                if not listed
                else json.dumps(listed),
                "images": draw(st.lists(st.sampled_from(own), unique=True)) if own else [],
                "positions": draw(st.lists(st.integers(0, 3), min_size=5, max_size=5)),
            }
        )
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(products_with_pictures())
def test_reads_before_and_after_answer_the_same(products: list[dict[str, Any]]) -> None:
    shop = empty_shop()
    addresses = set()
    for product in products:
        add_product(
            shop, product["product_id"], product["image_id"], product["image_url"],
            product["additional"],
        )  # fmt: skip
        for name, position in zip(product["images"], product["positions"], strict=False):
            add_image(shop, name, product["product_id"], position=position)
            addresses.add((product["product_id"], URL + name))
        if product["image_url"]:
            addresses.add((product["product_id"], product["image_url"]))
        for said in json.loads(product["additional"] or "[]") or []:
            addresses.add((product["product_id"], said["url"]))
    ids = [product["product_id"] for product in products]
    before = {product_id: shown(shop, product_id) for product_id in ids}
    kept = read_images(shop)
    consolidate(shop)
    assert {product_id: shown(shop, product_id) for product_id in ids} == before
    assert not columns(shop) & SECOND_HOME
    assert kept <= read_images(shop)
    assert {(owner, url) for _, owner, url in read_images(shop)} == addresses
    assert database.tables(shop) >= {"products", "images"}
    left = shop.execute("SELECT count(*) FROM sqlite_temp_master WHERE type = 'table'").fetchall()
    assert left == [(0,)]
    shop.close()


def read_images(shop: apsw.Connection) -> set[tuple[Any, ...]]:
    return set(shop.execute("SELECT external_id, entity_id, url FROM images"))


REFUSED: dict[str, tuple[str, list[tuple[Any, ...]], list[tuple[Any, ...]]]] = {
    # why: (what it says, products, images)
    "no JSON": ("neither empty nor a JSON list", [(1, None, None, "[{")], []),
    "JSON5": ("neither empty nor a JSON list", [(1, None, None, "[{id:'a'}]")], []),
    "an object": ("neither empty nor a JSON list", [(1, None, None, '{"id":"a"}')], []),
    "bytes": ("neither empty nor a JSON list", [(1, b"a", URL, None)], []),
    "a plain text": ("what is no picture", [(1, None, None, '["a"]')], []),
    "a nothing": ("what is no picture", [(1, None, None, "[null]")], []),
    "an empty one": ("what is no picture", [(1, None, None, "[{}]")], []),
    "a number": ("what is no picture", [(1, None, None, '[{"id":7,"url":"u"}]')], []),
    "more said": ("what is no picture", [(1, None, None, '[{"id":"a","url":"u","alt":"x"}]')], []),
    "said twice": ("what is no picture", [(1, None, None, '[{"id":"a","id":"b","url":"u"}]')], []),
    "a broken size": ("what is no picture", [(1, None, None, '[{"url":"u","width":1.5}]')], []),
    "of two products": ("belongs to another", [(1, "a", URL + "a"), (2, "a", URL + "a")], []),
    "of another product": ("belongs to another", [(1,), (2, "a", URL + "a")], [("a", 1)]),
    "of a user": ("belongs to another", [(1, "a", URL + "a")], [("a", 1, "user")]),
    "of nobody": ("belongs to another", [(1, "a", URL + "a")], [("a", None, "other")]),
    "without an address": ("stands nowhere", [(1, "a", None)], []),
    "another address": ("stands nowhere", [(1, "a", URL + "else")], [("a", 1)]),
    "two addresses": ("stands nowhere", [(1, "a", URL, '[{"id":"a","url":"u"}]')], []),
    "another size": (
        "stands nowhere", [(1, None, None, '[{"id":"a","width":7}]')], [("a", 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_what_would_be_lost_undoes_the_whole_migration(shop: apsw.Connection, why: str) -> None:
    says, products, images = REFUSED[why]
    # One more that could move: nothing of it may, either.
    add_product(shop, 9, "n", URL + "n")
    for product in products:
        add_product(shop, *product)
    for external_id, entity_id, *kind in images:
        add_image(shop, external_id, entity_id, entity_type=kind[0] if kind else "product")
    before = dump(shop)
    with pytest.raises(migrate.MigrationRefused, match=says) as refused:
        consolidate(shop)
    assert NAME in str(refused.value)
    assert "nothing is changed" in str(refused.value)
    assert dump(shop) == before
    # The page of a product shows what can be read, and never fails.
    for product in products:
        shown(shop, product[0])
    # Once mended, it goes through on the same connection.
    shop.execute("UPDATE products SET image_id = NULL, image_url = NULL, additional_images = NULL")
    consolidate(shop)
    assert not columns(shop) & SECOND_HOME


def test_a_file_is_consolidated_and_whole(shop_after: Path) -> None:
    with_pictures = "UPDATE products SET image_id = 'p' || id, image_url = 'https://x/' || id"
    connection = database.connect(shop_after)
    connection.execute(with_pictures)
    before = [shown(connection, product_id) for product_id in (1, 2, 3, 4)]
    migrate.apply(connection, [NAME, "0006_listing_order"])
    assert [shown(connection, product_id) for product_id in (1, 2, 3, 4)] == before
    assert connection.pragma("integrity_check") == "ok"
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def test_the_newest_products_come_from_the_index_in_their_order(shop: apsw.Connection) -> None:
    migrate.apply(shop, ["0006_listing_order"])
    plan = shop.execute(
        "EXPLAIN QUERY PLAN " + queries.load("products_newest", ()).statements[0].sql
    )
    assert [row[3] for row in plan] == [
        "SEARCH products USING INDEX idx_products_status_created (status=?)"
    ]
