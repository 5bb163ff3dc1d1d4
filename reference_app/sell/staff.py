"""Actions of staff on submissions, from review to payment.

An action, its activity record and its messages to the seller are one transaction.
"""

from __future__ import annotations

import json
import secrets

from reference_app import activity_log
from reference_app.accounts.authorization import Caller
from reference_app.mail import Letter
from reference_app.port import Row, Transaction
from reference_app.sell import mail, rules
from reference_app.sell.mail import euros
from reference_app.sell.requests import NewOffer, Receipt
from reference_app.sell.sellers import read_submission
from reference_app.stock import ledger


def review(tx: Transaction, batch_id: str, caller: Caller, now: str) -> Row:
    """Start the review of a submission.

    Raises:
        NotFound, Conflict: there is none, or it is not pending.
    """
    submission = _checked(tx, "review", batch_id, now)
    tx.write("review_submission", {"batch_id": batch_id, "admin_id": caller.user_id, "now": now})
    activity_log.record_action(tx, caller, "sell_review", _entity(submission), now)
    _notify_seller(tx, submission, "sell_reviewing", f"{batch_id} is being reviewed", "", now)
    return read_submission(tx, batch_id)


def offer(
    tx: Transaction, batch_id: str, caller: Caller, new: NewOffer, now: str, expires_at: str
) -> Row:
    """Offer a price; the offer can be answered once until it expires.

    Raises:
        NotFound, Conflict: there is none, its state does not allow an offer, or the items
            named are not all of its items.
    """
    submission = _checked(tx, "offer", batch_id, now)
    items = tx.read("sell_items_for_submission", {"batch_id": batch_id})
    rules.check_judged(items, {item.id: item.approved for item in new.items}, len(new.items))
    tx.write(
        "send_offer",
        {
            "batch_id": batch_id,
            "admin_id": caller.user_id,
            "offered_price_cents": new.offered_price_cents,
            "expires_at": expires_at,
            "items": json.dumps([item.model_dump() for item in new.items]),
            "now": now,
        },
    )
    details = {"offered_price_cents": new.offered_price_cents, "expires_at": expires_at}
    activity_log.record_action(tx, caller, "offer_send", _entity(submission), now, details)
    price = euros(new.offered_price_cents)
    _notify_seller(
        tx,
        submission,
        "offer_sent",
        f"We offer {price} for {batch_id}",
        f"Answer by {expires_at}.",
        now,
    )
    offered = read_submission(tx, batch_id)
    _write(tx, mail.offer_sent(offered, now))
    return offered


def accept_counter(tx: Transaction, batch_id: str, caller: Caller, now: str) -> Row:
    """Agree to the seller's price.

    Raises:
        NotFound, Conflict: there is none, or its seller made no counter-offer.
    """
    submission = _checked(tx, "accept_counter", batch_id, now)
    tx.write("accept_counter", {"batch_id": batch_id, "now": now})
    details = {"final_price_cents": submission["seller_price_cents"]}
    activity_log.record_action(tx, caller, "counter_accept", _entity(submission), now, details)
    _notify_seller(tx, submission, "counter_accepted", f"We take {batch_id} at your price", "", now)
    return read_submission(tx, batch_id)


def close(tx: Transaction, batch_id: str, caller: Caller, now: str) -> Row:
    """Close a submission without agreement.

    Raises:
        NotFound, Conflict: there is none, or its state does not allow it.
    """
    submission = _checked(tx, "close", batch_id, now)
    tx.write("close_submission", {"batch_id": batch_id, "now": now})
    activity_log.record_action(tx, caller, "sell_close", _entity(submission), now)
    _notify_seller(tx, submission, "sell_closed", f"{batch_id} was closed", "", now)
    return read_submission(tx, batch_id)


def receive(
    tx: Transaction, batch_id: str, caller: Caller, receipt: Receipt, now: str
) -> tuple[Row, list[int]]:
    """Record the arrival: each approved item becomes a product; also returns the products' ids.

    Raises:
        NotFound, Conflict: there is none, it was not agreed on, or the items named are not
            exactly the approved ones.
    """
    submission = _checked(tx, "receive", batch_id, now)
    items = tx.read("sell_items_for_submission", {"batch_id": batch_id})
    named = {item.id for item in receipt.items}
    rules.check_received(items, named, len(receipt.items))
    arrived = [
        {**item.model_dump(), "sku": rules.sku_of(item.id, secrets.randbelow(16**6))}
        for item in receipt.items
    ]
    tx.write(
        "receive_submission", {"batch_id": batch_id, "arrived": json.dumps(arrived), "now": now}
    )
    became = tx.read("sell_items_for_submission", {"batch_id": batch_id})
    products = [int(item["product_id"]) for item in became if item["id"] in named]
    ledger.move(tx, dict.fromkeys(products, 1), "intake", now, submission_id=int(submission["id"]))
    activity_log.record_action(
        tx, caller, "sell_receive", _entity(submission), now, {"product_ids": products}
    )
    _notify_seller(
        tx, submission, "sell_received", f"{batch_id} has arrived", "You will be paid soon.", now
    )
    return read_submission(tx, batch_id), products


def pay(tx: Transaction, batch_id: str, caller: Caller, now: str) -> Row:
    """Record that the agreed price was paid, once.

    Raises:
        NotFound, Conflict: there is none, or it was not received, or was paid already.
    """
    submission = _checked(tx, "pay", batch_id, now)
    tx.write("pay_submission", {"batch_id": batch_id, "now": now})
    paid = read_submission(tx, batch_id)
    details = {"final_price_cents": paid["final_price_cents"]}
    activity_log.record_action(tx, caller, "sell_pay", _entity(submission), now, details)
    price = euros(paid["final_price_cents"])
    _notify_seller(tx, submission, "sell_paid", f"We paid {price} for {batch_id}", "", now)
    _write(tx, mail.paid(paid, now))
    return paid


def _checked(tx: Transaction, action: rules.Action, batch_id: str, now: str) -> Row:
    submission = read_submission(tx, batch_id)
    rules.check(action, submission, now)
    return submission


def _entity(submission: Row) -> tuple[str, int]:
    return "sell_submission", int(submission["id"])


def _notify_seller(
    tx: Transaction, submission: Row, kind: str, title: str, body: str, now: str
) -> None:
    activity_log.notify(tx, submission["user_id"], kind, title, body, now)


def _write(tx: Transaction, letter: Letter) -> None:
    if rules.reachable(letter.recipient):
        tx.enqueue(letter)
