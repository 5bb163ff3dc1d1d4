"""The guards stand in the UPDATEs: each write is run in every state, with no rule before it."""

from __future__ import annotations

from typing import get_args

import apsw
import pytest

from reference_app import database, queries
from reference_app.queries import RequirementFailed
from reference_app.sell import rules
from reference_app.vocabulary import SubmissionStatus

NOW = "2025-10-05 10:00:00"
STATES = (*get_args(SubmissionStatus), "expired")
BATCH = "BATCH-20251001-00001"
WRITES: dict[rules.Action, str] = {
    "accept": "respond_to_offer",
    "refuse": "refuse_offer",
    "counter": "counter_offer",
    "cancel": "cancel_submission",
    "review": "review_submission",
    "offer": "send_offer",
    "accept_counter": "accept_counter",
    "close": "close_submission",
    "receive": "receive_submission",
    "pay": "pay_submission",
}
PARAMETERS: dict[str, int | str | None] = {
    "batch_id": BATCH,
    "now": NOW,
    "message": None,
    "counter_price_cents": 100,
    "admin_id": 3,
    "offered_price_cents": 100,
    "expires_at": "2025-10-06 10:00:00",
    "items": "[]",
    "arrived": "[]",
}


def test_every_action_has_its_write() -> None:
    assert set(WRITES) == set(rules.MOVES)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("action", WRITES)
def test_a_write_holds_its_own_guard(
    action: rules.Action, state: rules.State, shop: apsw.Connection
) -> None:
    shop.execute(
        "UPDATE sell_submissions SET status = ?, offer_expires_at = ? WHERE batch_id = ?",
        (
            "offer_sent" if state == "expired" else state,
            NOW if state == "expired" else "2025-10-05 10:00:01",
            BATCH,
        ),
    )
    before = stored(shop)
    query = queries.load(WRITES[action], database.parts(shop))
    leads_to = rules.MOVES[action].get(state)
    if leads_to is None:
        with pytest.raises(RequirementFailed), database.transaction(shop):
            queries.write(shop, query, PARAMETERS)
        assert stored(shop) == before
    else:
        queries.write(shop, query, PARAMETERS)
        assert stored(shop)[0] == leads_to


def stored(shop: apsw.Connection) -> tuple[object, ...]:
    [found] = shop.execute("SELECT status, * FROM sell_submissions WHERE batch_id = ?", (BATCH,))
    return tuple(found)


@pytest.mark.parametrize(("approved", "product_id"), [(0, None), (None, None), (1, 2)])
def test_only_an_approved_item_becomes_a_product_and_once(
    approved: int | None, product_id: int | None, shop: apsw.Connection
) -> None:
    shop.execute("UPDATE sell_submissions SET status = 'accepted' WHERE batch_id = ?", (BATCH,))
    shop.execute(
        "UPDATE sell_items SET approved = ?, product_id = ? WHERE id = 1", (approved, product_id)
    )
    query = queries.load("receive_submission", database.parts(shop))
    arrived = '[{"id": 1, "price_cents": 100, "category": null, "sku": "SELL-1"}]'
    with pytest.raises(RequirementFailed), database.transaction(shop):
        queries.write(shop, query, {**PARAMETERS, "arrived": arrived})
    assert shop.execute("SELECT count(*) FROM products WHERE sku = 'SELL-1'").fetchall() == [(0,)]
