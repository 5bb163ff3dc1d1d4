"""The catalogue over HTTP."""

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
from reference_app.catalogue.rules import FIRST_PAGE, Entity, OneProduct, Wish
from reference_app.catalogue.store import CatalogueStore
from reference_app.direct_route import DirectRoute, RequestParameters
from reference_app.paging import After, Limit
from reference_app.vocabulary import ProductStatus

_WISHES = RequestParameters(Wish)
_ONE = RequestParameters(OneProduct, "path")
_ENTITIES = RequestParameters(Entity)
_BUSY = HTTPStatus.SERVICE_UNAVAILABLE
# What a change by staff can be answered with, beside what the door says.
_CHANGES = (HTTPStatus.NOT_FOUND, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _BUSY)


def router(store: CatalogueStore) -> APIRouter:
    """The routes of the catalogue."""
    # Pages and products are what visitors ask for most.
    routes = APIRouter(tags=["catalogue"], route_class=DirectRoute)

    @routes.get(
        "/products",
        response_model=Products,
        responses=documented(_BUSY),
        openapi_extra=_WISHES.documented(),
    )
    async def products(request: Request) -> Response:
        """Available products that fit every filter given, a page at a time.

        Cursors hold for the order in which they were given out. A product that comes or goes
        while somebody turns pages moves no other one.
        """
        return answer(await store.page(_WISHES.of(request)))

    @routes.get(
        "/products/{product_id}",
        response_model=Product,
        responses=documented(HTTPStatus.NOT_FOUND, _BUSY),
        openapi_extra=_ONE.documented(),
    )
    async def product(request: Request) -> Response:
        """One product and its images.

        Views are counted in memory and written down every second: a server that is killed
        loses those of its last second.
        """
        return answer(await store.product(_ONE.of(request).product_id))

    @routes.get(
        "/images",
        response_model=Images,
        responses=documented(_BUSY),
        openapi_extra=_ENTITIES.documented(),
    )
    async def images(request: Request) -> Response:
        """The images of one entity, in their order."""
        entity = _ENTITIES.of(request)
        return answer({"items": await store.images(entity.entity_type, entity.entity_id)})

    return routes


def admin_router(keeper: CatalogueMaintenance, doors: AccessControl) -> APIRouter:
    """The catalogue's routes for staff."""
    routes = APIRouter()
    _product_routes(routes, keeper, doors)
    _image_routes(routes, keeper, doors)
    return routes


def _product_routes(routes: APIRouter, keeper: CatalogueMaintenance, doors: AccessControl) -> None:
    staff = Depends(doors.admin)

    @routes.get("/products", response_model=StockedProducts, responses=documented(_BUSY))
    async def products(
        status: ProductStatus | None = None, after: After = None, limit: Limit = FIRST_PAGE
    ) -> Response:
        """Products of a status, or of any; the last added first."""
        return answer(await keeper.products(status, after, limit))

    @routes.post(
        "/products",
        response_model=Product,
        status_code=int(HTTPStatus.CREATED),
        responses=documented(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _BUSY),
    )
    async def add_product(new: NewProduct, caller: Caller = staff) -> Response:
        """Put a product on sale; its pieces stand in the stock ledger as intake."""
        return answer(await keeper.add_product(caller, new), HTTPStatus.CREATED)

    @routes.patch("/products/{product_id}", response_model=Product, responses=documented(*_CHANGES))
    async def change_product(
        product_id: Id, change: ProductChange, caller: Caller = staff
    ) -> Response:
        """Change what is said of a product; its stock changes by adjustments of the ledger."""
        return answer(await keeper.change_product(caller, product_id, change))

    @routes.delete(
        "/products/{product_id}",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, _BUSY),
    )
    async def remove_product(product_id: Id, caller: Caller = staff) -> Response:
        """Take a product out of the shop; its orders and its ledger stay."""
        await keeper.remove_product(caller, product_id)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))


def _image_routes(routes: APIRouter, keeper: CatalogueMaintenance, doors: AccessControl) -> None:
    staff = Depends(doors.admin)

    @routes.post(
        "/images",
        response_model=KeptImage,
        status_code=int(HTTPStatus.CREATED),
        responses=documented(*_CHANGES, HTTPStatus.CONFLICT),
    )
    async def add_image(new: NewImage, caller: Caller = staff) -> Response:
        """Keep a picture of an entity; the picture itself lies at the image host."""
        return answer(await keeper.add_image(caller, new), HTTPStatus.CREATED)

    @routes.patch("/images/{image_id}", response_model=KeptImage, responses=documented(*_CHANGES))
    async def place_image(image_id: Id, place: ImagePlace, caller: Caller = staff) -> Response:
        """Give a picture another place among those of its entity."""
        return answer(await keeper.place_image(caller, image_id, place.position))

    @routes.delete(
        "/images/{image_id}",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(HTTPStatus.NOT_FOUND, _BUSY),
    )
    async def remove_image(image_id: Id, caller: Caller = staff) -> Response:
        """Remove a picture."""
        await keeper.remove_image(caller, image_id)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))
