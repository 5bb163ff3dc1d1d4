"""Customers' offers: each is above the highest one, and the shop answers it once.

Functions on an open transaction, for the server and for commands that run without it.
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

ClosingStatus = Literal["outbid", "accepted", "refused"]


def missing_product(product_id: int) -> NotFound:
    """The error for an absent product."""
    return NotFound(f"There is no product {product_id}; take an id from GET /products.")


def missing_offer(offer_id: int) -> NotFound:
    """The error for an offer that is absent, or not the caller's."""
    return NotFound(f"There is no offer {offer_id}; take an id from the list of offers.")


def bid(
    transaction: Transaction, product_id: int, user_id: int, amount_cents: int, now: str
) -> Row:
    """Offer more for a product than anybody else; outbid users are notified.

    Raises:
        NotFound: there is no such product.
        Conflict: it is sold, or another offer is as high.
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
    outbid_users = {offer["user_id"] for offer in former} - {user_id}
    for other in sorted(outbid_users):
        activity_log.notify(
            transaction,
            other,
            "offer_outbid",
            "You were outbid",
            f"Somebody offers {amount_cents} cents for product {product_id}; offer more to lead.",
            now,
        )
    return read_offer(transaction, offer_id)


def withdraw(transaction: Transaction, offer_id: int, user_id: int, now: str) -> None:
    """Withdraw a user's offer, open or outbid.

    After an open one, the bidder it had outbid leads again and is notified.

    Raises:
        NotFound: this account has made no such offer.
        Conflict: it was answered or withdrawn.
    """
    offer = read_offer(transaction, offer_id)
    if offer["user_id"] != user_id:
        raise missing_offer(offer_id)
    if offer["status"] not in ("open", "outbid"):
        _check_open(offer)
    transaction.write("withdraw_offer", {"id": offer_id})
    if offer["status"] == "open":
        _reopen_next_offer(transaction, offer, now)


def withdraw_all(transaction: Transaction, user_id: int, now: str) -> None:
    """Withdraw all open offers of an account that is deleted."""
    for offer in transaction.read("open_offers_of_user", {"user_id": user_id}):
        withdraw(transaction, offer["id"], user_id, now)


def _reopen_next_offer(transaction: Transaction, withdrawn: Mapping[str, Any], now: str) -> None:
    """Reopen the highest offer of another account below a withdrawn one, if there is any."""
    below = {"product_id": withdrawn["product_id"], "user_id": withdrawn["user_id"]}
    for offer in transaction.read("next_offer", below):
        transaction.write("reopen_offer", {"id": offer["id"]})
        _notify(
            transaction,
            offer,
            "offer_leads_again",
            "Your offer leads again",
            f"A higher offer for product {offer['product_id']} was withdrawn: yours of "
            f"{offer['amount_cents']} cents leads. Withdraw it if you no longer want it.",
            now,
        )


def accept(transaction: Transaction, offer_id: int, order_number: str, now: str) -> tuple[Row, Row]:
    """Sell a piece to a bidder at the price offered; the offer and its order.

    The other open offers on the product are refused.

    Raises:
        NotFound: there is no such offer.
        Conflict: it was answered already, or nothing is left.
    """
    offer = read_offer(transaction, offer_id)
    _check_open(offer)
    product_id, user_id = offer["product_id"], offer["user_id"]
    lines = {product_id: 1}
    buyer = checkout.buyer_of(transaction, Purchase(lines, "collection", user_id=user_id))
    reservations.complete(transaction, lines, user_id=user_id, session_id=None, now=now)
    pieces = checkout.pieces_of(transaction, lines)
    transaction.write(
        "order_at_offer",
        {
            "order_number": order_number,
            "user_id": user_id,
            "customer_name": buyer.name,
            "customer_email": buyer.email,
            "customer_phone": buyer.phone,
            "amount_cents": offer["amount_cents"],
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
    _close(transaction, [offer], "accepted")
    others = transaction.read("open_offers", {"product_id": product_id})
    _close(transaction, others, "refused")
    text = f"Order {order_number} is ready to be paid and collected."
    _notify(transaction, offer, "offer_accepted", "Your offer was accepted", text, now)
    for other in others:
        _notify_refused(transaction, {**other, "product_id": product_id}, now)
    return read_offer(transaction, offer_id), order


def refuse(transaction: Transaction, offer_id: int, now: str) -> Row:
    """Refuse an offer.

    Raises:
        NotFound: there is no such offer.
        Conflict: it was answered already.
    """
    offer = read_offer(transaction, offer_id)
    _check_open(offer)
    _close(transaction, [offer], "refused")
    _notify_refused(transaction, offer, now)
    return {**offer, "status": "refused"}


def read_offer(transaction: Transaction, offer_id: int) -> Row:
    """One offer.

    Raises:
        NotFound: there is none.
    """
    rows = transaction.read("offer_by_id", {"id": offer_id})
    if not rows:
        raise missing_offer(offer_id)
    return rows[0]


def _check_open(offer: Row) -> None:
    if offer["status"] != "open":
        raise Conflict(f"Offer {offer['id']} is {offer['status']} already; there is nothing to do.")


def _close(
    transaction: Transaction, offers: Iterable[Mapping[str, Any]], status: ClosingStatus
) -> None:
    """End open offers.

    Raises:
        RequirementFailed: one of them is not open any more.
    """
    ids = [offer["id"] for offer in offers]
    if ids:
        transaction.write("close_offers", {"ids": json.dumps(ids), "status": status})


def _notify_refused(transaction: Transaction, offer: Mapping[str, Any], now: str) -> None:
    _notify(
        transaction,
        offer,
        "offer_refused",
        "Your offer was not accepted",
        f"The offer of {offer['amount_cents']} cents for product {offer['product_id']} has ended.",
        now,
    )


def _notify(
    transaction: Transaction, offer: Mapping[str, Any], kind: str, title: str, body: str, now: str
) -> None:
    activity_log.notify(transaction, offer["user_id"], kind, title, body, now)
