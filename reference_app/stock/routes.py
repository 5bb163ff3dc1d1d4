"""Routes of the stock ledger; 404 where the database has none."""

# No `from __future__ import annotations`: FastAPI could not resolve the names of a closure.

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from reference_app.accounts.authorization import AccessControl, Caller
from reference_app.answers import Id, answer, documented
from reference_app.stock.models import Adjusted, Adjustment, Audit, Moves, MovesOfOrder
from reference_app.stock.store import StockStore

OrderNumber = Annotated[str, Query(min_length=1, max_length=64, examples=["ORD-20250930-00003"])]


def admin_router(store: StockStore, access: AccessControl) -> APIRouter:
    """The routes of the ledger, for staff."""
    routes = APIRouter(prefix="/stock")

    @routes.get("/audit", response_model=Audit, responses=documented())
    async def audit() -> Response:
        """Whether the stock of every product is the sum of its ledger; reads all of both."""
        return answer(await store.audit())

    @routes.get(
        "/{product_id}",
        response_model=Moves,
        responses=documented(HTTPStatus.NOT_FOUND),
    )
    async def of_product(product_id: Id) -> Response:
        """The stock moves of one product, newest first."""
        return answer({"items": await store.of_product(product_id)})

    @routes.get(
        "",
        response_model=MovesOfOrder,
        responses=documented(HTTPStatus.NOT_FOUND),
    )
    async def of_order(order: OrderNumber) -> Response:
        """The stock moves of one order."""
        return answer({"items": await store.of_order(order)})

    @routes.post(
        "/{product_id}/adjustments",
        response_model=Adjusted,
        status_code=int(HTTPStatus.CREATED),
        responses=documented(
            HTTPStatus.NOT_FOUND,
            HTTPStatus.CONFLICT,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.SERVICE_UNAVAILABLE,
        ),
    )
    async def adjust(
        product_id: Id,
        adjustment: Adjustment,
        caller: Annotated[Caller, Depends(access.admin)],
    ) -> Response:
        """Correct the stock of a product: pieces that were found or are missing."""
        adjusted = await store.adjust(
            caller, product_id, adjustment.quantity_change, adjustment.note
        )
        return answer(adjusted, HTTPStatus.CREATED)

    return routes
