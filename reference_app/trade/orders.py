"""Orders after the checkout: states and returns.

Functions on an open transaction, for the server and for commands that run without it.
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
    """The error for an order that is absent, or not the caller's."""
    return NotFound(f"There is no order {order_number}; check the number.")


def still_unpaid(transaction: Transaction, ids: Iterable[int]) -> set[int]:
    """Which of these orders are unpaid and still hold their pieces."""
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
    """Change the state of an order and its stock; the changed order.

    Raises:
        NotFound: there is no such order.
        Conflict: the state of the order does not allow the change.
    """
    rows = transaction.read("order_by_number", {"order_number": order_number})
    if not rows:
        raise missing(order_number)
    order = rows[0]
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
    """Cancel a user's own order before it is shipped.

    Raises:
        NotFound: this account has no such order.
        Conflict: it is too late.
    """
    rows = transaction.read("order_by_number", {"order_number": order_number})
    if not rows or rows[0]["user_id"] != user_id:
        raise missing(order_number)
    if "cancelled" not in rules.NEXT_STATUSES[rows[0]["status"]]:
        raise Conflict(f"The order is {rows[0]['status']}; it can no longer be cancelled.")
    return change(transaction, order_number, status="cancelled", now=now)
