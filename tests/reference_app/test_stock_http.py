from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from reference_app import database, migrate
from reference_app.stock.models import Adjusted, Audit
from tests.reference_app.conftest import make_shop
from tests.reference_app.trading import Market, broken_rules, market_of, open_the_books

AFTER = ("0001_baseline", "0002_safe_migration")


def adjust(market: Market, product_id: int, change: int) -> tuple[int, dict[str, object]]:
    answer = market.ask(
        "staff",
        "POST",
        f"/admin/stock/{product_id}/adjustments",
        json={"quantity_change": change, "note": "counted again"},
    )
    return answer.status_code, answer.json()


def test_staff_put_stock_right_through_the_ledger(market: Market) -> None:
    status, adjusted = adjust(market, 2, -2)
    assert status == 201
    Adjusted.model_validate(adjusted)
    assert market.product(2) == (0, "sold")
    assert adjust(market, 4, 2)[0] == 201
    assert market.product(4) == (2, "available")
    moves = market.ask("staff", "GET", "/admin/stock/4").json()["items"]
    assert (moves[0]["quantity_change"], moves[0]["reason"]) == (2, "adjustment")
    assert market.sql("SELECT action, entity_id, details FROM admin_activity_log")[0] == (
        "adjust_stock",
        2,
        '{"quantity_change":-2,"note":"counted again"}',
    )


def test_no_adjustment_goes_below_nothing(market: Market) -> None:
    before = market.state()
    status, problem = adjust(market, 2, -3)
    assert (status, "Only 2 of product 2" in str(problem["detail"])) == (409, True)
    assert adjust(market, 99, 1)[0] == 404
    assert adjust(market, 2, 0)[0] == 422
    assert market.state() == before


def test_the_audit_proves_the_sums_and_names_what_differs(market: Market) -> None:
    market.buy("ann", (2, 1))
    good = market.ask("staff", "GET", "/admin/stock/audit").json()
    Audit.model_validate(good)
    assert (good["ok"], good["mismatches"], good["products"]) == (True, [], 4)
    market.sql("UPDATE products SET quantity_available = 5 WHERE id = 2")
    bad = market.ask("staff", "GET", "/admin/stock/audit").json()
    assert bad["ok"] is False
    assert bad["mismatches"] == [{"product_id": 2, "quantity_available": 5, "ledger": 1}]
    market.sql("UPDATE products SET quantity_available = 1 WHERE id = 2")


def test_without_a_ledger_the_audit_says_so(shop_before: Path) -> None:
    with market_of(shop_before) as market:
        found = market.ask("staff", "GET", "/admin/stock/audit").json()
        assert found == {"ledger": False, "products": 4, "moves": 0, "mismatches": [], "ok": None}
        assert adjust(market, 1, 3)[0] == 201


@pytest.mark.parametrize("times", [1, 2])
def test_an_opening_balance_makes_the_ledger_agree(tmp_path: Path, times: int) -> None:
    path = make_shop(tmp_path / "shop.db", AFTER)
    assert "stock is not the sum of the ledger" in broken_rules(path)
    for _ in range(times):
        open_the_books(path)
    assert broken_rules(path) == {}
    connection = database.connect(path)
    assert connection.execute(
        "SELECT product_id, quantity_change, reason, created_at FROM stock_moves WHERE id > 2"
    ).fetchall() == [
        (1, 1, "adjustment", "2025-09-01 10:00:00"),
        (2, 2, "adjustment", "2025-09-02 10:00:00"),
        (3, 1, "adjustment", "2025-09-02 10:00:00"),
    ]
    connection.close()


def test_the_opening_balance_is_a_migration(tmp_path: Path) -> None:
    path = make_shop(tmp_path / "shop.db", AFTER)
    connection = apsw.Connection(str(path))
    migrate.apply(connection, (*AFTER, "0004_opening_balance"))
    connection.close()
    assert broken_rules(path) == {}
