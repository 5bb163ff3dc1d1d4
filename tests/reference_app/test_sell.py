"""The sell side over HTTP, from a submission to the payment, for sellers, guests and staff."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from reference_app.sell import rules
from reference_app.vocabulary import SubmissionStatus
from tests.reference_app.selling import ANN, BOB, GUEST, ITEM, NOW, PHOTO, STAFF, Shop, response_of


@pytest.fixture
def open_shop(shop_after: Path) -> Iterator[Shop]:
    shop = Shop(shop_after)
    with shop.client:
        yield shop


@pytest.fixture
def shop_of_before(shop_before: Path) -> Iterator[Shop]:
    shop = Shop(shop_before)
    with shop.client:
        yield shop


def test_from_submission_to_payment(open_shop: Shop) -> None:
    photos = [{**PHOTO, "external_id": f"p{index}"} for index in range(3)]
    items = [
        {**ITEM, "name": "first", "photos": photos[:2]},
        {**ITEM, "name": "second", "category": "BN-CLOTHES"},
        {**ITEM, "name": "third", "photos": photos[2:]},
    ]
    batch_id = open_shop.submitted(ANN, items=items, seller_price_cents=9000)
    seen = open_shop.ask(f"/sell/submissions/{batch_id}", who=ANN)
    assert [one["name"] for one in seen["items"]] == ["first", "second", "third"]
    first, second, third = (one["id"] for one in seen["items"])
    assert [(p["sell_item_id"], p["external_id"], p["position"]) for p in seen["photos"]] == [
        (first, "p0", 0),
        (first, "p1", 1),
        (third, "p2", 0),
    ]
    assert open_shop.staff(batch_id, "review")["status"] == "reviewing"
    offer = {
        "items": [
            {"id": first, "approved": True, "offer_price_cents": 3000},
            {"id": second, "approved": False},
            {"id": third, "approved": True, "offer_price_cents": 4000},
        ],
        "offered_price_cents": 7000,
        "expires_in_days": 3,
    }
    sent = open_shop.staff(batch_id, "offer", offer)
    assert (sent["status"], sent["offer_expires_at"]) == ("offer_sent", "2025-10-08 10:00:00")
    answered = open_shop.tell(response_of(batch_id), {"answer": "accepted"}, who=ANN)
    assert (answered["status"], answered["final_price_cents"]) == ("accepted", 7000)
    prices = [
        {"id": first, "price_cents": 9900},
        {"id": third, "price_cents": 12900, "category": "PO-CLOTHES"},
    ]
    received = open_shop.staff(batch_id, "receive", {"items": prices})
    made = [open_shop.ask(f"/products/{one}") for one in received["product_ids"]]
    assert [(p["name"], p["category"], p["price_cents"]) for p in made] == [
        ("first", "PO-SHOES", 9900),
        ("third", "PO-CLOTHES", 12900),
    ]
    assert [len(p["images"]) for p in made] == [2, 1]
    assert {p["quantity_available"] for p in made} == {1}
    assert made[0]["images"][0]["external_id"] not in {"p0", "p1", "p2"}
    submission_id = open_shop.ask(f"/admin/sell-requests/{batch_id}", who=STAFF)["id"]
    for product_id in received["product_ids"]:
        [move] = open_shop.ask(f"/admin/stock/{product_id}", who=STAFF)["items"]
        assert (move["quantity_change"], move["reason"]) == (1, "intake")
        assert move["submission_id"] == submission_id
    paid = open_shop.staff(batch_id, "pay")
    assert (paid["status"], paid["final_price_cents"]) == ("paid", 7000)
    open_shop.staff(batch_id, "pay", status=409)
    assert [letter.kind for letter in open_shop.post.sent] == ["offer_sent", "sell_paid"]
    assert {letter.recipient for letter in open_shop.post.sent} == {"gus@example.ie"}
    assert "€70.00" in open_shop.post.sent[1].body
    assert open_shop.sql("PRAGMA foreign_key_check") == []


def test_both_sides_are_told_and_every_action_is_written_down(open_shop: Shop) -> None:
    batch_id = open_shop.offered(ANN)
    open_shop.tell(response_of(batch_id), {"answer": "accepted"}, who=ANN)
    item = open_shop.ask(f"/sell/submissions/{batch_id}", who=ANN)["items"][0]["id"]
    open_shop.staff(batch_id, "receive", {"items": [{"id": item, "price_cents": 100}]})
    open_shop.staff(batch_id, "pay")
    kinds = dict(
        open_shop.sql("SELECT user_id, group_concat(kind) FROM notifications GROUP BY user_id")
    )
    assert kinds[1].split(",") == [
        "sell_submitted",
        "sell_reviewing",
        "offer_sent",
        "offer_accepted",
        "sell_received",
        "sell_paid",
    ]
    assert kinds[3].split(",") == ["sell_submitted", "offer_accepted"]
    written = open_shop.sql("SELECT action, admin_id, entity_type FROM admin_activity_log")
    assert written == [
        (action, 3, "sell_submission")
        for action in ("sell_review", "offer_send", "sell_receive", "sell_pay")
    ]


def test_a_counter_offer_is_taken_at_the_sellers_price(open_shop: Shop) -> None:
    batch_id = open_shop.offered()
    answer = {"answer": "counter_offer", "counter_price_cents": 6500, "email": "gus@example.ie"}
    countered = open_shop.tell(response_of(batch_id), answer)
    assert (countered["status"], countered["seller_price_cents"]) == ("counter_offer", 6500)
    taken = open_shop.staff(batch_id, "accept-counter")
    assert (taken["status"], taken["final_price_cents"]) == ("accepted", 6500)


def test_a_new_offer_after_a_counter_offer_is_answered_once_as_well(open_shop: Shop) -> None:
    batch_id = open_shop.offered()
    answer = {"answer": "counter_offer", "counter_price_cents": 6500, "email": "gus@example.ie"}
    open_shop.tell(response_of(batch_id), {**answer, "message": "more"})
    again = open_shop.staff(batch_id, "offer", open_shop.offer(batch_id, 6000))
    assert again["seller_response"] is None
    assert again["final_price_cents"] is None
    yes = {"answer": "accepted", "email": "gus@example.ie"}
    assert open_shop.tell(response_of(batch_id), yes)["final_price_cents"] == 6000
    problem = open_shop.tell(response_of(batch_id), {**yes, "answer": "refused"}, 409)
    assert f"already accepted at {NOW}" in problem["detail"]


def test_an_expired_offer_is_shown_so_and_not_answered(open_shop: Shop) -> None:
    expired = "BATCH-20251003-00003"
    seen = open_shop.ask(f"/sell/submissions/{expired}", who=BOB)
    assert (seen["status"], seen["offer_expired"]) == ("offer_sent", True)
    for answer in ("accepted", "refused"):
        problem = open_shop.tell(response_of(expired), {"answer": answer}, 409, BOB)
        assert "expired at 2025-10-04 10:00:00" in problem["detail"]
    renewed = open_shop.staff(expired, "offer", open_shop.offer(expired, expires_in_days=1))
    assert renewed["offer_expires_at"] == "2025-10-06 10:00:00"
    assert not open_shop.ask(f"/sell/submissions/{expired}", who=BOB)["offer_expired"]
    open_shop.tell(response_of(expired), {"answer": "refused"}, who=BOB)


STATES = (*get_args(SubmissionStatus), "expired")
BODIES: dict[rules.Action, tuple[str, Any]] = {
    "accept": ("response", {"answer": "accepted"}),
    "refuse": ("response", {"answer": "refused", "message": "no"}),
    "counter": ("response", {"answer": "counter_offer", "counter_price_cents": 1}),
    "cancel": ("cancel", None),
    "review": ("review", None),
    "offer": (
        "offer",
        {
            "items": [{"id": 3, "approved": True, "offer_price_cents": 1}],
            "offered_price_cents": 1,
            "expires_in_days": 30,
        },
    ),
    "accept_counter": ("accept-counter", None),
    "close": ("close", None),
    "receive": ("receive", {"items": [{"id": 3, "price_cents": 1}]}),
    "pay": ("pay", None),
}


def test_every_action_in_every_state(open_shop: Shop) -> None:
    batch_id = "BATCH-20251002-00002"
    assert set(BODIES) == set(rules.MOVES)
    for state in STATES:
        for action, (path, body) in BODIES.items():
            open_shop.sql(
                "UPDATE sell_submissions SET status = ?, offer_expires_at = ?, seller_response = "
                "NULL WHERE batch_id = ?",
                "offer_sent" if state == "expired" else state,
                NOW if state == "expired" else "2025-10-05 10:00:01",
                batch_id,
            )
            open_shop.sql("UPDATE sell_items SET approved = 1, product_id = NULL WHERE id = 3")
            leads_to = rules.MOVES[action].get(state)  # type: ignore[call-overload]
            status = 409 if leads_to is None else 200
            if path in ("response", "cancel"):
                done = open_shop.tell(f"/sell/submissions/{batch_id}/{path}", body, status, BOB)
            else:
                done = open_shop.staff(batch_id, path, body, status)
            if leads_to is not None:
                assert done["status"] == leads_to, (state, action)


def test_a_submission_is_nobody_elses(open_shop: Shop) -> None:
    of_ann, of_guest = open_shop.offered(ANN, contact_email="ann@example.ie"), open_shop.offered()
    yes = {"answer": "accepted"}
    for batch_id, who, email in (
        (of_ann, None, None),
        (of_ann, BOB, None),
        (of_ann, None, "bob@example.ie"),
        (of_guest, ANN, None),
        (of_guest, None, None),
        (of_guest, None, "ann@example.ie"),
        (of_guest, ANN, "ann@example.ie"),
        ("BATCH-NONE", ANN, None),
    ):
        query = f"?email={email}" if email else ""
        answers = [
            open_shop.ask(f"/sell/submissions/{batch_id}{query}", 404, who),
            open_shop.tell(response_of(batch_id), {**yes, "email": email}, 404, who),
            open_shop.tell(f"/sell/submissions/{batch_id}/cancel", {"email": email}, 404, who),
        ]
        # As if it did not exist: nothing but the name differs.
        assert {one["detail"].replace(batch_id, "X") for one in answers} == {
            "There is no submission X of yours; check the batch id, and log in or give the "
            "e-mail address that you left."
        }
    # Staff see it, and do not answer in the seller's place.
    for email in (None, "gus@example.ie"):
        open_shop.tell(response_of(of_guest), {**yes, "email": email}, 404, STAFF)
    assert open_shop.ask(f"/sell/submissions/{of_guest}", who=STAFF)["status"] == "offer_sent"
    seen = open_shop.ask(f"/sell/submissions/{of_guest}?email=GUS@example.ie")
    assert seen["contact_name"] == "Gus Guest"
    assert not {"id", "user_id", "reviewed_by"} & set(seen)
    open_shop.tell(response_of(of_guest), {**yes, "email": "gus@example.ie"})


def test_the_rest_of_a_deleted_account_opens_to_nobody(open_shop: Shop) -> None:
    open_shop.sql(
        "UPDATE sell_submissions SET user_id = NULL, contact_email = 'deleted@invalid' WHERE id = 1"
    )
    batch_id = "BATCH-20251001-00001"
    response = open_shop.client.get(f"/sell/submissions/{batch_id}?email=deleted@invalid")
    assert response.status_code in (404, 422)
    open_shop.staff(batch_id, "offer", open_shop.offer(batch_id), 409)
    open_shop.sql("UPDATE sell_submissions SET status = 'received' WHERE id = 1")
    open_shop.staff(batch_id, "pay")
    assert open_shop.post.sent == []


def test_ones_own_submissions_come_in_pages(open_shop: Shop) -> None:
    newest_first = [open_shop.submitted(ANN) for _ in range(4)][::-1]
    made = [*newest_first, "BATCH-20251001-00001"]
    open_shop.submitted(BOB)
    open_shop.submitted()
    shown: list[str] = []
    path = "/sell/submissions?limit=2"
    while path:
        body = open_shop.ask(path, who=ANN)
        shown += [one["batch_id"] for one in body["items"]]
        path = body["next"] and f"/sell/submissions?limit=2&after={body['next']}"
    assert shown == made
    open_shop.ask("/sell/submissions", 401)
    open_shop.ask("/sell/submissions?after=zzz", 404, ANN)


def test_staff_list_by_status_and_day_in_pages(open_shop: Shop) -> None:
    for _ in range(60):
        open_shop.submitted()
    everything = [
        row[0]
        for row in open_shop.sql(
            "SELECT batch_id FROM sell_submissions ORDER BY created_at DESC, id DESC"
        )
    ]

    def pages(filters: str) -> list[str]:
        shown: list[str] = []
        after = ""
        while True:
            body = open_shop.ask(f"/admin/sell-requests?{filters}{after}", who=STAFF)
            shown += [one["batch_id"] for one in body["items"]]
            if body["next"] is None:
                return shown
            after = f"&after={body['next']}"

    assert pages("") == pages("limit=7") == pages("limit=100") == everything
    assert pages("status=pending") == [one for one in everything if one not in everything[-3::2]]
    assert pages("status=offer_sent&limit=1") == everything[-3::2]
    assert pages("from=2025-10-02&to=2025-10-03&limit=1") == everything[-3:-1]
    assert pages("to=2025-10-01") == everything[-1:]
    assert pages("from=2025-10-05&limit=50") == everything[:60]
    assert pages("from=2025-10-06") == []


def test_pictures_belong_to_one_thing(open_shop: Shop) -> None:
    def with_photos(*names: str) -> dict[str, Any]:
        photos = [{**PHOTO, "external_id": name} for name in names]
        return {**GUEST, "items": [ITEM, {**ITEM, "photos": photos}]}

    before = open_shop.sql("SELECT count(*) FROM sell_submissions")
    twice = open_shop.tell("/sell/submissions", with_photos("a", "a"), 409)
    assert "picture a stands twice" in twice["detail"]
    taken = open_shop.tell("/sell/submissions", with_photos("a", "i1"), 409)
    assert "picture i1 belongs to something else" in taken["detail"]
    assert open_shop.sql("SELECT count(*) FROM sell_submissions") == before
    assert open_shop.sql("SELECT count(*) FROM images") == [(3,)]


def test_an_offer_names_every_item(open_shop: Shop) -> None:
    batch_id = open_shop.submitted(items=[ITEM, ITEM])
    open_shop.staff(batch_id, "review")
    good = open_shop.offer(batch_id)
    for items in (
        good["items"][:1],
        [*good["items"], good["items"][0]],
        [good["items"][0], {"id": 1, "approved": False}],
        [{"id": one["id"], "approved": False} for one in good["items"]],
    ):
        open_shop.staff(batch_id, "offer", {**good, "items": items}, 409)
    for wrong in (
        {"items": [{"id": 1, "approved": False, "offer_price_cents": 5}]},
        {"items": [{"id": 1, "approved": True}]},
        {"expires_in_days": 31},
        {"expires_in_days": 0},
        {"offered_price_cents": 0},
    ):
        open_shop.staff(batch_id, "offer", {**good, **wrong}, 422)
    assert open_shop.ask(f"/admin/sell-requests/{batch_id}", who=STAFF)["status"] == "reviewing"
    open_shop.staff(batch_id, "offer", good)


def test_a_receipt_prices_what_was_approved(open_shop: Shop) -> None:
    batch_id = open_shop.offered(items=[ITEM, ITEM])
    yes = {"answer": "accepted", "email": "gus@example.ie"}
    open_shop.tell(response_of(batch_id), yes)
    items = open_shop.ask(f"/admin/sell-requests/{batch_id}", who=STAFF)["items"]
    prices = [{"id": one["id"], "price_cents": 100} for one in items]
    products = open_shop.sql("SELECT count(*) FROM products")
    for wrong in ([], prices[:1], [*prices, prices[0]], [*prices, {"id": 1, "price_cents": 1}]):
        open_shop.staff(batch_id, "receive", {"items": wrong}, 409)
    assert open_shop.sql("SELECT count(*) FROM products") == products
    open_shop.staff(batch_id, "receive", {"items": prices})
    open_shop.staff(batch_id, "receive", {"items": prices}, 409)
    assert open_shop.sql("SELECT count(*) FROM products") == [(products[0][0] + 2,)]


def test_a_shop_without_a_ledger_takes_things_in_all_the_same(shop_of_before: Shop) -> None:
    batch_id = shop_of_before.offered()
    yes = {"answer": "accepted", "email": "gus@example.ie"}
    shop_of_before.tell(response_of(batch_id), yes)
    [item] = shop_of_before.ask(f"/admin/sell-requests/{batch_id}", who=STAFF)["items"]
    prices = {"items": [{"id": item["id"], "price_cents": 100}]}
    [product_id] = shop_of_before.staff(batch_id, "receive", prices)["product_ids"]
    assert shop_of_before.ask(f"/products/{product_id}")["quantity_available"] == 1
    [[became]] = shop_of_before.sql("SELECT product_id FROM sell_items WHERE id = ?", item["id"])
    assert became == product_id


@pytest.mark.parametrize(
    "change",
    [
        {"contact_name": " "},
        {"contact_name": "a\x00b"},
        {"contact_name": "a\n"},
        {"contact_email": "nobody"},
        {"contact_phone": "call me"},
        {"seller_price_cents": 0},
        {"seller_price_cents": 2**64},
        {"items": []},
        {"items": [ITEM] * 21},
        {"items": [{**ITEM, "category": "HATS"}]},
        {"items": [{**ITEM, "photos": [{**PHOTO, "external_id": "x"}] * 11}]},
        {"items": [{**ITEM, "photos": [{**PHOTO, "external_id": "x", "url": "file:///a"}]}]},
        {"status": "paid"},
    ],
)
def test_what_cannot_be_taken_is_refused(change: dict[str, Any], open_shop: Shop) -> None:
    open_shop.tell("/sell/submissions", {**GUEST, **change}, 422)


def test_odd_texts_are_taken_as_they_are(open_shop: Shop) -> None:
    name = 'O\'Neill \u2603 "quoted" \U0001f45f {}'
    batch_id = open_shop.submitted(contact_name=name, items=[{**ITEM, "name": name}])
    seen = open_shop.ask(f"/sell/submissions/{batch_id}?email=gus@example.ie")
    assert (seen["contact_name"], seen["items"][0]["name"]) == (name, name)
    lone = json.dumps({**GUEST, "contact_name": "\ud800"})
    response = open_shop.client.post(
        "/sell/submissions", content=lone, headers={"content-type": "application/json"}
    )
    assert response.status_code == 422


@pytest.mark.parametrize("price", [{}, {"counter_price_cents": 5, "answer": "accepted"}])
def test_a_price_comes_with_a_counter_offer_and_only_so(price: Any, open_shop: Shop) -> None:
    body = {"answer": "counter_offer", **price}
    open_shop.tell(response_of("BATCH-20251001-00001"), body, 422, ANN)


def test_nobody_guesses_a_batch_id(open_shop: Shop) -> None:
    made = {open_shop.submitted() for _ in range(20)}
    assert len(made) == 20
    assert all(one.startswith("BATCH-20251005-") and len(one) == 30 for one in made)
