"""The checkout: stock, order, items, ledger and key, all of it or nothing.

Functions on an open transaction, for the server and for commands beside it.
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
    """What somebody wants to buy; `lines` are pieces by product.

    Name, address and telephone may be missing where an account has them.
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
    """Who an order is made out to."""

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
    """Sell what is wanted; the order, and whether it is that of an earlier request.

    Raises:
        Conflict: something is sold already, or the key stands for another request.
        NotThere: there is no such product.
        NotLoggedIn: the account has gone.
    """
    key = rules.own_key(purchase.user_id, purchase.session_id, key)
    earlier = transaction.read("order_of_key", {"idempotency_key": key})
    if earlier:
        if earlier[0]["request_hash"] != request_hash:
            raise Conflict(
                "This Idempotency-Key was used for another order; make up a new key for this one."
            )
        return order_of(transaction, earlier[0]["order_number"]), True
    buyer = buyer_of(transaction, purchase)
    reservations.make_way(
        transaction,
        purchase.lines,
        user_id=purchase.user_id,
        session_id=purchase.session_id,
        now=now,
    )
    items = [
        {"product_id": product_id, "quantity": quantity}
        for product_id, quantity in purchase.lines.items()
    ]
    # Only for the sentence of a refusal: the guard stands in the checkout itself.
    pieces = pieces_of(transaction, purchase.lines)
    try:
        transaction.write(
            "checkout",
            {
                "items": json.dumps(items, separators=(",", ":")),
                "order_number": order_number,
                "idempotency_key": key,
                "request_hash": request_hash,
                "user_id": purchase.user_id,
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
        raise rules.refusal_of(purchase.lines, pieces) from error
    return order_of(transaction, order_number), False


def order_of(transaction: Transaction, order_number: str) -> Row:
    """One order and its items, as the transaction sees them."""
    asked = {"order_number": order_number}
    [order] = transaction.read("order_by_number", asked)
    return {**order, "items": transaction.read("items_of_order", asked)}


def buyer_of(transaction: Transaction, purchase: Purchase) -> Buyer:
    """Who an order is made out to: what was given, and the account's own otherwise.

    Raises:
        Conflict: a guest gave no name or no address.
        NotLoggedIn: the account has gone.
    """
    name, email, phone = purchase.name, purchase.email, purchase.phone
    if purchase.user_id is not None:
        found = transaction.read("buyer", {"user_id": purchase.user_id})
        if not found:
            raise Unauthenticated("This account has gone; buy as a guest, or register again.")
        name, email = name or found[0]["name"], email or found[0]["email"]
        phone = phone or found[0]["phone"]
    if not name or not email:
        raise Conflict("A guest gives customer_name and customer_email; add them, or log in first.")
    return Buyer(name, email, phone)


def pieces_of(transaction: Transaction, lines: Mapping[int, int]) -> dict[int, Row]:
    """What is there of the products wanted, by product."""
    found = transaction.read("pieces_of_products", {"products": json.dumps(list(lines))})
    return {row["id"]: row for row in found}
