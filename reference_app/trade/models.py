"""The JSON of orders. Values only; money in cents, times in UTC."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from reference_app.answers import shown
from reference_app.vocabulary import Fulfilment

OrderStatus = Literal["pending", "confirmed", "shipped", "completed", "cancelled", "returned"]
PaymentStatus = Literal["pending", "paid", "refunded", "failed"]

_ORDER = {
    "id": 3,
    "order_number": "ORD-20250930-00003",
    "fulfilment": "delivery",
    "total_cents": 13400,
    "status": "shipped",
    "payment_status": "paid",
    "created_at": "2025-09-30 18:20:00",
}
_ITEM = {
    "id": 5,
    "product_id": 17,
    "product_name": "Air Runner 90",
    "size": "UK 9",
    "quantity": 1,
    "price_cents": 12900,
}


class ListedOrder(BaseModel):
    """An order as its buyer's history shows it."""

    model_config = shown(_ORDER)

    id: int
    order_number: str
    fulfilment: Fulfilment
    total_cents: int
    status: OrderStatus
    payment_status: PaymentStatus
    created_at: str


class Orders(BaseModel):
    """At most 20 orders of one user, newest first."""

    model_config = shown({"items": [_ORDER]})

    items: list[ListedOrder]


class OrderItem(BaseModel):
    """One line of an order."""

    model_config = shown(_ITEM)

    id: int
    product_id: int
    product_name: str
    size: str
    quantity: int
    price_cents: int


class Order(ListedOrder):
    """One order and its items; user_id is null for a guest."""

    model_config = shown(
        {
            **_ORDER,
            "user_id": 9,
            "customer_name": "Aoife Byrne",
            "customer_email": "aoife@example.ie",
            "shipping_address": "12 Main Street, Cork",
            "subtotal_cents": 12900,
            "shipping_cents": 500,
            "updated_at": "2025-10-01 09:00:00",
            "items": [_ITEM],
        }
    )

    user_id: int | None
    customer_name: str
    customer_email: str
    shipping_address: str | None
    subtotal_cents: int
    shipping_cents: int
    updated_at: str
    items: list[OrderItem]
