"""Actions of sellers: submit, answer an offer, cancel."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Literal

from reference_app import activity_log
from reference_app.accounts.authorization import Caller
from reference_app.errors import Conflict, NotFound
from reference_app.port import Row, Transaction
from reference_app.sell import rules
from reference_app.sell.requests import CounterAnswer, NewSubmission, PlainAnswer

Answers = Literal["guarded", "reported"]

_ANSWERING: dict[str, tuple[rules.Action, str]] = {
    "accepted": ("accept", "respond_to_offer"),
    "refused": ("refuse", "refuse_offer"),
    "counter_offer": ("counter", "counter_offer"),
}
_REPORTED = {"accepted": "reported_accept_offer", "refused": "reported_refuse_offer"}


@dataclass(frozen=True, slots=True)
class Requester:
    """The caller and the e-mail address that they gave, either may be None."""

    caller: Caller | None
    email: str | None = None


def submit(tx: Transaction, new: NewSubmission, user_id: int | None, now: str) -> Row:
    """Write a submission with its items and their pictures.

    Raises:
        Conflict: a picture is listed twice, or belongs to something else already.
    """
    external_ids = [photo.external_id for item in new.items for photo in item.photos]
    rules.check_photos(external_ids)
    if taken := tx.read("photos_taken", {"external_ids": json.dumps(external_ids)}):
        raise Conflict(
            f"The picture {taken[0]['external_id']} belongs to something else; "
            "give it an external_id of its own."
        )
    batch_id = rules.batch_id(now, secrets.randbelow(10**15))
    items = [item.model_dump(exclude={"photos"}) for item in new.items]
    tx.write(
        "submit_sell_request",
        {
            "batch_id": batch_id,
            "user_id": user_id,
            "contact_name": new.contact_name,
            "contact_email": new.contact_email,
            "contact_phone": new.contact_phone,
            "seller_price_cents": new.seller_price_cents,
            "items": json.dumps(items),
            "now": now,
        },
    )
    if external_ids:
        _add_photos(tx, batch_id, new, now)
    _notify_both(
        tx, user_id, "sell_submitted", f"{batch_id} was submitted", "It waits for review.", now
    )
    return read_submission(tx, batch_id)


def _add_photos(tx: Transaction, batch_id: str, new: NewSubmission, now: str) -> None:
    # Items are numbered in the order in which they were sent.
    items = tx.read("sell_items_for_submission", {"batch_id": batch_id})
    photos = [
        {**photo.model_dump(), "sell_item_id": row["id"], "position": position}
        for row, item in zip(items, new.items, strict=True)
        for position, photo in enumerate(item.photos)
    ]
    tx.write("add_sell_photos", {"photos": json.dumps(photos), "now": now})


def answer(
    tx: Transaction,
    batch_id: str,
    requester: Requester,
    given: PlainAnswer | CounterAnswer,
    now: str,
    *,
    answers: Answers = "guarded",
) -> Row:
    """Write the seller's one answer to an offer.

    `reported` answers as the report's UPDATE does, whatever the state: the last answer wins.

    Raises:
        NotFound: there is no such submission of this seller.
        Conflict: there is no offer to answer, or not any longer.
    """
    submission = of_seller(tx, batch_id, requester)
    action, query = _ANSWERING[given.answer]
    if answers == "reported" and given.answer in _REPORTED:
        query = _REPORTED[given.answer]
    else:
        rules.check(action, submission, now)
    params: dict[str, int | str | None] = {
        "batch_id": batch_id,
        "message": given.message,
        "now": now,
    }
    if isinstance(given, CounterAnswer):
        params["counter_price_cents"] = given.counter_price_cents
    tx.write(query, params)
    _notify_both(
        tx,
        submission["user_id"],
        f"offer_{given.answer}",
        f"The offer for {batch_id} was answered: {given.answer.replace('_', ' ')}",
        given.message or "",
        now,
    )
    return read_submission(tx, batch_id)


def cancel(tx: Transaction, batch_id: str, requester: Requester, now: str) -> Row:
    """Withdraw a submission without agreement.

    Raises:
        NotFound: there is no such submission of this seller.
        Conflict: it is too late for that.
    """
    submission = of_seller(tx, batch_id, requester)
    rules.check("cancel", submission, now)
    tx.write("cancel_submission", {"batch_id": batch_id, "now": now})
    _notify_both(
        tx,
        submission["user_id"],
        "sell_cancelled",
        f"{batch_id} was cancelled by its seller",
        "",
        now,
    )
    return read_submission(tx, batch_id)


def read_submission(tx: Transaction, batch_id: str) -> Row:
    """A submission without its items.

    Raises:
        NotFound: there is no such batch id.
    """
    rows = tx.read("submission_by_batch_id", {"batch_id": batch_id})
    if not rows:
        raise absent(batch_id)
    return rows[0]


def of_seller(tx: Transaction, batch_id: str, requester: Requester) -> Row:
    """A submission of the requester.

    Raises:
        NotFound: there is none, or it is another seller's.
    """
    submission = read_submission(tx, batch_id)
    if not rules.is_seller(submission, requester.caller, requester.email):
        raise absent(batch_id)
    return submission


def absent(batch_id: str) -> NotFound:
    """The error for a submission that is absent, or not the requester's."""
    return NotFound(
        f"There is no submission {batch_id} of yours; check the batch id, and log in or give "
        "the e-mail address that you left."
    )


def _notify_both(
    tx: Transaction, user_id: int | None, kind: str, title: str, body: str, now: str
) -> None:
    activity_log.notify(tx, user_id, kind, title, body, now)
    activity_log.notify_staff(tx, kind, title, body, now)
