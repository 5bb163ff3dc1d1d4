"""Request models of the sell side."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from reference_app.answers import LARGEST_ID, shown
from reference_app.vocabulary import Category

# No control characters, and at least one character that is not a space.
_VISIBLE = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
_ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"

Line = Annotated[str, Field(min_length=1, max_length=120, pattern=_VISIBLE)]
Word = Annotated[str, Field(min_length=1, max_length=60, pattern=_VISIBLE)]
Message = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]
Email = Annotated[str, Field(min_length=3, max_length=254, pattern=_ADDRESS)]
Phone = Annotated[str, Field(min_length=3, max_length=40, pattern=r"^[0-9+(][0-9 ()./+-]*$")]
Cents = Annotated[int, Field(ge=1, le=100_000_000)]
ItemId = Annotated[int, Field(ge=1, le=LARGEST_ID)]

_PHOTO = {
    "external_id": "photo-3f9a",
    "url": "https://images.example/3f9a.webp",
    "width": 1200,
    "height": 900,
    "bytes": 184220,
}
_ITEM = {
    "category": "PO-SHOES",
    "brand": "Nike",
    "name": "Air Runner 90",
    "size": "UK 9",
    "condition": "good",
    "photos": [_PHOTO],
}


class NewPhoto(BaseModel):
    """A picture of an item, already uploaded to the image host."""

    model_config = shown(_PHOTO)

    external_id: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._:/-]+$")
    url: str = Field(max_length=1024, pattern=r"^https?://[!-~]+$")
    width: int = Field(ge=1, le=100_000)
    height: int = Field(ge=1, le=100_000)
    bytes: int = Field(ge=1, le=2**31 - 1)


class NewItem(BaseModel):
    """One item of a new submission."""

    model_config = shown(_ITEM)

    category: Category
    brand: Word
    name: Line
    size: Word
    condition: Word
    photos: list[NewPhoto] = Field(default=[], max_length=10)


class NewSubmission(BaseModel):
    """A new submission: items, contact and the price that the seller wants."""

    model_config = shown(
        {
            "contact_name": "Aoife Byrne",
            "contact_email": "aoife@example.ie",
            "contact_phone": "+353 85 555 0142",
            "seller_price_cents": 9000,
            "items": [_ITEM],
        }
    )

    contact_name: Line
    contact_email: Email
    contact_phone: Phone | None = None
    seller_price_cents: Cents | None = None
    items: list[NewItem] = Field(min_length=1, max_length=20)


class PlainAnswer(BaseModel):
    """Accepts or refuses the offer. A guest is identified by `email`."""

    model_config = shown({"answer": "accepted", "message": "That works for me."})

    answer: Literal["accepted", "refused"]
    message: Message | None = None
    email: Email | None = None


class CounterAnswer(BaseModel):
    """Proposes another price. A guest is identified by `email`."""

    model_config = shown({"answer": "counter_offer", "counter_price_cents": 8500})

    answer: Literal["counter_offer"]
    counter_price_cents: Cents
    message: Message | None = None
    email: Email | None = None


Answer = Annotated[PlainAnswer | CounterAnswer, Field(discriminator="answer")]


class Cancellation(BaseModel):
    """A guest is identified by `email`."""

    model_config = shown({"email": "aoife@example.ie"})

    email: Email | None = None


class ApprovedItem(BaseModel):
    """An item that the shop would buy, and its price."""

    model_config = shown({"id": 20, "approved": True, "offer_price_cents": 7500})

    id: ItemId
    approved: Literal[True]
    offer_price_cents: Cents


class DeclinedItem(BaseModel):
    """An item that the shop does not want."""

    model_config = shown({"id": 21, "approved": False})

    id: ItemId
    approved: Literal[False]
    offer_price_cents: None = None


class NewOffer(BaseModel):
    """The shop's offer: a decision on every item, and the price of the approved ones."""

    model_config = shown(
        {
            "items": [
                {"id": 20, "approved": True, "offer_price_cents": 7500},
                {"id": 21, "approved": False},
            ],
            "offered_price_cents": 7500,
            "expires_in_days": 7,
        }
    )

    items: list[ApprovedItem | DeclinedItem] = Field(min_length=1, max_length=20)
    offered_price_cents: Cents
    expires_in_days: int = Field(ge=1, le=30)


class PricedItem(BaseModel):
    """An item that arrived, and the price at which the shop will sell it.

    It keeps its category unless staff name another.
    """

    model_config = shown({"id": 20, "price_cents": 12900, "category": "PO-SHOES"})

    id: ItemId
    price_cents: Cents
    category: Category | None = None


class Receipt(BaseModel):
    """What arrived: every approved item of the submission, each with its price."""

    model_config = shown({"items": [{"id": 20, "price_cents": 12900}]})

    items: list[PricedItem] = Field(max_length=20)
