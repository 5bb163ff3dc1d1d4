"""Orders over HTTP."""

# Annotations are read while a router is built: they name the doors that it was given.

import uuid
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Request, Response

from reference_app.accounts.authorization import AccessControl, Caller, address_of
from reference_app.answers import GUESTS_TOO, answer, documented
from reference_app.paging import After, Limit
from reference_app.trade import offer_routes, reservation_routes, rules
from reference_app.trade.checkout import Purchase
from reference_app.trade.models import (
    CollectionOrder,
    DeliveryOrder,
    Order,
    OrderChange,
    Orders,
    OrderStatus,
    StaffsOrders,
)
from reference_app.trade.store import HISTORY, TradeStore

OrderNumber = Annotated[str, Path(min_length=1, max_length=64, examples=["ORD-20250930-00003"])]
NewOrder = Annotated[CollectionOrder | DeliveryOrder, Body(discriminator="fulfilment")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,128}$",
        description="Made up by the buyer, theirs alone; the same request sent again under it is "
        "the same order. Without one every request is an order of its own.",
    ),
]
Email = Annotated[
    str | None,
    Query(max_length=254, description="For a guest's order: the address that it was made with."),
]
_WRITING = (HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE)


def router(store: TradeStore, doors: AccessControl) -> APIRouter:
    """The routes of trade: orders, reservations, offers."""
    routes = APIRouter(tags=["trade"])
    _add_orders(routes, store, doors)
    routes.include_router(reservation_routes.router(store, doors))
    routes.include_router(offer_routes.router(store, doors))
    return routes


def _add_orders(routes: APIRouter, store: TradeStore, doors: AccessControl) -> None:
    @routes.post(
        "/orders",
        response_model=Order,
        status_code=int(HTTPStatus.CREATED),
        openapi_extra=GUESTS_TOO,
        responses=documented(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            *_WRITING,
        ),
    )
    async def buy(
        request: Request,
        order: NewOrder,
        caller: Annotated[Caller | None, Depends(doors.anybody)],
        key: Key = None,
    ) -> Response:
        """Buy: all of it or nothing.

        A request that is sent again under its Idempotency-Key is answered with the order that
        it made, and the header `Idempotency-Replayed: true`.

        How many pieces guests may have ordered and not paid is limited by session and by address,
        together with those that they have reserved.
        """
        user_id = None if caller is None else caller.user_id
        purchase = Purchase(
            rules.lines_of([(line.product_id, line.quantity) for line in order.items]),
            order.fulfilment,
            shipping_address=order.shipping_address,
            user_id=user_id,
            session_id=order.session_id,
            name=order.customer_name,
            email=order.customer_email,
            phone=order.customer_phone,
        )
        body = order.model_dump(mode="json")
        made, replayed = await store.buy(
            purchase,
            key or uuid.uuid4().hex,
            rules.request_hash(user_id, body),
            address_of(request),
        )
        response = answer(made, HTTPStatus.CREATED)
        if replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response

    @routes.get("/orders", response_model=Orders, responses=documented(HTTPStatus.UNAUTHORIZED))
    async def orders(
        caller: Annotated[Caller, Depends(doors.customer)],
        limit: Limit = HISTORY,
        after: After = None,
    ) -> Response:
        """One's own orders, newest first."""
        return answer(await store.history(caller.user_id, limit, after))

    @routes.get(
        "/orders/{order_number}",
        response_model=Order,
        openapi_extra=GUESTS_TOO,
        responses=documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND),
    )
    async def order(
        order_number: OrderNumber,
        caller: Annotated[Caller | None, Depends(doors.anybody)],
        email: Email = None,
    ) -> Response:
        """One order and its items, for its buyer and for staff."""
        return answer(await store.order(order_number, caller, email))

    @routes.post(
        "/orders/{order_number}/cancel",
        response_model=Order,
        responses=documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, *_WRITING),
    )
    async def cancel(
        order_number: OrderNumber, caller: Annotated[Caller, Depends(doors.customer)]
    ) -> Response:
        """Cancel one's own order while it is pending or confirmed; what was paid is refunded."""
        return answer(await store.cancel(order_number, caller.user_id))


def admin_router(store: TradeStore, doors: AccessControl) -> APIRouter:
    """The routes of trade for staff."""
    routes = APIRouter()
    routes.include_router(offer_routes.admin_router(store, doors))

    @routes.get("/orders", response_model=StaffsOrders, responses=documented())
    async def orders(
        status: OrderStatus | None = None, limit: Limit = 50, after: After = None
    ) -> Response:
        """Everybody's orders, newest first, or those of one status."""
        return answer(await store.all_orders(status, limit, after))

    @routes.patch(
        "/orders/{order_number}",
        response_model=Order,
        responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, *_WRITING),
    )
    async def change(
        order_number: OrderNumber,
        order: OrderChange,
        caller: Annotated[Caller, Depends(doors.admin)],
    ) -> Response:
        """Bring an order to its next status or payment status.

        pending → confirmed → shipped (delivery) → completed; cancelled while it is pending or
        confirmed, returned once it is shipped or completed: both give the goods back to the
        stock, and the money to whoever has paid.
        """
        return answer(await store.change(caller, order_number, order.status, order.payment_status))

    @routes.post(
        "/orders/{order_number}/return",
        response_model=Order,
        responses=documented(HTTPStatus.NOT_FOUND, *_WRITING),
    )
    async def take_back(
        order_number: OrderNumber, caller: Annotated[Caller, Depends(doors.admin)]
    ) -> Response:
        """Take back what was shipped or collected; what was paid is refunded."""
        return answer(await store.change(caller, order_number, "returned", None))

    return routes
