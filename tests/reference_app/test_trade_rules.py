from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_app.errors import Conflict, NotFound
from reference_app.trade import rules

STATUSES = sorted(rules.NEXT_STATUSES)
PAYMENTS = sorted(rules.NEXT_PAYMENTS)


def order(status: str, payment: str = "pending", fulfilment: str = "delivery") -> dict[str, Any]:
    return {"status": status, "payment_status": payment, "fulfilment": fulfilment}


@pytest.mark.parametrize(
    ("before", "after", "fulfilment"),
    [
        ("pending", "confirmed", "delivery"),
        ("pending", "cancelled", "delivery"),
        ("confirmed", "shipped", "delivery"),
        ("confirmed", "completed", "collection"),
        ("confirmed", "cancelled", "collection"),
        ("shipped", "completed", "delivery"),
        ("shipped", "returned", "delivery"),
        ("completed", "returned", "collection"),
    ],
)
def test_orders_go_their_way(before: str, after: str, fulfilment: str) -> None:
    assert rules.changed(order(before, fulfilment=fulfilment), after, None) == (after, "pending")


@pytest.mark.parametrize(
    ("before", "after", "fulfilment"),
    [
        ("pending", "shipped", "delivery"),
        ("pending", "returned", "delivery"),
        ("confirmed", "shipped", "collection"),
        ("confirmed", "completed", "delivery"),
        ("shipped", "cancelled", "delivery"),
        ("cancelled", "pending", "delivery"),
        ("returned", "completed", "delivery"),
        ("pending", "pending", "delivery"),
    ],
)
def test_orders_go_no_other_way(before: str, after: str, fulfilment: str) -> None:
    with pytest.raises(Conflict):
        rules.changed(order(before, fulfilment=fulfilment), after, None)


@given(
    st.sampled_from(STATUSES),
    st.sampled_from(PAYMENTS),
    st.sampled_from(["collection", "delivery"]),
    st.none() | st.sampled_from(STATUSES),
    st.none() | st.sampled_from(PAYMENTS),
)
def test_nothing_leaves_an_end_and_goods_come_back_once(
    status: str, payment: str, fulfilment: str, to: str | None, paid: str | None
) -> None:
    try:
        after, after_payment = rules.changed(order(status, payment, fulfilment), to, paid)
    except Conflict:
        return
    if status in rules.GIVING_BACK:
        assert after == status
    if payment == "refunded":
        assert after_payment == "refunded"
    if after in rules.GIVING_BACK and after != status and paid is None:
        assert after_payment != "paid"


def test_what_was_paid_is_refunded_when_the_goods_go_back() -> None:
    assert rules.changed(order("completed", "paid"), "returned", None) == ("returned", "refunded")
    assert rules.changed(order("pending", "failed"), None, "paid") == ("pending", "paid")
    with pytest.raises(Conflict, match="refunded becomes nothing any more"):
        rules.changed(order("returned", "refunded"), None, "paid")


def test_a_product_stands_once() -> None:
    assert rules.lines_of([(1, 2), (3, 1)]) == {1: 2, 3: 1}
    with pytest.raises(Conflict, match="Product 1 stands twice"):
        rules.lines_of([(1, 2), (1, 2)])


def test_numbers_bear_the_day_and_cannot_be_counted_up() -> None:
    assert rules.order_number(datetime(2025, 10, 5), 7) == "ORD-20251005-000000000000007"


def test_a_request_is_known_again_by_its_caller_and_its_body() -> None:
    one = rules.request_hash(1, {"a": 1, "b": 2})
    assert one == rules.request_hash(1, {"b": 2, "a": 1})
    assert one != rules.request_hash(2, {"a": 1, "b": 2})
    assert one != rules.request_hash(None, {"a": 1, "b": 2})
    assert one != rules.request_hash(1, {"a": 1, "b": 3})


@pytest.mark.parametrize(
    ("product", "wanted", "kind", "said"),
    [
        (None, 1, NotFound, "no product 7"),
        (("removed", 3), 1, NotFound, "no product 7"),
        (("sold", 0), 1, Conflict, "Nothing is left of product 7"),
        (("reserved", 0), 1, Conflict, "Nothing is left of product 7"),
        (("available", 1), 2, Conflict, "Only 1 of product 7"),
        (("available", 2), 2, Conflict, "changed meanwhile"),
    ],
)
def test_a_refusal_names_the_product(
    product: tuple[str, int] | None, wanted: int, kind: type[Exception], said: str
) -> None:
    found = {}
    if product is not None:
        found[7] = {"name": "Runner", "status": product[0], "quantity_available": product[1]}
    refusal = rules.refusal_of({7: wanted}, found)
    assert type(refusal) is kind
    assert said in refusal.detail


def test_no_more_reservations_are_used_up_than_pieces_bought() -> None:
    held = [{"product_id": 1, "quantity": 1, "id": nth} for nth in range(3)]
    assert [one["id"] for one in rules.enough(held, {1: 2, 2: 1})] == [0, 1]
    assert rules.enough(held, {2: 1}) == []


@pytest.mark.parametrize(
    ("owner", "caller", "email", "seen"),
    [
        (1, 1, None, True),
        (1, 2, None, False),
        (1, None, "gil@example.ie", False),
        (None, None, "gil@example.ie", True),
        (None, 2, "gil@example.ie", True),
        (None, None, "other@example.ie", False),
        (None, None, None, False),
    ],
)
def test_who_sees_an_order(
    owner: int | None, caller: int | None, email: str | None, seen: bool
) -> None:
    found = {"user_id": owner, "customer_email": "Gil@Example.ie"}
    assert rules.is_of(found, caller, email) is seen
    assert rules.is_of(found, caller, email, staff=True)


def test_the_orders_of_who_has_gone_are_nobodys() -> None:
    gone = {"user_id": None, "customer_email": "deleted@invalid"}
    assert not rules.is_of(gone, None, "deleted@invalid")
