"""Orders over HTTP. No SQL may enter."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from reference_app.accounts.doors import Doors
from reference_app.answers import LARGEST_ID, answer, documented, not_found
from reference_app.trade.models import Order, Orders
from reference_app.trade.store import TradeStore

UserId = Annotated[int, Query(ge=1, le=LARGEST_ID, examples=[1])]
OrderNumber = Annotated[str, Path(min_length=1, max_length=64, examples=["ORD-20250930-00003"])]


def router(store: TradeStore, doors: Doors) -> APIRouter:
    """The routes of orders."""
    routes = APIRouter(tags=["trade"])

    @routes.get("/orders", response_model=Orders, responses=documented())
    async def orders(user_id: UserId) -> Response:
        """One user's orders, newest 20."""
        return answer({"items": await store.history(user_id)})

    @routes.get(
        "/orders/{order_number}",
        response_model=Order,
        responses=documented(HTTPStatus.NOT_FOUND),
    )
    async def order(order_number: OrderNumber) -> Response:
        """One order and its items."""
        found = await store.order(order_number)
        if found is None:
            raise not_found(f"There is no order {order_number}; check the number.")
        return answer(found)

    return routes


def admin_router(store: TradeStore, doors: Doors) -> APIRouter:
    """The routes of trade for staff."""
    return APIRouter()
