"""The guards that stand in the writes themselves, whatever was read before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reference_app.offline import OfflineShop
from reference_app.queries import RequirementFailed

NOW = "2025-10-05 10:00:00"
CHANGE = {"id": 1, "status": "confirmed", "payment_status": "pending", "now": NOW}
RESERVE = {
    "product_id": 2, "user_id": 1, "session_id": None, "now": NOW, "expires_at": NOW
}  # fmt: skip
GUARDS: list[tuple[str, dict[str, Any]]] = [
    ("change_order", {**CHANGE, "status_before": "shipped", "payment_status_before": "pending"}),
    ("change_order", {**CHANGE, "status_before": "pending", "payment_status_before": "paid"}),
    ("close_reservations", {"ids": "[1, 2]", "status": "expired"}),
    ("close_offers", {"ids": "[1, 2]", "status": "refused"}),
    ("reserve", RESERVE),
    ("make_offer", {"product_id": 2, "user_id": 2, "amount_cents": 900, "now": NOW}),
    ("make_offer", {"product_id": 4, "user_id": 2, "amount_cents": 900, "now": NOW}),
]
FREE: list[tuple[str, dict[str, Any]]] = [
    ("change_order", {**CHANGE, "status_before": "pending", "payment_status_before": "pending"}),
    ("close_reservations", {"ids": "[1]", "status": "expired"}),
    ("close_offers", {"ids": "[1]", "status": "refused"}),
    ("reserve", {**RESERVE, "user_id": 2}),
    ("make_offer", {"product_id": 2, "user_id": 2, "amount_cents": 901, "now": NOW}),
]


@pytest.fixture
def shop(shop_after: Path) -> Any:
    with OfflineShop(shop_after) as shop:
        shop._connection.execute(
            "INSERT INTO product_reservations (product_id, user_id, status, expires_at) VALUES"
            " (2, 1, 'active', '2025-10-06'), (2, 2, 'expired', '2025-10-01');"
            "INSERT INTO customer_offers (product_id, user_id, amount_cents, status) VALUES"
            " (2, 1, 900, 'open'), (2, 1, 800, 'outbid')"
        )
        yield shop


@pytest.mark.parametrize(("name", "params"), GUARDS)
def test_a_write_of_a_state_that_has_gone_is_refused(
    shop: OfflineShop, name: str, params: dict[str, Any]
) -> None:
    with pytest.raises(RequirementFailed, match=name):
        shop.transact(lambda tx: tx.write(name, params))


@pytest.mark.parametrize(("name", "params"), FREE)
def test_the_same_write_of_the_state_that_is_there_goes_through(
    shop: OfflineShop, name: str, params: dict[str, Any]
) -> None:
    assert shop.transact(lambda tx: tx.write(name, params)) == 1
