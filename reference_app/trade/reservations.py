"""Reservations: a piece is held for a day and returns to stock through the ledger.

Functions on an open transaction, for the server and for commands that run without it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from reference_app import activity_log
from reference_app.errors import Conflict, NotFound
from reference_app.port import Row, Transaction
from reference_app.queries import RequirementFailed
from reference_app.stock import ledger
from reference_app.trade import rules
from reference_app.vocabulary import StockReason

TOGETHER = 500
"""The most lapsed reservations that one transaction ends; the query has the same limit."""

ClosingStatus = Literal["completed", "expired", "cancelled"]


def reserve(
    transaction: Transaction,
    product_id: int,
    *,
    user_id: int | None,
    session_id: str | None,
    now: str,
    expires_at: str,
) -> Row:
    """Hold a piece for a user or a session.

    Raises:
        Conflict: none is left, or the holder has one already.
        NotFound: there is no such product.
    """
    still_held = _end_lapsed_of(transaction, now, [product_id])
    rows = transaction.read("pieces_of_products", {"products": _list([product_id])})
    if not rows:
        raise rules.refusal_of({product_id: 1}, {})
    holder = {"user_id": user_id, "session_id": session_id}
    if any(_is_of(row, user_id, session_id) for row in still_held):
        raise Conflict(f"You hold product {product_id} already; buy it with POST /orders.")
    reservation_id = transaction.insert(
        "reserve", {**holder, "product_id": product_id, "now": now, "expires_at": expires_at}
    )
    try:
        # After the reservation: the status of the product depends on it.
        ledger.move(transaction, {product_id: -1}, "reservation", now, only_available=True)
    except RequirementFailed as error:
        raise rules.refusal_of({product_id: 1}, {product_id: rows[0]}) from error
    [made] = transaction.read("reservation_by_id", {"id": reservation_id})
    return {name: value for name, value in made.items() if name not in holder}


def still_active(transaction: Transaction, ids: Iterable[int], now: str) -> set[int]:
    """Which of these reservations are active."""
    rows = transaction.read("reservations_still_active", {"ids": _list(ids), "now": now})
    return {row["id"] for row in rows}


def release(
    transaction: Transaction,
    reservation_id: int,
    *,
    user_id: int | None,
    session_id: str | None,
    now: str,
) -> None:
    """Release a reservation before it expires.

    Raises:
        NotFound: this holder has no such reservation.
        Conflict: it has ended already.
    """
    rows = transaction.read("reservation_by_id", {"id": reservation_id})
    if not rows or not _is_of(rows[0], user_id, session_id):
        raise NotFound(f"There is no reservation {reservation_id}; see GET /reservations.")
    if rows[0]["status"] != "active" or rows[0]["expires_at"] <= now:
        raise Conflict(f"Reservation {reservation_id} has ended already; there is nothing to do.")
    _close(transaction, rows, "cancelled", "reservation", now)


def release_all(transaction: Transaction, user_id: int, now: str) -> int:
    """Release all reservations of an account that is deleted; their number."""
    held = transaction.read("reservations_of_user", {"user_id": user_id})
    _close(transaction, held, "cancelled", "reservation", now)
    return len(held)


def complete(
    transaction: Transaction,
    lines: Mapping[int, int],
    *,
    user_id: int | None,
    session_id: str | None,
    now: str,
) -> None:
    """Before a sale: end lapsed reservations of these products, complete those of the buyer."""
    still_held = _end_lapsed_of(transaction, now, lines)
    held = [row for row in still_held if _is_of(row, user_id, session_id)]
    _close(transaction, rules.enough(held, lines), "completed", "reservation", now)


def end_lapsed(transaction: Transaction, now: str) -> int:
    """End lapsed reservations, at most TOGETHER in one call; their number."""
    lapsed = transaction.read("lapsed_reservations", {"now": now})
    _end(transaction, lapsed, now)
    return len(lapsed)


def _end_lapsed_of(transaction: Transaction, now: str, products: Iterable[int]) -> list[Row]:
    """End lapsed reservations of these products; return the active ones."""
    active = transaction.read("reservations_of_products", {"products": _list(products)})
    _end(transaction, [row for row in active if row["expires_at"] <= now], now)
    return [row for row in active if row["expires_at"] > now]


def _end(transaction: Transaction, lapsed: Sequence[Row], now: str) -> None:
    _close(transaction, lapsed, "expired", "reservation_expired", now)
    for row in lapsed:
        activity_log.notify(
            transaction,
            row["user_id"],
            "reservation_expired",
            "Your reservation has ended",
            f"Product {row['product_id']} is on sale again; 24 hours have passed.",
            now,
        )


def _close(
    transaction: Transaction,
    rows: Sequence[Mapping[str, Any]],
    status: ClosingStatus,
    reason: StockReason,
    now: str,
) -> None:
    """End active reservations and put their pieces back on sale.

    Raises:
        RequirementFailed: one of them is not active any more.
    """
    if not rows:
        return
    # First the reservations: the status of a product depends on the active ones.
    transaction.write(
        "close_reservations", {"ids": _list(row["id"] for row in rows), "status": status}
    )
    pieces: Counter[int] = Counter()
    for row in rows:
        pieces[row["product_id"]] += row["quantity"]
    ledger.move(transaction, pieces, reason, now)


def _is_of(reservation: Row, user_id: int | None, session_id: str | None) -> bool:
    if reservation["user_id"] is not None:
        return bool(reservation["user_id"] == user_id)
    return session_id is not None and bool(reservation["session_id"] == session_id)


def _list(values: Iterable[int]) -> str:
    return json.dumps(list(values))
