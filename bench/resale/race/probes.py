"""The probes: each prepares things of its own, lets the crowd fire, and looks at what is left.

What each of them checks stands in bench/resale/race/checks.py.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench.resale.race import checks
from bench.resale.race.client import Api, Crowd
from bench.resale.race.records import Reply, Shot, Unprobed, Violation

_PIECES_FOR_KEY = 5
_PRICE_CENTS = 9900


@dataclass(slots=True)
class Round:
    """One round: who takes part, a word that no other round has, and what came to light."""

    staff: Api
    guest: Api
    crowd: Crowd
    tag: str
    ledger: bool = True
    left: list[str] = field(default_factory=list)

    @property
    def email(self) -> str:
        """The address of this round's buyers or seller."""
        return f"{self.tag}@race.example"


Probe = Callable[[Round], Awaitable[list[Violation]]]


@asynccontextmanager
async def _product(this: Round, quantity: int) -> AsyncIterator[int]:
    """A product of this round alone, removed from the shop afterwards."""
    made = await this.staff.post(
        "/admin/products",
        {
            "sku": f"RACE-{this.tag}",
            "name": "Race probe",
            "category": "BN-SHOES",
            "brand": "Probe",
            "size": "UK 9",
            "condition": "new",
            "price_cents": _PRICE_CENTS,
            "quantity": quantity,
        },
        201,
    )
    product_id = int(made["id"])
    try:
        yield product_id
    finally:
        path = f"/admin/products/{product_id}"
        await _undo(this, f"product {product_id}", this.staff.delete(path))


@asynccontextmanager
async def _ordered(this: Round, bought: Sequence[Reply]) -> AsyncIterator[list[str]]:
    """The numbers of the orders that were made, which are cancelled afterwards.

    A shop limits what guests have ordered and not paid, and all rounds come from one address.
    """
    numbers = list(dict.fromkeys(str(reply.body.get("order_number")) for reply in bought))
    try:
        yield numbers
    finally:
        for number in numbers:
            path, cancelled = f"/admin/orders/{number}", {"status": "cancelled"}
            await _undo(this, f"order {number}", this.staff.patch(path, cancelled))


async def _undo(this: Round, what: str, undoing: Awaitable[object]) -> None:
    try:
        await undoing
    except Unprobed as error:
        this.left.append(f"{what} ({error})")


def _order(this: Round, product_id: int, key: str, wants: str) -> Shot:
    body = {
        "items": [{"product_id": product_id, "quantity": 1}],
        "fulfilment": "collection",
        "customer_name": "Race Probe",
        "customer_email": this.email,
    }
    return Shot(wants, "/orders", body, {"Idempotency-Key": key})


async def last_item(this: Round) -> list[Violation]:
    """Everybody buys the one piece that there is: one gets it."""
    async with _product(this, 1) as product_id:
        where = f"product {product_id}"
        replies = await this.crowd.fire(
            [
                _order(this, product_id, f"{this.tag}-{number}", "bought")
                for number in range(1, len(this.crowd) + 1)
            ]
        )
        violations = checks.one_buyer(replies, where)
        sold = checks.winners(replies, 201)
        if len(sold) < 2:
            checks.require_answers(replies, 201)
        async with _ordered(this, sold) as numbers:
            return [
                *violations,
                *await _orders(this, numbers, product_id, where),
                *await _stock(this, product_id, 1 - len(sold), len(sold)),
            ]


async def one_key(this: Round) -> list[Violation]:
    """Everybody sends the same order under one Idempotency-Key: one order is made."""
    async with _product(this, _PIECES_FOR_KEY) as product_id:
        where = f"Idempotency-Key {this.tag}"
        replies = await this.crowd.fire(
            [_order(this, product_id, this.tag, "ordered")] * len(this.crowd)
        )
        checks.require_answers(replies, 201)
        violations = checks.one_order(replies, where)
        async with _ordered(this, checks.winners(replies, 201)) as numbers:
            return [
                *violations,
                *await _orders(this, numbers, product_id, where),
                *await _stock(this, product_id, _PIECES_FOR_KEY - 1, 1),
            ]


async def reservations(this: Round) -> list[Violation]:
    """Everybody reserves the one piece that there is: one holds it, and gives it back."""
    async with _product(this, 1) as product_id:
        where = f"product {product_id}"
        sessions = [f"{this.tag}-{number}" for number in range(1, len(this.crowd) + 1)]
        replies = await this.crowd.fire(
            [
                Shot("reserved", "/reservations", {"product_id": product_id, "session_id": session})
                for session in sessions
            ]
        )
        violations = checks.one_holder(replies, where)
        held = checks.winners(replies, 201)
        try:
            if len(held) < 2:
                checks.require_answers(replies, 201)
            violations += await _stock(this, product_id, 1 - len(held), 0)
        finally:
            for reply in held:
                await this.guest.delete(
                    f"/reservations/{reply.body['id']}", session_id=sessions[reply.client - 1]
                )
        return [*violations, *await _stock(this, product_id, 1, 0)]


async def offer_answers(this: Round) -> list[Violation]:
    """Half accept an offer, half refuse it: it is answered once, and so it stays."""
    batch_id = await _offer(this)
    where = f"batch {batch_id}"
    path = f"/sell/submissions/{batch_id}/response"
    answers = (["accepted", "refused"] * len(this.crowd))[: len(this.crowd)]
    # Who comes first through the door is much the same in every round; what they say is not.
    random.Random(this.tag).shuffle(answers)
    replies = await this.crowd.fire(
        [
            Shot(answer, path, {"answer": answer, "message": this.tag, "email": this.email})
            for answer in answers
        ]
    )
    violations = checks.one_answer(replies, where)
    if len(checks.winners(replies, 200)) < 2:
        checks.require_answers(replies, 200)
    kept = await this.staff.get(f"/sell/submissions/{batch_id}")
    return [*violations, *checks.stored_answer(replies, kept.get("seller_response"), where)]


async def _offer(this: Round) -> str:
    """A submission with an offer that nobody has answered; its batch id."""
    item = {
        "category": "PO-SHOES",
        "brand": "Probe",
        "name": "Race probe",
        "size": "UK 9",
        "condition": "good",
    }
    made = await this.guest.post(
        "/sell/submissions",
        {"contact_name": "Race Probe", "contact_email": this.email, "items": [item]},
        201,
    )
    batch_id = str(made["batch_id"])
    await this.staff.post(f"/admin/sell-requests/{batch_id}/review", {}, 200)
    kept = await this.staff.get(f"/sell/submissions/{batch_id}")
    await this.staff.post(
        f"/admin/sell-requests/{batch_id}/offer",
        {
            "items": [
                {"id": submitted["id"], "approved": True, "offer_price_cents": _PRICE_CENTS}
                for submitted in kept["items"]
            ],
            "offered_price_cents": _PRICE_CENTS,
            "expires_in_days": 1,
        },
        200,
    )
    return batch_id


async def _orders(this: Round, numbers: list[str], product_id: int, where: str) -> list[Violation]:
    """Each acknowledged order stands with its items, and none beside them."""
    violations: list[Violation] = []
    for number in numbers:
        violations += checks.has_items(
            number, await this.staff.get(f"/orders/{number}"), product_id
        )
    newest = (await this.staff.get("/admin/orders", limit=100))["items"]
    mine = [
        str(order["order_number"]) for order in newest if order.get("customer_email") == this.email
    ]
    return [*violations, *checks.orders_stand(numbers, mine, where)]


async def _stock(this: Round, product_id: int, expected: int, sold: int) -> list[Violation]:
    stock = await this.staff.stock(product_id)
    this.ledger = this.ledger and stock.ledger is not None
    return [*checks.stock_adds_up(stock, expected), *checks.sold_in_ledger(stock, sold)]


PROBES: dict[str, Probe] = {
    "last-item": last_item,
    "offer-answers": offer_answers,
    "reservations": reservations,
    "idempotency": one_key,
}
