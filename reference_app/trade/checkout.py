"""The checkout: stock, order, items, ledger and idempotency key in one transaction.

Functions on an open transaction, for the server and for commands that run without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from reference_app.errors import Conflict, Unauthenticated
from reference_app.port import Row, Transaction
from reference_app.queries import RequirementFailed
from reference_app.trade import reservations, rules
from reference_app.vocabulary import Fulfilment


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase; `lines` are pieces by product.

    Name, e-mail address and telephone may be missing where an account has them.
    """

    lines: Mapping[int, int]
    fulfilment: Fulfilment
    shipping_address: str | None = None
    user_id: int | None = None
    session_id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Buyer:
    """The customer of an order."""

    name: str
    email: str
    phone: str | None


def check_out(
    transaction: Transaction,
    purchase: Purchase,
    *,
    key: str,
    request_hash: str,
    order_number: str,
    now: str,
) -> tuple[Row, bool]:
    """Make the order of a purchase; True if it is that of an earlier request.

    Raises:
        Conflict: a product is sold, or the key belongs to another request.
        NotFound: there is no such product.
        Unauthenticated: the account was deleted.
    """
    lines, user_id, session_id = purchase.lines, purchase.user_id, purchase.session_id
    key = rules.own_key(user_id, session_id, key)
    earlier = _earlier_order(transaction, key, request_hash)
    if earlier is not None:
        return earlier, True
    buyer = buyer_of(transaction, purchase)
    reservations.complete(transaction, lines, user_id=user_id, session_id=session_id, now=now)
    items = [{"product_id": product, "quantity": quantity} for product, quantity in lines.items()]
    # Only for the text of an error: the query `checkout` itself has the guard.
    pieces = pieces_of(transaction, lines)
    try:
        transaction.write(
            "checkout",
            {
                "items": json.dumps(items, separators=(",", ":")),
                "order_number": order_number,
                "idempotency_key": key,
                "request_hash": request_hash,
                "user_id": user_id,
                "customer_name": buyer.name,
                "customer_email": buyer.email,
                "customer_phone": buyer.phone,
                "fulfilment": purchase.fulfilment,
                "shipping_address": purchase.shipping_address,
                "shipping_cents": rules.shipping_cents(purchase.fulfilment),
                "now": now,
            },
        )
    except RequirementFailed as error:
        raise rules.refusal_of(lines, pieces) from error
    return order_of(transaction, order_number), False


def _earlier_order(transaction: Transaction, key: str, request_hash: str) -> Row | None:
    rows = transaction.read("order_of_key", {"idempotency_key": key})
    if not rows:
        return None
    if rows[0]["request_hash"] != request_hash:
        raise Conflict(
            "This Idempotency-Key was used for another order; make up a new key for this one."
        )
    return order_of(transaction, rows[0]["order_number"])


def order_of(transaction: Transaction, order_number: str) -> Row:
    """One order and its items, as the transaction sees them."""
    params = {"order_number": order_number}
    [order] = transaction.read("order_by_number", params)
    return {**order, "items": transaction.read("items_of_order", params)}


def buyer_of(transaction: Transaction, purchase: Purchase) -> Buyer:
    """The customer of an order; data that were not given are those of the account.

    Raises:
        Conflict: a guest gave no name or no e-mail address.
        Unauthenticated: the account was deleted.
    """
    name, email, phone = purchase.name, purchase.email, purchase.phone
    if purchase.user_id is not None:
        rows = transaction.read("buyer", {"user_id": purchase.user_id})
        if not rows:
            raise Unauthenticated("This account has gone; buy as a guest, or register again.")
        name, email = name or rows[0]["name"], email or rows[0]["email"]
        phone = phone or rows[0]["phone"]
    if not name or not email:
        raise Conflict("A guest gives customer_name and customer_email; add them, or log in first.")
    return Buyer(name, email, phone)


def pieces_of(transaction: Transaction, lines: Mapping[int, int]) -> dict[int, Row]:
    """The stock of the products, by product id."""
    rows = transaction.read("pieces_of_products", {"products": json.dumps(list(lines))})
    return {row["id"]: row for row in rows}
