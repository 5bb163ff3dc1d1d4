"""Models of the catalogue."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StrictBool

from reference_app.answers import LARGEST_ID, shown
from reference_app.vocabulary import Category, EntityType, ProductStatus

Sku = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
Word = Annotated[str, Field(min_length=1, max_length=80)]
Size = Annotated[str, Field(min_length=1, max_length=40)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Description = Annotated[str, Field(max_length=4000)]
Colour = Annotated[str, Field(max_length=40)]
PriceCents = Annotated[int, Field(ge=0, le=1_000_000_000)]
Position = Annotated[int, Field(ge=0, le=10_000)]
Pixels = Annotated[int, Field(ge=1, le=100_000)]

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
    """One image; its id is null if only the product row has it, and not `images`."""

    model_config = shown(_IMAGE)

    id: int | None
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
    """A page of available products; `next` is the `after` of the page that follows, if one does."""

    model_config = shown({"items": [_PRODUCT], "next": None})

    items: list[ListedProduct]
    next: str | None


_WHOLE = {
    **_PRODUCT,
    "description": "Worn once indoors.",
    "status": "available",
    "views_count": 12,
    "updated_at": "2025-09-30 14:02:11",
}


class StockedProduct(ListedProduct):
    """A product as staff list it, whatever its status."""

    model_config = shown(_WHOLE)

    description: str | None
    status: ProductStatus
    views_count: int
    updated_at: str


class StockedProducts(BaseModel):
    """A page of products, the last added first."""

    model_config = shown({"items": [_WHOLE], "next": None})

    items: list[StockedProduct]
    next: str | None


class Product(StockedProduct):
    """One product and its pictures."""

    model_config = shown({**_WHOLE, "images": [_IMAGE]})

    images: list[Image]


class NewProduct(BaseModel):
    """A product to put on sale, with its first pieces."""

    model_config = shown(
        {
            "sku": "BN-SHOES-000017",
            "name": "Air Runner 90",
            "description": "Worn once indoors.",
            "category": "BN-SHOES",
            "brand": "Nike",
            "size": "UK 9",
            "condition": "new",
            "colour": "black",
            "price_cents": 12900,
            "quantity": 1,
            "featured": False,
        }
    )

    sku: Sku
    name: Name
    description: Description | None = None
    category: Category
    brand: Word
    size: Size
    condition: Size
    colour: Colour | None = None
    price_cents: PriceCents
    quantity: Annotated[int, Field(ge=1, le=10_000)]
    featured: StrictBool = False


class ProductChange(BaseModel):
    """Changes of a product.

    Fields that are absent or null stay; an empty text removes a description or a colour.
    """

    model_config = shown({"price_cents": 11900, "featured": True})

    name: Name | None = None
    description: Description | None = None
    category: Category | None = None
    brand: Word | None = None
    size: Size | None = None
    condition: Size | None = None
    colour: Colour | None = None
    price_cents: PriceCents | None = None
    featured: StrictBool | None = None


_ADDED = {**_IMAGE, "entity_type": "product", "entity_id": 17}


class NewImage(BaseModel):
    """An image to add; only one of the shop itself, `other`, has no entity_id."""

    model_config = shown({name: value for name, value in _ADDED.items() if name != "id"})

    entity_type: EntityType
    entity_id: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = None
    external_id: Annotated[str, Field(min_length=1, max_length=200)]
    url: Annotated[str, Field(min_length=9, max_length=1000, pattern=r"^https?://[!-~]+$")]
    width: Pixels
    height: Pixels
    bytes: Annotated[int, Field(ge=1, le=2**40)]
    position: Position = 0


class ImagePlace(BaseModel):
    """The position of an image among those of its entity."""

    model_config = shown({"position": 2})

    position: Position


class KeptImage(Image):
    """A picture and whose it is."""

    model_config = shown(_ADDED)

    entity_type: EntityType
    entity_id: int | None
