from __future__ import annotations

from pathlib import Path

from reference_app.offline import OfflineShop
from reference_app.trade import reservations

NOW = "2025-10-05 10:00:00"


def test_what_an_account_holds_comes_back_when_it_goes(shop_after: Path) -> None:
    with OfflineShop(shop_after) as shop:
        shop._connection.execute(
            "UPDATE products SET quantity_available = 0, status = 'reserved' WHERE id IN (1, 3);"
            "INSERT INTO stock_moves (product_id, quantity_change, reason, created_at) VALUES"
            " (1, -1, 'reservation', '2025-10-05'), (3, -1, 'reservation', '2025-10-05');"
            "INSERT INTO product_reservations (product_id, user_id, status, expires_at) VALUES"
            " (1, 1, 'active', '2025-10-06 10:00:00'), (3, 2, 'active', '2025-10-06 10:00:00'),"
            " (2, 1, 'expired', '2025-10-01 10:00:00')"
        )
        assert shop.transact(lambda tx: reservations.release_all(tx, 1, NOW)) == 1
        assert shop.transact(lambda tx: reservations.release_all(tx, 1, NOW)) == 0
        left = shop._connection.execute(
            "SELECT id, quantity_available, status FROM products WHERE id < 4 ORDER BY id"
        ).fetchall()
        assert left == [(1, 1, "available"), (2, 2, "available"), (3, 0, "reserved")]
        assert shop._connection.execute(
            "SELECT status FROM product_reservations ORDER BY id"
        ).fetchall() == [("cancelled",), ("active",), ("expired",)]
        assert shop.read("stock_history", {"product_id": 1})[0]["quantity_change"] == 1
