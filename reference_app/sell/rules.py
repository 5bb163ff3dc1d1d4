"""The rules of the sell side: states of submissions, and the actions that they allow.

`MOVES` is the whole state machine. The guards of the UPDATEs in sell.sql repeat it inside the
transaction; the checks here give good error messages. Tests run every action in every state
through both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from reference_app.accounts.authorization import Caller
from reference_app.errors import Conflict
from reference_app.vocabulary import SubmissionStatus

State = SubmissionStatus | Literal["expired"]
"""A status, or `expired`: an offer that was sent and whose time has passed."""

Action = Literal[
    "accept", "refuse", "counter", "cancel",
    "review", "offer", "accept_counter", "close", "receive", "pay",
]  # fmt: skip

MOVES: Mapping[Action, Mapping[State, SubmissionStatus]] = MappingProxyType(
    {
        # The seller's.
        "accept": {"offer_sent": "accepted"},
        "refuse": {"offer_sent": "refused"},
        "counter": {"offer_sent": "counter_offer"},
        "cancel": {
            "pending": "cancelled",
            "reviewing": "cancelled",
            "offer_sent": "cancelled",
            "expired": "cancelled",
        },
        # The staff's.
        "review": {"pending": "reviewing"},
        "offer": {
            "reviewing": "offer_sent",
            "counter_offer": "offer_sent",
            "expired": "offer_sent",
        },
        "accept_counter": {"counter_offer": "accepted"},
        "close": {
            "reviewing": "cancelled",
            "refused": "cancelled",
            "counter_offer": "cancelled",
            "expired": "cancelled",
        },
        "receive": {"accepted": "received"},
        "pay": {"received": "paid"},
    }
)
"""The status after each action, by state; missing states do not allow the action."""

_DONE: Mapping[Action, str] = MappingProxyType(
    {
        "cancel": "cancelled",
        "review": "reviewed",
        "offer": "given an offer",
        "accept_counter": "taken at its seller's price",
        "close": "closed",
        "receive": "received",
        "pay": "paid",
    }
)
_ANSWERS = ("accept", "refuse", "counter")
_ANSWERED: Mapping[str, str] = MappingProxyType(
    {"accepted": "accepted", "refused": "refused", "counter_offer": "answered by a counter-offer"}
)
_DELETED_DOMAIN = "@invalid"
"""The domain of the addresses of deleted accounts; no letter reaches it."""

Row = Mapping[str, Any]


def state_of(submission: Row, now: str) -> State:
    """The state of a submission at a time."""
    status: SubmissionStatus = submission["status"]
    if status != "offer_sent":
        return status
    expires_at = submission["offer_expires_at"]
    return "offer_sent" if expires_at is not None and expires_at > now else "expired"


def check(action: Action, submission: Row, now: str) -> SubmissionStatus:
    """The status after an action.

    Raises:
        Conflict: the submission's state does not allow it.
    """
    state = state_of(submission, now)
    leads_to = MOVES[action].get(state)
    if leads_to is None:
        batch = submission["batch_id"]
        if action in _ANSWERS:
            raise Conflict(_unanswerable(submission, state))
        allowed = " or ".join(_words(allowed_state) for allowed_state in MOVES[action])
        raise Conflict(
            f"{batch} is {_words(state)} and cannot be {_DONE[action]}; "
            f"that is possible while it is {allowed}."
        )
    return leads_to


def _unanswerable(submission: Row, state: State) -> str:
    batch, response = submission["batch_id"], submission["seller_response"]
    if state == "expired":
        return (
            f"The offer for {batch} expired at {submission['offer_expires_at']}; "
            "wait for a new one, or cancel the submission."
        )
    if state == "cancelled":
        return f"{batch} was cancelled; send a new one with POST /sell/submissions."
    if response is not None:
        return (
            f"The offer for {batch} was already {_ANSWERED[response]} at "
            f"{submission['seller_response_at']}; an offer is answered once."
        )
    if state in ("pending", "reviewing"):
        return f"There is no offer for {batch} yet; wait until the shop has sent one."
    return f"{batch} is {_words(state)}: there is no offer to answer; read it again first."


def _words(state: State) -> str:
    phrases = {"offer_sent": "offered a price", "counter_offer": "answered by a counter-offer"}
    return {**phrases, "expired": "offered a price that has expired"}.get(state, state)


def is_seller(submission: Row, caller: Caller | None, email: str | None) -> bool:
    """Whether the caller is the seller: by account, or by the contact address.

    Staff can read the address, so it does not identify them; nor does that of a deleted account.
    """
    if caller is not None and caller.user_id == submission["user_id"]:
        return True
    if email is None or (caller is not None and caller.role == "admin"):
        return False
    left = submission["contact_email"].lower()
    return reachable(left) and email.lower() == left


def may_see(submission: Row, caller: Caller | None, email: str | None) -> bool:
    """Whether the caller may see a submission: its seller and staff may."""
    is_staff = caller is not None and caller.role == "admin"
    return is_staff or is_seller(submission, caller, email)


def reachable(address: str) -> bool:
    """Whether a letter to this address can reach anybody."""
    return not address.lower().endswith(_DELETED_DOMAIN)


def check_photos(external_ids: Sequence[str]) -> None:
    """Check that no picture is listed twice.

    Raises:
        Conflict: one is.
    """
    twice = [external_id for external_id, count in Counter(external_ids).items() if count > 1]
    if twice:
        raise Conflict(f"The picture {twice[0]} stands twice; give each an external_id of its own.")


def check_judged(items: Sequence[Row], judged: Mapping[int, bool], given: int) -> None:
    """Require one decision on each item of a submission, and at least one approval.

    `given` is the number of decisions, repeated ones included.

    Raises:
        Conflict: an item is missing, foreign or named twice, or all are declined.
    """
    _check_named(judged, given, {int(item["id"]) for item in items}, "item")
    if not any(judged.values()):
        raise Conflict("An offer takes one item at least; close the submission if it takes none.")


def check_received(items: Sequence[Row], named: Collection[int], given: int) -> None:
    """Require a price for each approved item of a submission, and for no other.

    Raises:
        Conflict: an approved item is missing or named twice, or another one is named.
    """
    wanted = {int(item["id"]) for item in items if item["approved"] == 1}
    _check_named(named, given, wanted, "approved item")


def _check_named(named: Collection[int], given: int, wanted: set[int], what: str) -> None:
    missing, foreign = sorted(wanted - set(named)), sorted(set(named) - wanted)
    if missing:
        raise Conflict(f"The {what} {missing[0]} is missing; name every {what} once.")
    if foreign:
        raise Conflict(f"{foreign[0]} is no {what} of this submission; read it for its items.")
    if given != len(named):
        raise Conflict(f"One {what} is named twice; name every {what} once.")


def batch_id(now: str, random_number: int) -> str:
    """The public id of a submission; `random_number` is below 10^15."""
    return f"BATCH-{now[:10].replace('-', '')}-{random_number:015d}"


def sku_of(item_id: int, random_number: int) -> str:
    """The SKU of the product that an item becomes; `random_number` is below 16^6."""
    return f"SELL-{item_id:08d}-{random_number:06X}"
