"""Models of orders; money in cents, times in UTC."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from reference_app.answers import LARGEST_ID, shown
from reference_app.vocabulary import Fulfilment

OrderStatus = Literal["pending", "confirmed", "shipped", "completed", "cancelled", "returned"]
PaymentStatus = Literal["pending", "paid", "refunded", "failed"]
ProductId = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Name = Annotated[str, StringConstraints(max_length=200, pattern=r"\S")]
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+$")]
Phone = Annotated[str, StringConstraints(max_length=40, pattern=r"\S")]
ShippingAddress = Annotated[str, StringConstraints(max_length=500, pattern=r"\S")]
SessionId = Annotated[str, StringConstraints(min_length=1, max_length=64)]

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
_STAFFS_ORDER = {
    **_ORDER,
    "user_id": 9,
    "customer_name": "Aoife Byrne",
    "customer_email": "aoife@example.ie",
}
ORDER: dict[str, Any] = {
    **_STAFFS_ORDER,
    "shipping_address": "12 Main Street, Cork",
    "subtotal_cents": 12900,
    "shipping_cents": 500,
    "updated_at": "2025-10-01 09:00:00",
    "items": [_ITEM],
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
    """A page of one account's orders, newest first; `next` is null on the last page."""

    model_config = shown({"items": [_ORDER], "next": None})

    items: list[ListedOrder]
    next: str | None


class StaffsOrder(ListedOrder):
    """An order as staff list it; user_id is null for a guest."""

    model_config = shown(_STAFFS_ORDER)

    user_id: int | None
    customer_name: str
    customer_email: str


class StaffsOrders(BaseModel):
    """A page of everybody's orders, newest first; `next` is null on the last page."""

    model_config = shown({"items": [_STAFFS_ORDER], "next": None})

    items: list[StaffsOrder]
    next: str | None


class OrderItem(BaseModel):
    """One line of an order."""

    model_config = shown(_ITEM)

    id: int
    product_id: int
    product_name: str
    size: str
    quantity: int
    price_cents: int


class Order(StaffsOrder):
    """One order and its items; user_id is null for a guest."""

    model_config = shown(ORDER)

    shipping_address: str | None
    subtotal_cents: int
    shipping_cents: int
    updated_at: str
    items: list[OrderItem]


class Line(BaseModel):
    """How many pieces of a product."""

    model_config = shown({"product_id": 17, "quantity": 1})

    product_id: ProductId
    quantity: int = Field(default=1, ge=1, le=100)


class _NewOrder(BaseModel):
    """The fields of every order.

    A guest gives name and e-mail address; those of an account are its own by default.
    """

    items: list[Line] = Field(min_length=1, max_length=20, description="Each product once.")
    customer_name: Name | None = None
    customer_email: Email | None = None
    customer_phone: Phone | None = None
    session_id: SessionId | None = Field(
        default=None, description="A guest's session, if it has reserved any of the items."
    )


class CollectionOrder(_NewOrder):
    """An order for collection."""

    model_config = shown({"items": [{"product_id": 17}], "fulfilment": "collection"})

    fulfilment: Literal["collection"]
    shipping_address: None = None


class DeliveryOrder(_NewOrder):
    """An order for delivery."""

    model_config = shown(
        {
            "items": [{"product_id": 17, "quantity": 1}],
            "fulfilment": "delivery",
            "shipping_address": "12 Main Street, Cork",
            "customer_name": "Aoife Byrne",
            "customer_email": "aoife@example.ie",
        }
    )

    fulfilment: Literal["delivery"]
    shipping_address: ShippingAddress


class OrderChange(BaseModel):
    """Changes of an order by staff: either field, or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"status": "confirmed"}], "minProperties": 1},
    )

    status: OrderStatus | SkipJsonSchema[None] = None
    payment_status: PaymentStatus | SkipJsonSchema[None] = None

    @model_validator(mode="after")
    def _says_something(self) -> OrderChange:
        if self.status is None and self.payment_status is None:
            raise ValueError("give status, payment_status or both")
        return self
