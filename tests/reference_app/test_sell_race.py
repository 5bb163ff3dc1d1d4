"""Two answers to one offer at once, through the whole application: one of them counts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from reference_app.mail import MemoryOutbox
from tests.reference_app.selling import ANN, STAFF, Shop, response_of

ROUNDS = 50
YES, NO = {"answer": "accepted"}, {"answer": "refused"}
COUNTER = {"answer": "counter_offer", "counter_price_cents": 9900}


def at_once(shop: Shop, path: str, bodies: list[Any], who: dict[str, str]) -> list[Any]:
    """Send the bodies together, each from a thread of its own."""
    start = Barrier(len(bodies))

    def send(body: Any) -> Any:
        start.wait()
        return shop.client.post(path, json=body, headers=who)

    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(send, bodies))


def test_an_offer_is_answered_once(shop_after: Path) -> None:
    shop = Shop(shop_after)
    with shop.client:
        for turn in range(ROUNDS):
            batch_id = shop.offered(ANN)
            bodies = [YES, NO, COUNTER][: 2 + turn % 2][:: 1 if turn % 4 < 2 else -1]
            replies = at_once(shop, response_of(batch_id), bodies, ANN)
            assert sorted(one.status_code for one in replies) == [200, 409, 409][: len(bodies)]
            [winner] = [one.json() for one in replies if one.status_code == 200]
            kept = shop.ask(f"/sell/submissions/{batch_id}", who=ANN)
            assert kept["seller_response"] == winner["seller_response"] == kept["status"]
    # Losers leave nothing behind, no notification either.
    [[told]] = shop.sql(
        "SELECT count(*) FROM notifications WHERE user_id = 1 AND kind IN "
        "('offer_accepted', 'offer_refused', 'offer_counter_offer')"
    )
    assert told == ROUNDS


def test_the_reported_update_lets_the_last_answer_win(shop_after: Path) -> None:
    shop = Shop(shop_after, sell_answers="reported")
    with shop.client:
        for _ in range(5):
            batch_id = shop.offered(ANN)
            replies = at_once(shop, response_of(batch_id), [YES, NO], ANN)
            assert [one.status_code for one in replies] == [200, 200]
        # A refusal is overwritten, and so is what expired; still nobody answers for another.
        shop.tell(response_of(batch_id), NO, who=ANN)
        assert shop.tell(response_of(batch_id), YES, who=ANN)["status"] == "accepted"
        shop.tell(response_of(batch_id), YES, 404)


@pytest.mark.parametrize("action", ["review", "pay", "receive"])
def test_staff_who_act_at_once_act_once(action: str, shop_after: Path) -> None:
    shop = Shop(shop_after)
    body: Any = None
    state = {"review": "pending", "pay": "received", "receive": "accepted"}[action]
    with shop.client:
        for _ in range(10):
            shop.sql("UPDATE sell_items SET approved = 1, product_id = NULL WHERE id = 3")
            shop.sql("UPDATE sell_submissions SET status = ? WHERE id = 2", state)
            if action == "receive":
                body = {"items": [{"id": 3, "price_cents": 100}]}
            path = f"/admin/sell-requests/BATCH-20251002-00002/{action}"
            replies = at_once(shop, path, [body] * 4, STAFF)
            assert sorted(one.status_code for one in replies) == [200, 409, 409, 409]
    assert isinstance(shop.post, MemoryOutbox)
    if action == "receive":
        assert shop.sql("SELECT count(*) FROM products WHERE sku LIKE 'SELL-%'") == [(10,)]
        assert shop.sql("SELECT count(*) FROM stock_moves WHERE submission_id = 2") == [(10,)]
