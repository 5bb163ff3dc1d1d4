"""Change the stock of products, with a ledger row for each change.

All stock changes go through here, except the checkout: it has a query of its own, which is measured
as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from reference_app.port import Transaction
from reference_app.vocabulary import StockReason


def move(
    transaction: Transaction,
    changes: Mapping[int, int],
    reason: StockReason,
    now: str,
    *,
    order_id: int | None = None,
    submission_id: int | None = None,
    only_available: bool = False,
) -> None:
    """Change the stock of products, given as {product id: pieces more, or fewer}.

    The status follows what is left. A database without a ledger changes its stock alone.

    Args:
        transaction: the write transaction.
        changes: pieces by product; zeros are left out.
        reason: the reason in the ledger.
        now: the shop's time.
        order_id: the order that caused it.
        submission_id: the sell request that caused it.
        only_available: whether products must be on sale for it.

    Raises:
        RequirementFailed: there are not as many pieces, or no such product.
    """
    moved = [
        {"product_id": product_id, "quantity": quantity}
        for product_id, quantity in changes.items()
        if quantity
    ]
    if moved:
        transaction.write(
            "move_stock",
            {
                "changes": json.dumps(moved, separators=(",", ":")),
                "reason": reason,
                "order_id": order_id,
                "submission_id": submission_id,
                "only_status": "available" if only_available else None,
                "now": now,
            },
        )
