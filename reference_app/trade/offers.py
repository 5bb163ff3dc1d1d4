"""Offers of customers: a bid above the highest, answered by the shop, once.

Functions on an open transaction, for the server and for commands beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from reference_app import activity_log
from reference_app.errors import Conflict, NotFound
from reference_app.port import Row, Transaction
from reference_app.queries import RequirementFailed
from reference_app.stock import ledger
from reference_app.trade import checkout, reservations, rules
from reference_app.trade.checkout import Purchase

Ending = Literal["outbid", "accepted", "refused"]


def missing_product(product_id: int) -> NotFound:
    """What is said of a product that is not there."""
    return NotFound(f"There is no product {product_id}; take an id from GET /products.")


def missing_offer(offer_id: int) -> NotFound:
    """What is said of an offer that is not there, or not for whoever asks."""
    return NotFound(f"There is no offer {offer_id}; take an id from the list of offers.")


def bid(
    transaction: Transaction, product_id: int, user_id: int, amount_cents: int, now: str
) -> Row:
    """Offer more for a product than anybody else; who was outbid is told.

    Raises:
        NotThere: there is no such product.
        Conflict: it is sold, or somebody offers as much.
    """
    if not transaction.read("highest_offer", {"product_id": product_id}):
        raise missing_product(product_id)
    former = transaction.read("open_offers", {"product_id": product_id})
    if former and former[0]["amount_cents"] >= amount_cents:
        raise Conflict(
            f"The highest offer is {former[0]['amount_cents']} cents; offer more than that."
        )
    try:
        offer_id = transaction.insert(
            "make_offer",
            {
                "product_id": product_id,
                "user_id": user_id,
                "amount_cents": amount_cents,
                "now": now,
            },
        )
    except RequirementFailed as error:
        raise Conflict(f"Product {product_id} is sold; take another from GET /products.") from error
    _close(transaction, former, "outbid")
    told = {offer["user_id"] for offer in former} - {user_id}
    for other in sorted(told):
        activity_log.notify(
            transaction,
            other,
            "offer_outbid",
            "You were outbid",
            f"Somebody offers {amount_cents} cents for product {product_id}; offer more to lead.",
            now,
        )
    return offer(transaction, offer_id)


def withdraw(transaction: Transaction, offer_id: int, user_id: int, now: str) -> None:
    """Take one's own offer back; whoever it had outbid leads again, and is told.

    One that was outbid is taken back too, so that it never leads again.

    Raises:
        NotThere: this account has made no such offer.
        Conflict: it was answered, or taken back.
    """
    found = offer(transaction, offer_id)
    if found["user_id"] != user_id:
        raise missing_offer(offer_id)
    if found["status"] not in ("open", "outbid"):
        _check_open(found)
    transaction.write("withdraw_offer", {"id": offer_id})
    if found["status"] == "open":
        _lead_again(transaction, found, now)


def withdraw_all(transaction: Transaction, user_id: int, now: str) -> None:
    """Take back what leads of an account's offers, as when it goes."""
    for found in transaction.read("open_offers_of_user", {"user_id": user_id}):
        withdraw(transaction, found["id"], user_id, now)


def _lead_again(transaction: Transaction, gone: Mapping[str, Any], now: str) -> None:
    """Open the highest offer of another account below one that is gone, if there is any."""
    below = {"product_id": gone["product_id"], "user_id": gone["user_id"]}
    for found in transaction.read("next_offer", below):
        transaction.write("reopen_offer", {"id": found["id"]})
        _tell(
            transaction,
            found,
            "offer_leads_again",
            "Your offer leads again",
            f"A higher offer for product {found['product_id']} was withdrawn: yours of "
            f"{found['amount_cents']} cents leads. Withdraw it if you no longer want it.",
            now,
        )


def accept(transaction: Transaction, offer_id: int, order_number: str, now: str) -> tuple[Row, Row]:
    """Sell a piece to a bidder at the price offered; the offer and its order.

    The other open offers on the product are refused.

    Raises:
        NotThere: there is no such offer.
        Conflict: it was answered already, or nothing is left.
    """
    found = offer(transaction, offer_id)
    _check_open(found)
    product_id, user_id = found["product_id"], found["user_id"]
    lines = {product_id: 1}
    buyer = checkout.buyer_of(transaction, Purchase(lines, "collection", user_id=user_id))
    reservations.make_way(transaction, lines, user_id=user_id, session_id=None, now=now)
    pieces = checkout.pieces_of(transaction, lines)
    transaction.write(
        "order_at_offer",
        {
            "order_number": order_number,
            "user_id": user_id,
            "customer_name": buyer.name,
            "customer_email": buyer.email,
            "customer_phone": buyer.phone,
            "amount_cents": found["amount_cents"],
            "product_id": product_id,
            "now": now,
        },
    )
    order = checkout.order_of(transaction, order_number)
    try:
        ledger.move(
            transaction, {product_id: -1}, "sale", now, order_id=order["id"], only_available=True
        )
    except RequirementFailed as error:
        raise rules.refusal_of(lines, pieces) from error
    _close(transaction, [found], "accepted")
    others = transaction.read("open_offers", {"product_id": product_id})
    _close(transaction, others, "refused")
    _tell(
        transaction,
        found,
        "offer_accepted",
        "Your offer was accepted",
        f"Order {order_number} is ready to be paid and collected.",
        now,
    )
    for other in others:
        _tell_refused(transaction, {**other, "product_id": product_id}, now)
    return offer(transaction, offer_id), order


def refuse(transaction: Transaction, offer_id: int, now: str) -> Row:
    """Turn an offer down; the offer.

    Raises:
        NotThere: there is no such offer.
        Conflict: it was answered already.
    """
    found = offer(transaction, offer_id)
    _check_open(found)
    _close(transaction, [found], "refused")
    _tell_refused(transaction, found, now)
    return {**found, "status": "refused"}


def offer(transaction: Transaction, offer_id: int) -> Row:
    """One offer.

    Raises:
        NotThere: there is none.
    """
    found = transaction.read("offer_by_id", {"id": offer_id})
    if not found:
        raise missing_offer(offer_id)
    return found[0]


def _check_open(found: Row) -> None:
    if found["status"] != "open":
        raise Conflict(f"Offer {found['id']} is {found['status']} already; there is nothing to do.")


def _close(transaction: Transaction, offers: Iterable[Mapping[str, Any]], status: Ending) -> None:
    """End open offers.

    Raises:
        RequirementFailed: one of them is not open any more.
    """
    ids = [one["id"] for one in offers]
    if ids:
        transaction.write("close_offers", {"ids": json.dumps(ids), "status": status})


def _tell_refused(transaction: Transaction, found: Mapping[str, Any], now: str) -> None:
    _tell(
        transaction,
        found,
        "offer_refused",
        "Your offer was not accepted",
        f"The offer of {found['amount_cents']} cents for product {found['product_id']} has ended.",
        now,
    )


def _tell(
    transaction: Transaction, found: Mapping[str, Any], kind: str, title: str, body: str, now: str
) -> None:
    activity_log.notify(transaction, found["user_id"], kind, title, body, now)
