"""What sellers do: submit, answer an offer, cancel."""

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
class Asker:
    """Whoever asks for a submission: an account, an address that they know, both or neither."""

    caller: Caller | None
    email: str | None = None


def submit(tx: Transaction, new: NewSubmission, user_id: int | None, now: str) -> Row:
    """Write a submission with its items and their pictures.

    Raises:
        Conflict: a picture stands twice, or already belongs to something else.
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
    _tell_both(
        tx, user_id, "sell_submitted", f"{batch_id} was submitted", "It waits for review.", now
    )
    return submission(tx, batch_id)


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
    asker: Asker,
    given: PlainAnswer | CounterAnswer,
    now: str,
    *,
    answers: Answers = "guarded",
) -> Row:
    """Write the seller's one answer to an offer.

    `reported` answers as the report's UPDATE does, whatever the state: the last answer wins.

    Raises:
        NotThere: there is no such submission of this seller.
        Conflict: there is no offer to answer, or not any longer.
    """
    found = of_seller(tx, batch_id, asker)
    action, query = _ANSWERING[given.answer]
    if answers == "reported" and given.answer in _REPORTED:
        query = _REPORTED[given.answer]
    else:
        rules.check(action, found, now)
    params: dict[str, int | str | None] = {
        "batch_id": batch_id,
        "message": given.message,
        "now": now,
    }
    if isinstance(given, CounterAnswer):
        params["counter_price_cents"] = given.counter_price_cents
    tx.write(query, params)
    _tell_both(
        tx,
        found["user_id"],
        f"offer_{given.answer}",
        f"The offer for {batch_id} was answered: {given.answer.replace('_', ' ')}",
        given.message or "",
        now,
    )
    return submission(tx, batch_id)


def cancel(tx: Transaction, batch_id: str, asker: Asker, now: str) -> Row:
    """Withdraw a submission that has not been agreed on.

    Raises:
        NotThere: there is no such submission of this seller.
        Conflict: it is too late for that.
    """
    found = of_seller(tx, batch_id, asker)
    rules.check("cancel", found, now)
    tx.write("cancel_submission", {"batch_id": batch_id, "now": now})
    _tell_both(
        tx, found["user_id"], "sell_cancelled", f"{batch_id} was cancelled by its seller", "", now
    )
    return submission(tx, batch_id)


def submission(tx: Transaction, batch_id: str) -> Row:
    """A submission without its items.

    Raises:
        NotThere: there is none of that name.
    """
    found = tx.read("submission_by_batch_id", {"batch_id": batch_id})
    if not found:
        raise absent(batch_id)
    return found[0]


def of_seller(tx: Transaction, batch_id: str, asker: Asker) -> Row:
    """A submission of whoever asks.

    Raises:
        NotThere: there is none, or it is another's, which nobody is told.
    """
    found = submission(tx, batch_id)
    if not rules.is_seller(found, asker.caller, asker.email):
        raise absent(batch_id)
    return found


def absent(batch_id: str) -> NotFound:
    """What is said of a submission that is not there, or not for whoever asks."""
    return NotFound(
        f"There is no submission {batch_id} of yours; check the batch id, and log in or give "
        "the e-mail address that you left."
    )


def _tell_both(
    tx: Transaction, user_id: int | None, kind: str, title: str, body: str, now: str
) -> None:
    activity_log.notify(tx, user_id, kind, title, body, now)
    activity_log.notify_staff(tx, kind, title, body, now)
