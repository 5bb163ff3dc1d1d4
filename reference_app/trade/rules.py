"""The rules of trade: prices, states of orders, access to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from reference_app.errors import Conflict, NotFound, ShopError
from reference_app.vocabulary import Fulfilment

DELIVERY_CENTS = 695
RESERVED_FOR = timedelta(hours=24)
NUMBERS = 10**15
# The domain of the addresses of deleted accounts; no letter reaches it (RFC 2606).
DELETED_DOMAIN = "@invalid"

NEXT_STATUSES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "pending": frozenset({"confirmed", "cancelled"}),
        "confirmed": frozenset({"shipped", "completed", "cancelled"}),
        "shipped": frozenset({"completed", "returned"}),
        "completed": frozenset({"returned"}),
        "cancelled": frozenset(),
        "returned": frozenset(),
    }
)
NEXT_PAYMENTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "pending": frozenset({"paid", "failed"}),
        "failed": frozenset({"pending", "paid"}),
        "paid": frozenset({"refunded"}),
        "refunded": frozenset(),
    }
)
GIVING_BACK = frozenset({"cancelled", "returned"})


def shipping_cents(fulfilment: Fulfilment) -> int:
    """The shipping costs of an order."""
    return DELIVERY_CENTS if fulfilment == "delivery" else 0


def order_number(now: datetime, random_number: int) -> str:
    """The number of an order: its day and a random number below NUMBERS."""
    return f"ORD-{now:%Y%m%d}-{random_number:015d}"


def own_key(user_id: int | None, session_id: str | None, key: str) -> str:
    """The stored form of an Idempotency-Key: two buyers may choose the same one.

    A key holds no space, so that it cannot imitate the stored key of another buyer.
    """
    owner = f"guest {session_id or ''}" if user_id is None else f"{user_id}"
    return f"{owner} {key}"


def request_hash(caller_id: int | None, body: Mapping[str, Any]) -> str:
    """A hash that identifies a request, to compare those with the same Idempotency-Key."""
    text = json.dumps([caller_id, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def lines_of(items: Sequence[tuple[int, int]]) -> dict[int, int]:
    """The pieces wanted by product, from (product, quantity) pairs.

    Raises:
        Conflict: a product is listed twice.
    """
    lines: dict[int, int] = {}
    for product_id, quantity in items:
        if product_id in lines:
            raise Conflict(
                f"Product {product_id} stands twice in the order; send one line with the sum."
            )
        lines[product_id] = quantity
    return lines


def refusal_of(lines: Mapping[int, int], products: Mapping[int, Mapping[str, Any]]) -> ShopError:
    """Why these pieces cannot be sold: the error for the first product that prevents it."""
    for product_id, wanted in lines.items():
        product = products.get(product_id)
        if product is None or product["status"] == "removed":
            return NotFound(f"There is no product {product_id}; take an id from GET /products.")
        left = product["quantity_available"]
        named = f"product {product_id} ({product['name']})"
        if product["status"] != "available" or left == 0:
            return Conflict(f"Nothing is left of {named}; take another from GET /products.")
        if left < wanted:
            return Conflict(f"Only {left} of {named} is left; order no more than that.")
    return Conflict("The stock has changed meanwhile; send the request again.")


def enough(held: Sequence[Mapping[str, Any]], lines: Mapping[int, int]) -> list[Mapping[str, Any]]:
    """The buyer's reservations that an order uses up: no more pieces than it takes."""
    wanted = dict(lines)
    used = []
    for reservation in held:
        product_id = reservation["product_id"]
        if wanted.get(product_id, 0) > 0:
            wanted[product_id] -= reservation["quantity"]
            used.append(reservation)
    return used


def is_of(
    order: Mapping[str, Any], caller_id: int | None, email: str | None, *, staff: bool = False
) -> bool:
    """Whether a caller may see an order: its buyer, staff, or for a guest's order its address."""
    if staff:
        return True
    if order["user_id"] is not None:
        return bool(order["user_id"] == caller_id)
    address = str(order["customer_email"]).casefold()
    return (
        email is not None and address == email.casefold() and not address.endswith(DELETED_DOMAIN)
    )


def changed(
    order: Mapping[str, Any], status: str | None, payment_status: str | None
) -> tuple[str, str]:
    """The status and payment status of an order after a change; None leaves one as it is.

    What was paid is refunded when the goods go back.

    Raises:
        Conflict: the state of the order does not allow the change.
    """
    before, paid_before = str(order["status"]), str(order["payment_status"])
    after, paid = status or before, payment_status or paid_before
    if after != before:
        _check_step("an order", before, after, NEXT_STATUSES)
        if after == "shipped" and order["fulfilment"] != "delivery":
            raise Conflict("An order for collection is not shipped; make it completed instead.")
        if (before, after) == ("confirmed", "completed") and order["fulfilment"] == "delivery":
            raise Conflict("An order for delivery is shipped first; make it shipped.")
        if after in GIVING_BACK and payment_status is None and paid_before == "paid":
            paid = "refunded"
    if paid != paid_before:
        _check_step("a payment", paid_before, paid, NEXT_PAYMENTS)
    if (after, paid) == (before, paid_before):
        raise Conflict(f"The order is {before} and its payment {paid_before} already.")
    return after, paid


def _check_step(what: str, before: str, after: str, allowed: Mapping[str, frozenset[str]]) -> None:
    if after not in allowed[before]:
        next_states = " or ".join(sorted(allowed[before])) or "nothing any more"
        raise Conflict(f"{what.capitalize()} that is {before} becomes {next_states}, not {after}.")
