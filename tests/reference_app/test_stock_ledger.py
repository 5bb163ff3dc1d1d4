from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import apsw.ext
import pytest

from reference_app import database, queries
from reference_app.offline import OfflineShop
from reference_app.queries import RequirementFailed
from reference_app.stock import ledger

NOW = "2025-10-05 10:00:00"


def product(shop: OfflineShop, product_id: int) -> tuple[Any, ...]:
    return shop._connection.execute(
        "SELECT quantity_available, status FROM products WHERE id = ?", (product_id,)
    ).fetchall()[0]


def moves(shop: OfflineShop) -> list[tuple[Any, ...]]:
    return shop._connection.execute(
        "SELECT product_id, quantity_change, reason FROM stock_moves WHERE id > 2 ORDER BY id"
    ).fetchall()


def test_stock_moves_with_its_ledger_and_the_status_follows(shop_after: Path) -> None:
    with OfflineShop(shop_after) as shop:
        shop.transact(lambda tx: ledger.move(tx, {1: -1, 2: -1, 3: 0, 4: 3}, "adjustment", NOW))
        assert product(shop, 1) == (0, "sold")
        assert product(shop, 2) == (1, "available")
        assert product(shop, 3) == (1, "available")
        assert product(shop, 4) == (3, "available")
        assert moves(shop) == [(1, -1, "adjustment"), (2, -1, "adjustment"), (4, 3, "adjustment")]


def test_stock_never_goes_below_nothing_and_nothing_of_the_rest_is_written(
    shop_after: Path,
) -> None:
    with OfflineShop(shop_after) as shop:
        for changes in ({2: -1, 1: -2}, {2: -1, 99: 1}):
            with pytest.raises(RequirementFailed):
                shop.transact(lambda tx, ch=changes: ledger.move(tx, ch, "adjustment", NOW))
        assert product(shop, 2) == (2, "available")
        assert moves(shop) == []


def test_a_removed_product_stays_removed_and_can_be_demanded_on_sale(shop_after: Path) -> None:
    with OfflineShop(shop_after) as shop:
        shop._connection.execute("UPDATE products SET status = 'removed' WHERE id = 2")
        with pytest.raises(RequirementFailed):
            shop.transact(lambda tx: ledger.move(tx, {2: -1}, "sale", NOW, only_available=True))
        shop.transact(lambda tx: ledger.move(tx, {2: -1}, "adjustment", NOW))
        assert product(shop, 2) == (1, "removed")


def test_a_shop_without_a_ledger_moves_its_stock(shop_before: Path) -> None:
    with OfflineShop(shop_before) as shop:
        shop.transact(lambda tx: ledger.move(tx, {1: -1}, "adjustment", NOW))
        assert product(shop, 1) == (0, "sold")


@pytest.mark.parametrize("name", ["checkout", "move_stock", "reservations_of_products"])
def test_products_are_found_by_their_ids(shop_after: Path, name: str) -> None:
    """By their status, each checkout would walk everything that is on sale."""
    connection = database.connect(shop_after)
    query = queries.load(name, database.tables(connection))
    for statement in queries.shaped(query, query.optional).statements:
        names = apsw.ext.query_info(connection, statement.sql).bindings_names
        values = {str(one): "[]" for one in names}
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement.sql}", values).fetchall()
        found = [str(step[3]) for step in plan]
        assert not [step for step in found if "products_status" in step or "SCAN prod" in step]
    connection.close()
