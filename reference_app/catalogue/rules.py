"""Pages of the catalogue: filters, order and cursor."""

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
# Of each order: its column besides the id, the column's type, and the query's cursor parameter.
_ORDERS: dict[Sort, tuple[str, type, str]] = {
    "newest": ("created_at", str, "after_created_at"),
    "cheapest": ("price_cents", int, "above_price_cents"),
    "dearest": ("price_cents", int, "below_price_cents"),
}


Filter = Annotated[str | None, Field(min_length=1, max_length=40)]
Price = Annotated[int | None, Field(ge=0, le=LARGEST_ID, examples=[12000])]


@dataclass(frozen=True, slots=True)
class ProductQuery:
    """The query parameters of GET /products."""

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
        """Whether it is a common first page: by size, by category and size, or of all.

        These have queries of their own, which are measured.
        """
        filters = (self.brand, self.condition, self.min_price_cents, self.max_price_cents, self.q)
        return (
            all(value is None for value in (*filters, self.after))
            and (self.category is None or self.size is not None)
            and (self.sort, self.limit) == ("newest", FIRST_PAGE)
        )


@dataclass(frozen=True, slots=True)
class ProductPath:
    """The path parameter of GET /products/{product_id}."""

    product_id: Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[1])]


@dataclass(frozen=True, slots=True)
class Entity:
    """The query parameters of GET /images."""

    entity_type: EntityType
    entity_id: Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[1])]


def page_parameters(query: ProductQuery) -> Parameters:
    """The parameters of the query `products_page`, which reads one row more than is shown.

    Raises:
        NotFound: the cursor is not one of this list, or is of another order.
    """
    cursor: dict[str, int | str | None] = dict.fromkeys(known for _, _, known in _ORDERS.values())
    after_id = None
    if query.after is not None:
        _, kind, parameter = _ORDERS[query.sort]
        sort, cursor[parameter], after_id = paging.unpack(query.after, str, kind, int)
        if sort != query.sort:
            raise NotFound("This `after` is of another order; take the first page of this one.")
    return {
        "category": query.category,
        "size": query.size,
        "brand": query.brand,
        "condition": query.condition,
        "min_price_cents": query.min_price_cents,
        "max_price_cents": query.max_price_cents,
        "pattern": None if query.q is None else like_pattern(query.q),
        "cheapest": 1 if query.sort == "cheapest" else None,
        "dearest": 1 if query.sort == "dearest" else None,
        **cursor,
        "after_id": after_id,
        "limit": query.limit + 1,
    }


def page_of(rows: Sequence[dict[str, Any]], query: ProductQuery, *, more: bool) -> dict[str, Any]:
    """The page of these rows; `next` is the cursor of the next page, None on the last."""
    shown = list(rows[: query.limit])
    by = _ORDERS[query.sort][0]
    after = paging.pack(query.sort, shown[-1][by], shown[-1]["id"]) if more else None
    return {"items": shown, "next": after}


def like_pattern(text: str) -> str:
    r"""The LIKE pattern, with the escape character \, for values that contain the text."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return f"%{text}%"
