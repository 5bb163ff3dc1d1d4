"""Reservations: a piece is held for one person, for a day, and comes back through the ledger.

Functions on an open transaction, for the server and for commands beside it. No HTTP may enter.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from reference_app.port import Row, Transaction
from reference_app.stock import ledger
from reference_app.vocabulary import StockReason


def release_all(transaction: Transaction, user_id: int, now: str) -> int:
    """Give back what an account holds, as when it goes; the number of reservations ended."""
    held = transaction.read(
        "held_reservations", {"user_id": user_id, "session_id": None, "products": None}
    )
    _close(transaction, held, "cancelled", "reservation", now)
    return len(held)


def _close(
    transaction: Transaction, found: Sequence[Row], status: str, reason: StockReason, now: str
) -> None:
    """End active reservations and put their pieces back on sale.

    Raises:
        RequirementFailed: one of them is not active any more.
    """
    if not found:
        return
    # First the reservations: the status of a product looks at those that are still active.
    transaction.write(
        "close_reservations", {"ids": _list(row["id"] for row in found), "status": status}
    )
    pieces: Counter[int] = Counter()
    for row in found:
        pieces[row["product_id"]] += row["quantity"]
    ledger.move(transaction, pieces, reason, now)


def _list(values: Iterable[int]) -> str:
    return json.dumps(list(values))
