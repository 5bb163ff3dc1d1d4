"""Models of reservations and of customers' offers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from reference_app.answers import shown
from reference_app.trade.models import ORDER, Order, ProductId, SessionId

OfferStatus = Literal["open", "outbid", "accepted", "refused", "withdrawn"]

_RESERVATION = {
    "id": 8,
    "product_id": 17,
    "quantity": 1,
    "status": "active",
    "created_at": "2025-10-05 10:00:00",
    "expires_at": "2025-10-06 10:00:00",
}
_OFFER: dict[str, Any] = {
    "id": 4,
    "product_id": 17,
    "product_name": "Air Runner 90",
    "user_id": 9,
    "amount_cents": 11000,
    "status": "open",
    "created_at": "2025-10-05 10:00:00",
}


class NewReservation(BaseModel):
    """The product to reserve; a guest names a session."""

    model_config = shown({"product_id": 17})

    product_id: ProductId
    session_id: SessionId | None = Field(
        default=None, description="For guests: anybody who knows it may release or buy the piece."
    )


class Reservation(BaseModel):
    """A piece that is held until `expires_at`."""

    model_config = shown(_RESERVATION)

    id: int
    product_id: int
    quantity: int
    status: Literal["active", "completed", "expired", "cancelled"]
    created_at: str
    expires_at: str


class Reservations(BaseModel):
    """A page of active reservations, newest first; `next` is null on the last page."""

    model_config = shown({"items": [_RESERVATION], "next": None})

    items: list[Reservation]
    next: str | None


class NewOffer(BaseModel):
    """The amount of a new offer."""

    model_config = shown({"amount_cents": 11000})

    amount_cents: int = Field(ge=1, le=100_000_000)


class Offer(BaseModel):
    """A customer's offer on a product."""

    model_config = shown(_OFFER)

    id: int
    product_id: int
    product_name: str
    user_id: int
    amount_cents: int
    status: OfferStatus
    created_at: str


class Offers(BaseModel):
    """A page of offers, newest first; `next` is null on the last page."""

    model_config = shown({"items": [_OFFER], "next": None})

    items: list[Offer]
    next: str | None


class HighestOffer(BaseModel):
    """The highest open offer on a product, without its bidder; null if there is none."""

    model_config = shown({"product_id": 17, "amount_cents": 11000})

    product_id: int
    amount_cents: int | None


class AcceptedOffer(BaseModel):
    """An offer that was accepted, and the order that it became."""

    model_config = shown({"offer": {**_OFFER, "status": "accepted"}, "order": ORDER})

    offer: Offer
    order: Order
