"""What a page of the catalogue is: filters, order and cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from reference_app import paging
from reference_app.answers import LARGEST_ID
from reference_app.errors import NotFound
from reference_app.queries import Parameters
from reference_app.vocabulary import Category, EntityType, Sort

FIRST_PAGE = 24
# What each order goes by, beside the id, and how a cursor of it is put to the query.
_ORDERS: dict[Sort, tuple[str, type, str]] = {
    "newest": ("created_at", str, "after_created_at"),
    "cheapest": ("price_cents", int, "above_price_cents"),
    "dearest": ("price_cents", int, "below_price_cents"),
}


Filter = Annotated[str | None, Field(min_length=1, max_length=40)]
Price = Annotated[int | None, Field(ge=0, le=LARGEST_ID, examples=[12000])]


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to see of the catalogue: the query parameters of GET /products."""

    category: Category | None = None
    size: Annotated[Filter, Field(examples=["UK 9"])] = None
    brand: Annotated[str | None, Field(min_length=1, max_length=80, examples=["Nike"])] = None
    condition: Annotated[Filter, Field(examples=["new"])] = None
    min_price_cents: Price = None
    max_price_cents: Price = None
    q: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=100,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            examples=["runner"],
            description="Text that the name or the brand holds. It is looked for product by "
            "product, so that a rare word takes as long as the catalogue is large.",
        ),
    ] = None
    sort: Sort = "newest"
    limit: Annotated[int, Field(ge=1, le=paging.LARGEST_PAGE, description="How many at most.")] = (
        FIRST_PAGE
    )
    after: Annotated[
        str | None,
        Field(
            max_length=paging.LARGEST_CURSOR,
            pattern=paging.CURSOR,
            description="`next` of the page before; leave it out for the first page.",
        ),
    ] = None

    def is_plain(self) -> bool:
        """Whether it is a first page as most are asked for: by size, by category and size, or all.

        Those three have queries of their own, which are measured.
        """
        filters = (self.brand, self.condition, self.min_price_cents, self.max_price_cents, self.q)
        return (
            all(value is None for value in (*filters, self.after))
            and (self.category is None or self.size is not None)
            and (self.sort, self.limit) == ("newest", FIRST_PAGE)
        )


@dataclass(frozen=True, slots=True)
class OneProduct:
    """Which product: the path parameter of GET /products/{product_id}."""

    product_id: Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[1])]


@dataclass(frozen=True, slots=True)
class Entity:
    """Whose pictures: the query parameters of GET /images."""

    entity_type: EntityType
    entity_id: Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[1])]


def page_parameters(wish: Wish) -> Parameters:
    """The parameters of the query `products_page`; it asks for one row more than is shown.

    Raises:
        NotThere: the cursor is not one of this list, or is of another order.
    """
    place: dict[str, int | str | None] = dict.fromkeys(known for _, _, known in _ORDERS.values())
    after_id = None
    if wish.after is not None:
        _, kind, parameter = _ORDERS[wish.sort]
        sort, place[parameter], after_id = paging.unpack(wish.after, str, kind, int)
        if sort != wish.sort:
            raise NotFound("This `after` is of another order; take the first page of this one.")
    return {
        "category": wish.category,
        "size": wish.size,
        "brand": wish.brand,
        "condition": wish.condition,
        "min_price_cents": wish.min_price_cents,
        "max_price_cents": wish.max_price_cents,
        "pattern": None if wish.q is None else like_pattern(wish.q),
        "cheapest": 1 if wish.sort == "cheapest" else None,
        "dearest": 1 if wish.sort == "dearest" else None,
        **place,
        "after_id": after_id,
        "limit": wish.limit + 1,
    }


def page_of(rows: Sequence[dict[str, Any]], wish: Wish, *, more: bool) -> dict[str, Any]:
    """The page that rows make; `next` is the cursor of the page after it, None on the last."""
    shown = list(rows[: wish.limit])
    by = _ORDERS[wish.sort][0]
    after = paging.pack(wish.sort, shown[-1][by], shown[-1]["id"]) if more else None
    return {"items": shown, "next": after}


def like_pattern(text: str) -> str:
    r"""The LIKE pattern, with the escape character \, of what holds the text as it stands."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return f"%{text}%"
