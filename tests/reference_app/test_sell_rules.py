from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_app.accounts.authorization import Caller
from reference_app.errors import Conflict
from reference_app.sell import rules
from reference_app.vocabulary import SubmissionStatus

NOW = "2025-10-05 10:00:00"
LATER, EARLIER = "2025-10-05 10:00:01", "2025-10-05 09:59:59"
STATES = (*get_args(SubmissionStatus), "expired")
ACTIONS = get_args(rules.Action)

# The whole machine once more, written the other way round: what is possible in each state.
POSSIBLE: dict[str, dict[str, str]] = {
    "pending": {"cancel": "cancelled", "review": "reviewing"},
    "reviewing": {"cancel": "cancelled", "offer": "offer_sent", "close": "cancelled"},
    "offer_sent": {
        "accept": "accepted",
        "refuse": "refused",
        "counter": "counter_offer",
        "cancel": "cancelled",
    },
    "expired": {"cancel": "cancelled", "offer": "offer_sent", "close": "cancelled"},
    "accepted": {"receive": "received"},
    "refused": {"close": "cancelled"},
    "counter_offer": {"offer": "offer_sent", "accept_counter": "accepted", "close": "cancelled"},
    "received": {"pay": "paid"},
    "paid": {},
    "cancelled": {},
}


def row(state: str, **more: Any) -> dict[str, Any]:
    status = "offer_sent" if state == "expired" else state
    expires = {"offer_sent": LATER, "expired": NOW}.get(state)
    return {
        "batch_id": "BATCH-1",
        "status": status,
        "offer_expires_at": expires,
        "seller_response": None,
        "seller_response_at": None,
        "user_id": 1,
        "contact_email": "Ann@Example.ie",
        **more,
    }


def caller(user_id: int, role: Any = "customer") -> Caller:
    return Caller(user_id, role, 1, None)


def test_every_state_and_action_is_decided() -> None:
    assert set(POSSIBLE) == set(STATES)
    assert set(rules.MOVES) == set(ACTIONS)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_possible_in_its_states_alone(action: Any, state: str) -> None:
    leads_to = POSSIBLE[state].get(action)
    if leads_to is not None:
        assert rules.check(action, row(state), NOW) == leads_to
    else:
        with pytest.raises(Conflict, match="BATCH-1") as refused:
            rules.check(action, row(state), NOW)
        assert refused.value.detail.endswith(".")


def test_an_offer_expires_with_its_last_second() -> None:
    sent = row("offer_sent")
    assert rules.state_of({**sent, "offer_expires_at": LATER}, NOW) == "offer_sent"
    assert rules.state_of({**sent, "offer_expires_at": NOW}, NOW) == "expired"
    assert rules.state_of({**sent, "offer_expires_at": EARLIER}, NOW) == "expired"
    assert rules.state_of({**sent, "offer_expires_at": None}, NOW) == "expired"


@pytest.mark.parametrize(
    ("submission", "words"),
    [
        (row("pending"), "no offer for BATCH-1 yet"),
        (row("expired"), f"expired at {NOW}"),
        (row("cancelled"), "was cancelled"),
        (
            row("accepted", seller_response="refused", seller_response_at=EARLIER),
            f"already refused at {EARLIER}",
        ),
        (
            row("counter_offer", seller_response="counter_offer", seller_response_at=EARLIER),
            "answered by a counter-offer",
        ),
        (row("paid"), "no offer to answer"),
    ],
)
def test_why_an_offer_cannot_be_answered_is_said(submission: dict[str, Any], words: str) -> None:
    with pytest.raises(Conflict, match=words):
        rules.check("accept", submission, NOW)


@pytest.mark.parametrize(
    ("who", "email", "is_seller", "may_see"),
    [
        (caller(1), None, True, True),
        (caller(2), None, False, False),
        (caller(2), "ann@example.ie", True, True),
        (caller(2), "bob@example.ie", False, False),
        (None, None, False, False),
        (None, "ANN@example.IE", True, True),
        (None, "ann@example.ies", False, False),
        (caller(3, "admin"), None, False, True),
        (caller(3, "admin"), "ann@example.ie", False, True),
        (caller(1, "admin"), None, True, True),
    ],
)
def test_a_submission_is_its_sellers(
    who: Caller | None, email: str | None, is_seller: bool, may_see: bool
) -> None:
    assert rules.is_seller(row("pending"), who, email) is is_seller
    assert rules.may_see(row("pending"), who, email) is may_see


def test_the_address_of_deleted_accounts_opens_nothing() -> None:
    left = row("offer_sent", user_id=None, contact_email="deleted@invalid")
    assert not rules.is_seller(left, None, "deleted@invalid")
    assert not rules.reachable("deleted@invalid")


def test_nobody_is_no_account() -> None:
    assert not rules.is_seller(row("pending", user_id=None), caller(1), None)


ITEMS = [{"id": 1, "approved": 1}, {"id": 2, "approved": 0}, {"id": 3, "approved": 1}]


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=6))
def test_an_offer_judges_each_item_once_and_takes_one(judged: list[tuple[int, bool]]) -> None:
    good = sorted(one for one, _ in judged) == [1, 2, 3] and any(taken for _, taken in judged)
    if good:
        rules.check_judged(ITEMS, dict(judged), len(judged))
    else:
        with pytest.raises(Conflict):
            rules.check_judged(ITEMS, dict(judged), len(judged))


@given(st.lists(st.integers(1, 4), max_size=5))
def test_what_arrives_is_what_was_approved(named: list[int]) -> None:
    if sorted(named) == [1, 3]:
        rules.check_received(ITEMS, set(named), len(named))
    else:
        with pytest.raises(Conflict):
            rules.check_received(ITEMS, set(named), len(named))


def test_one_picture_stands_once() -> None:
    rules.check_photos(["a", "b"])
    with pytest.raises(Conflict, match="picture a stands twice"):
        rules.check_photos(["a", "b", "a"])


def test_names_have_the_shape_of_the_shop() -> None:
    assert rules.batch_id(NOW, 42) == "BATCH-20251005-000000000000042"
    assert rules.sku_of(20, 255) == "SELL-00000020-0000FF"
