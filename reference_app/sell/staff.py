"""What staff do to submissions, from review to payment.

Each works on a transaction: what it writes into the activity log and tells the seller is there if
and only if it was done.
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
from reference_app.sell.sellers import submission
from reference_app.stock import ledger


def review(tx: Transaction, batch_id: str, caller: Caller, now: str) -> Row:
    """Take a submission up.

    Raises:
        NotThere, Conflict: there is none, or it is not pending.
    """
    found = _checked(tx, "review", batch_id, now)
    tx.write("review_submission", {"batch_id": batch_id, "admin_id": caller.user_id, "now": now})
    activity_log.record_action(tx, caller, "sell_review", _entity(found), now)
    _tell(tx, found, "sell_reviewing", f"{batch_id} is being reviewed", "", now)
    return submission(tx, batch_id)


def offer(
    tx: Transaction, batch_id: str, caller: Caller, new: NewOffer, now: str, expires_at: str
) -> Row:
    """Offer a price, which can be answered once until it expires.

    Raises:
        NotThere, Conflict: there is none, its state does not allow an offer, or the items
            named are not all of its items.
    """
    found = _checked(tx, "offer", batch_id, now)
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
    activity_log.record_action(tx, caller, "offer_send", _entity(found), now, details)
    price = euros(new.offered_price_cents)
    _tell(
        tx, found, "offer_sent", f"We offer {price} for {batch_id}", f"Answer by {expires_at}.", now
    )
    offered = submission(tx, batch_id)
    _write(tx, mail.offer_sent(offered, now))
    return offered


def accept_counter(tx: Transaction, batch_id: str, caller: Caller, now: str) -> Row:
    """Agree to the seller's price.

    Raises:
        NotThere, Conflict: there is none, or its seller made no counter-offer.
    """
    found = _checked(tx, "accept_counter", batch_id, now)
    tx.write("accept_counter", {"batch_id": batch_id, "now": now})
    details = {"final_price_cents": found["seller_price_cents"]}
    activity_log.record_action(tx, caller, "counter_accept", _entity(found), now, details)
    _tell(tx, found, "counter_accepted", f"We take {batch_id} at your price", "", now)
    return submission(tx, batch_id)


def close(tx: Transaction, batch_id: str, caller: Caller, now: str) -> Row:
    """End a submission on which no agreement was found.

    Raises:
        NotThere, Conflict: there is none, or its state does not allow it.
    """
    found = _checked(tx, "close", batch_id, now)
    tx.write("close_submission", {"batch_id": batch_id, "now": now})
    activity_log.record_action(tx, caller, "sell_close", _entity(found), now)
    _tell(tx, found, "sell_closed", f"{batch_id} was closed", "", now)
    return submission(tx, batch_id)


def receive(
    tx: Transaction, batch_id: str, caller: Caller, receipt: Receipt, now: str
) -> tuple[Row, list[int]]:
    """Take in what arrived: each approved item becomes a product; the products' ids as well.

    Raises:
        NotThere, Conflict: there is none, it was not agreed on, or the items named are not
            exactly the approved ones.
    """
    found = _checked(tx, "receive", batch_id, now)
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
    ledger.move(tx, dict.fromkeys(products, 1), "intake", now, submission_id=int(found["id"]))
    activity_log.record_action(
        tx, caller, "sell_receive", _entity(found), now, {"product_ids": products}
    )
    _tell(tx, found, "sell_received", f"{batch_id} has arrived", "You will be paid soon.", now)
    return submission(tx, batch_id), products


def pay(tx: Transaction, batch_id: str, caller: Caller, now: str) -> Row:
    """Note that the agreed price was paid, once.

    Raises:
        NotThere, Conflict: there is none, or it was not received, or was paid already.
    """
    found = _checked(tx, "pay", batch_id, now)
    tx.write("pay_submission", {"batch_id": batch_id, "now": now})
    paid = submission(tx, batch_id)
    details = {"final_price_cents": paid["final_price_cents"]}
    activity_log.record_action(tx, caller, "sell_pay", _entity(found), now, details)
    price = euros(paid["final_price_cents"])
    _tell(tx, found, "sell_paid", f"We paid {price} for {batch_id}", "", now)
    _write(tx, mail.paid(paid, now))
    return paid


def _checked(tx: Transaction, action: rules.Action, batch_id: str, now: str) -> Row:
    found = submission(tx, batch_id)
    rules.check(action, found, now)
    return found


def _entity(found: Row) -> tuple[str, int]:
    return "sell_submission", int(found["id"])


def _tell(tx: Transaction, found: Row, kind: str, title: str, body: str, now: str) -> None:
    activity_log.notify(tx, found["user_id"], kind, title, body, now)


def _write(tx: Transaction, letter: Letter) -> None:
    if rules.reachable(letter.recipient):
        tx.enqueue(letter)
