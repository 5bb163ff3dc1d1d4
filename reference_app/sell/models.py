"""The JSON of what people sell to the shop. Values only; money in cents, times in UTC."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from reference_app.answers import shown
from reference_app.vocabulary import Category, SubmissionStatus

_REQUEST = {
    "id": 8,
    "batch_id": "BATCH-20251004-00008",
    "contact_name": "Aoife Byrne",
    "contact_email": "aoife@example.ie",
    "status": "pending",
    "item_count": 2,
    "seller_price_cents": 9000,
    "offered_price_cents": None,
    "created_at": "2025-10-04 08:30:00",
}
_COUNT = {"status": "pending", "requests": 120, "items": 301}
_ITEM = {
    "id": 20,
    "category": "PO-SHOES",
    "brand": "Nike",
    "name": "Air Runner 90",
    "size": "UK 9",
    "condition": "good",
    "approved": None,
    "offer_price_cents": None,
    "product_id": None,
}


class SellRequest(BaseModel):
    """A submission as staff see it in the list."""

    model_config = shown(_REQUEST)

    id: int
    batch_id: str
    contact_name: str
    contact_email: str
    status: SubmissionStatus
    item_count: int
    seller_price_cents: int | None
    offered_price_cents: int | None
    created_at: str


class SellRequests(BaseModel):
    """At most 50 submissions, newest first."""

    model_config = shown({"items": [_REQUEST]})

    items: list[SellRequest]


class StatusCount(BaseModel):
    """Submissions and their items in one status."""

    model_config = shown(_COUNT)

    status: SubmissionStatus
    requests: int
    items: int


class Summary(BaseModel):
    """Submissions by status."""

    model_config = shown({"items": [_COUNT]})

    items: list[StatusCount]


class SellItem(BaseModel):
    """One thing that is offered to the shop."""

    model_config = shown(_ITEM)

    id: int
    category: Category
    brand: str
    name: str
    size: str
    condition: str
    approved: int | None
    offer_price_cents: int | None
    product_id: int | None


class Submission(BaseModel):
    """A submission as its seller sees it, and its items; no contact data, as nobody logs in yet."""

    model_config = shown(
        {
            "batch_id": "BATCH-20251004-00008",
            "status": "pending",
            "item_count": 1,
            "seller_price_cents": 9000,
            "offered_price_cents": None,
            "offer_sent_at": None,
            "offer_expires_at": None,
            "seller_response": None,
            "seller_response_at": None,
            "final_price_cents": None,
            "created_at": "2025-10-04 08:30:00",
            "updated_at": "2025-10-04 08:30:00",
            "items": [_ITEM],
        }
    )

    batch_id: str
    status: SubmissionStatus
    item_count: int
    seller_price_cents: int | None
    offered_price_cents: int | None
    offer_sent_at: str | None
    offer_expires_at: str | None
    seller_response: Literal["accepted", "refused", "counter_offer"] | None
    seller_response_at: str | None
    final_price_cents: int | None
    created_at: str
    updated_at: str
    items: list[SellItem]
