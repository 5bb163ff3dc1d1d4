"""The catalogue over HTTP. No SQL may enter."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from reference_app.accounts.doors import Doors
from reference_app.answers import LARGEST_ID, Id, answer, documented, not_found, unusable
from reference_app.catalogue.models import Images, Product, Products
from reference_app.catalogue.store import CatalogueStore
from reference_app.vocabulary import Category, EntityType

Size = Annotated[str | None, Query(min_length=1, max_length=40, examples=["UK 9"])]
EntityId = Annotated[int, Query(ge=1, le=LARGEST_ID, examples=[1])]


def router(store: CatalogueStore) -> APIRouter:
    """The routes of the catalogue."""
    routes = APIRouter(tags=["catalogue"])

    @routes.get("/products", response_model=Products, responses=documented())
    async def products(size: Size = None, category: Category | None = None) -> Response:
        """Available products, newest 24; of a size, or of a category and a size."""
        if category is not None and size is None:
            raise unusable("A category is listed by size only; add `size` to the request.")
        return answer({"items": await store.newest(size, category)})

    @routes.get(
        "/products/{product_id}",
        response_model=Product,
        responses=documented(HTTPStatus.NOT_FOUND),
    )
    async def product(product_id: Id) -> Response:
        """One product and its images."""
        found = await store.product(product_id)
        if found is None:
            raise not_found(f"There is no product {product_id}; take an id from GET /products.")
        return answer(found)

    @routes.get("/images", response_model=Images, responses=documented())
    async def images(entity_type: EntityType, entity_id: EntityId) -> Response:
        """The images of one entity, in their order."""
        return answer({"items": await store.images(entity_type, entity_id)})

    return routes


def admin_router(store: CatalogueStore, doors: Doors) -> APIRouter:
    """The catalogue's routes for staff."""
    return APIRouter()
