"""The JSON of the catalogue. Values only."""

from __future__ import annotations

from pydantic import BaseModel

from reference_app.answers import shown
from reference_app.vocabulary import Category, ProductStatus

_PRODUCT = {
    "id": 17,
    "sku": "BN-SHOES-000017",
    "name": "Air Runner 90",
    "category": "BN-SHOES",
    "brand": "Nike",
    "size": "UK 9",
    "condition": "new",
    "colour": "black",
    "price_cents": 12900,
    "quantity_available": 1,
    "featured": 0,
    "created_at": "2025-09-30 14:02:11",
}
_IMAGE = {
    "id": 41,
    "external_id": "img-41",
    "url": "https://images.example/41.webp",
    "width": 1200,
    "height": 900,
    "bytes": 184220,
    "position": 0,
}


class Image(BaseModel):
    """One picture."""

    model_config = shown(_IMAGE)

    id: int
    external_id: str
    url: str
    width: int
    height: int
    bytes: int
    position: int


class Images(BaseModel):
    """The pictures of one entity, in their order."""

    model_config = shown({"items": [_IMAGE]})

    items: list[Image]


class ListedProduct(BaseModel):
    """A product as the listing shows it; money in cents, time in UTC."""

    model_config = shown(_PRODUCT)

    id: int
    sku: str
    name: str
    category: Category
    brand: str
    size: str
    condition: str
    colour: str | None
    price_cents: int
    quantity_available: int
    featured: int
    created_at: str


class Products(BaseModel):
    """At most 24 available products, newest first."""

    model_config = shown({"items": [_PRODUCT]})

    items: list[ListedProduct]


class Product(ListedProduct):
    """One product and its pictures."""

    model_config = shown(
        {
            **_PRODUCT,
            "description": "Worn once indoors.",
            "status": "available",
            "views_count": 12,
            "updated_at": "2025-09-30 14:02:11",
            "images": [_IMAGE],
        }
    )

    description: str | None
    status: ProductStatus
    views_count: int
    updated_at: str
    images: list[Image]
