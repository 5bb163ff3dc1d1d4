"""The one way in which stock changes: the pieces of products, and a ledger row for each change.

Every part of the shop that gives or takes a piece comes through here. The checkout alone has a
query of its own, which is measured as a whole.
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
        transaction: where all of it happens, or nothing.
        changes: pieces by product; those of nothing are left out.
        reason: what the ledger calls it.
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
