"""What becomes of an order after the checkout: its states, and goods that come back.

Functions on an open transaction, for the server and for commands beside it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from reference_app import activity_log
from reference_app.errors import Conflict, NotFound
from reference_app.port import Row, Transaction
from reference_app.stock import ledger
from reference_app.trade import rules


def missing(order_number: str) -> NotFound:
    """What is said of an order that is not there, or not for whoever asks."""
    return NotFound(f"There is no order {order_number}; check the number.")


def still_unpaid(transaction: Transaction, ids: Iterable[int]) -> set[int]:
    """Which of these orders keep their pieces in the shop, unpaid."""
    rows = transaction.read("orders_still_unpaid", {"ids": json.dumps(list(ids))})
    return {row["id"] for row in rows}


def change(
    transaction: Transaction,
    order_number: str,
    *,
    status: str | None = None,
    payment_status: str | None = None,
    now: str,
) -> Row:
    """Bring an order to another state, goods and all; the order as it stands then.

    Raises:
        NotThere: there is no such order.
        Conflict: an order in its state does not go there.
    """
    found = transaction.read("order_by_number", {"order_number": order_number})
    if not found:
        raise missing(order_number)
    order = found[0]
    after, paid = rules.changed(order, status, payment_status)
    transaction.write(
        "change_order",
        {
            "id": order["id"],
            "status": after,
            "payment_status": paid,
            "status_before": order["status"],
            "payment_status_before": order["payment_status"],
            "now": now,
        },
    )
    items = transaction.read("items_of_order", {"order_number": order_number})
    if after in rules.GIVING_BACK and after != order["status"]:
        pieces: Counter[int] = Counter()
        for item in items:
            pieces[item["product_id"]] += item["quantity"]
        ledger.move(transaction, pieces, "return", now, order_id=order["id"])
    if after != order["status"]:
        activity_log.notify(
            transaction,
            order["user_id"],
            "order",
            f"Your order is {after}",
            f"Order {order_number} was {order['status']} and is {after} now.",
            now,
        )
    return {**order, "status": after, "payment_status": paid, "updated_at": now, "items": items}


def cancel(transaction: Transaction, order_number: str, user_id: int, now: str) -> Row:
    """Cancel one's own order while nothing has left the shop.

    Raises:
        NotThere: this account has no such order.
        Conflict: it is too late.
    """
    found = transaction.read("order_by_number", {"order_number": order_number})
    if not found or found[0]["user_id"] != user_id:
        raise missing(order_number)
    if "cancelled" not in rules.NEXT_STATUSES[found[0]["status"]]:
        raise Conflict(f"The order is {found[0]['status']}; it can no longer be cancelled.")
    return change(transaction, order_number, status="cancelled", now=now)
