"""Response models of the sell side; money in cents, times in UTC."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from reference_app.answers import shown
from reference_app.vocabulary import Category, SubmissionStatus

Response = Literal["accepted", "refused", "counter_offer"]

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
_PHOTO = {
    "sell_item_id": 20,
    "external_id": "photo-3f9a",
    "url": "https://images.example/3f9a.webp",
    "width": 1200,
    "height": 900,
    "bytes": 184220,
    "position": 0,
}
_OWN_SUBMISSION = {
    "batch_id": "BATCH-20251004-00008",
    "status": "offer_sent",
    "item_count": 1,
    "seller_price_cents": 9000,
    "offered_price_cents": 7500,
    "offer_expires_at": "2025-10-11 09:00:00",
    "created_at": "2025-10-04 08:30:00",
}
_SUBMISSION = {
    "batch_id": "BATCH-20251004-00008",
    "status": "offer_sent",
    "contact_name": "Aoife Byrne",
    "contact_email": "aoife@example.ie",
    "contact_phone": None,
    "item_count": 1,
    "seller_price_cents": 9000,
    "offered_price_cents": 7500,
    "offer_sent_at": "2025-10-04 09:00:00",
    "offer_expires_at": "2025-10-11 09:00:00",
    "offer_expired": False,
    "seller_response": None,
    "seller_response_message": None,
    "seller_response_at": None,
    "final_price_cents": None,
    "created_at": "2025-10-04 08:30:00",
    "updated_at": "2025-10-04 09:00:00",
    "items": [_ITEM],
    "photos": [_PHOTO],
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
    """Submissions, newest first; `next` is the `after` of the next page, if there may be one."""

    model_config = shown({"items": [_REQUEST], "next": "WyIyMDI1LTEwLTA0IDA4OjMwOjAwIiw4XQ"})

    items: list[SellRequest]
    next: str | None


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


class OwnSubmission(BaseModel):
    """A submission as its seller sees it in the list."""

    model_config = shown(_OWN_SUBMISSION)

    batch_id: str
    status: SubmissionStatus
    item_count: int
    seller_price_cents: int | None
    offered_price_cents: int | None
    offer_expires_at: str | None
    created_at: str


class OwnSubmissions(BaseModel):
    """The caller's submissions, newest first; `next` is the `after` of the next page, if any."""

    model_config = shown({"items": [_OWN_SUBMISSION], "next": None})

    items: list[OwnSubmission]
    next: str | None


class SellItem(BaseModel):
    """One item of a submission."""

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


class ItemPhoto(BaseModel):
    """A picture of one of the items."""

    model_config = shown(_PHOTO)

    sell_item_id: int
    external_id: str
    url: str
    width: int
    height: int
    bytes: int
    position: int


class Submission(BaseModel):
    """A submission with its items and their pictures, for its seller and for staff."""

    model_config = shown(_SUBMISSION)

    batch_id: str
    status: SubmissionStatus
    contact_name: str
    contact_email: str
    contact_phone: str | None
    item_count: int
    seller_price_cents: int | None
    offered_price_cents: int | None
    offer_sent_at: str | None
    offer_expires_at: str | None
    offer_expired: bool
    seller_response: Response | None
    seller_response_message: str | None
    seller_response_at: str | None
    final_price_cents: int | None
    created_at: str
    updated_at: str
    items: list[SellItem]
    photos: list[ItemPhoto]


class StaffSubmission(Submission):
    """A submission as staff see it, with its seller's account and its reviewer."""

    model_config = shown({**_SUBMISSION, "id": 8, "user_id": 31, "reviewed_by": 2})

    id: int
    user_id: int | None
    reviewed_by: int | None


class Submitted(BaseModel):
    """A new submission; its seller reads it by `batch_id`."""

    model_config = shown(
        {
            "batch_id": "BATCH-20251004-483920174652018",
            "status": "pending",
            "item_count": 2,
            "created_at": "2025-10-04 08:30:00",
        }
    )

    batch_id: str
    status: SubmissionStatus
    item_count: int
    created_at: str


class Progress(BaseModel):
    """The state of a submission after a change."""

    model_config = shown(
        {
            "batch_id": "BATCH-20251004-00008",
            "status": "accepted",
            "seller_price_cents": 9000,
            "offered_price_cents": 7500,
            "offer_expires_at": "2025-10-11 09:00:00",
            "seller_response": "accepted",
            "seller_response_at": "2025-10-05 10:00:00",
            "final_price_cents": 7500,
            "updated_at": "2025-10-05 10:00:00",
        }
    )

    batch_id: str
    status: SubmissionStatus
    seller_price_cents: int | None
    offered_price_cents: int | None
    offer_expires_at: str | None
    seller_response: Response | None
    seller_response_at: str | None
    final_price_cents: int | None
    updated_at: str


class Received(Progress):
    """A submission whose items were received, and the products that they became."""

    model_config = shown(
        {
            "batch_id": "BATCH-20251004-00008",
            "status": "received",
            "seller_price_cents": 9000,
            "offered_price_cents": 7500,
            "offer_expires_at": "2025-10-11 09:00:00",
            "seller_response": "accepted",
            "seller_response_at": "2025-10-05 10:00:00",
            "final_price_cents": 7500,
            "updated_at": "2025-10-06 10:00:00",
            "product_ids": [100001],
        }
    )

    product_ids: list[int]
