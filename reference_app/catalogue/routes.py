"""Routes of the catalogue."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response

from reference_app.accounts.authorization import AccessControl, Caller
from reference_app.answers import Id, answer, documented
from reference_app.catalogue.maintenance import CatalogueMaintenance
from reference_app.catalogue.models import (
    ImagePlace,
    Images,
    KeptImage,
    NewImage,
    NewProduct,
    Product,
    ProductChange,
    Products,
    StockedProducts,
)
from reference_app.catalogue.rules import FIRST_PAGE, Entity, ProductPath, ProductQuery
from reference_app.catalogue.store import CatalogueStore
from reference_app.direct_route import DirectRoute, RequestParameters
from reference_app.paging import After, Limit
from reference_app.vocabulary import ProductStatus

_PRODUCT_QUERY = RequestParameters(ProductQuery)
_PRODUCT_PATH = RequestParameters(ProductPath, "path")
_ENTITY_QUERY = RequestParameters(Entity)
_BUSY = HTTPStatus.SERVICE_UNAVAILABLE
# The statuses of changes by staff, besides those of authorization.
_CHANGES = (HTTPStatus.NOT_FOUND, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _BUSY)


def router(store: CatalogueStore) -> APIRouter:
    """The routes of the catalogue."""
    # Pages and products are requested most.
    routes = APIRouter(tags=["catalogue"], route_class=DirectRoute)

    @routes.get(
        "/products",
        response_model=Products,
        responses=documented(_BUSY),
        openapi_extra=_PRODUCT_QUERY.documented(),
    )
    async def products(request: Request) -> Response:
        """Available products that fit every filter given, a page at a time.

        A cursor is valid for its sort order. Products that are added or removed between two pages
        do not shift the others.
        """
        return answer(await store.page(_PRODUCT_QUERY.of(request)))

    @routes.get(
        "/products/{product_id}",
        response_model=Product,
        responses=documented(HTTPStatus.NOT_FOUND, _BUSY),
        openapi_extra=_PRODUCT_PATH.documented(),
    )
    async def product(request: Request) -> Response:
        """One product and its images.

        Views are counted in memory and written every second: a killed server loses those of its
        last second.
        """
        return answer(await store.product(_PRODUCT_PATH.of(request).product_id))

    @routes.get(
        "/images",
        response_model=Images,
        responses=documented(_BUSY),
        openapi_extra=_ENTITY_QUERY.documented(),
    )
    async def images(request: Request) -> Response:
        """The images of one entity, in their order."""
        entity = _ENTITY_QUERY.of(request)
        return answer({"items": await store.images(entity.entity_type, entity.entity_id)})

    return routes


def admin_router(maintenance: CatalogueMaintenance, access: AccessControl) -> APIRouter:
    """The catalogue's routes for staff."""
    routes = APIRouter()
    _product_routes(routes, maintenance, access)
    _image_routes(routes, maintenance, access)
    return routes


def _product_routes(
    routes: APIRouter, maintenance: CatalogueMaintenance, access: AccessControl
) -> None:
    staff = Depends(access.admin)

    @routes.get("/products", response_model=StockedProducts, responses=documented(_BUSY))
    async def products(
        status: ProductStatus | None = None, after: After = None, limit: Limit = FIRST_PAGE
    ) -> Response:
        """Products of a status, or of any; the last added first."""
        return answer(await maintenance.products(status, after, limit))

    @routes.post(
        "/products",
        response_model=Product,
        status_code=int(HTTPStatus.CREATED),
        responses=documented(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _BUSY),
    )
    async def add_product(new: NewProduct, caller: Caller = staff) -> Response:
        """Add a product; its stock is an intake of the stock ledger."""
        return answer(await maintenance.add_product(caller, new), HTTPStatus.CREATED)

    @routes.patch("/products/{product_id}", response_model=Product, responses=documented(*_CHANGES))
    async def change_product(
        product_id: Id, change: ProductChange, caller: Caller = staff
    ) -> Response:
        """Change a product; its stock changes by adjustments of the ledger."""
        return answer(await maintenance.change_product(caller, product_id, change))

    @routes.delete(
        "/products/{product_id}",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, _BUSY),
    )
    async def remove_product(product_id: Id, caller: Caller = staff) -> Response:
        """Take a product out of the shop; its orders and its ledger stay."""
        await maintenance.remove_product(caller, product_id)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))


def _image_routes(
    routes: APIRouter, maintenance: CatalogueMaintenance, access: AccessControl
) -> None:
    staff = Depends(access.admin)

    @routes.post(
        "/images",
        response_model=KeptImage,
        status_code=int(HTTPStatus.CREATED),
        responses=documented(*_CHANGES, HTTPStatus.CONFLICT),
    )
    async def add_image(new: NewImage, caller: Caller = staff) -> Response:
        """Add an image of an entity; the file itself is on the image host."""
        return answer(await maintenance.add_image(caller, new), HTTPStatus.CREATED)

    @routes.patch("/images/{image_id}", response_model=KeptImage, responses=documented(*_CHANGES))
    async def place_image(image_id: Id, change: ImagePlace, caller: Caller = staff) -> Response:
        """Change the position of an image among those of its entity."""
        return answer(await maintenance.place_image(caller, image_id, change.position))

    @routes.delete(
        "/images/{image_id}",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(HTTPStatus.NOT_FOUND, _BUSY),
    )
    async def remove_image(image_id: Id, caller: Caller = staff) -> Response:
        """Remove an image."""
        await maintenance.remove_image(caller, image_id)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))
