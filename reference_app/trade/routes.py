"""Routes of orders."""

# No `from __future__ import annotations`: FastAPI could not resolve the names of a closure.

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


def router(store: TradeStore, access: AccessControl) -> APIRouter:
    """The routes of trade: orders, reservations, offers."""
    routes = APIRouter(tags=["trade"])
    _checkout_routes(routes, store, access)
    _order_routes(routes, store, access)
    routes.include_router(reservation_routes.router(store, access))
    routes.include_router(offer_routes.router(store, access))
    return routes


def _checkout_routes(routes: APIRouter, store: TradeStore, access: AccessControl) -> None:
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
        caller: Annotated[Caller | None, Depends(access.anybody)],
        key: Key = None,
    ) -> Response:
        """Buy all items or none.

        A repeated request with the same Idempotency-Key returns the order of the first one, with
        the header `Idempotency-Replayed: true`.

        Unpaid and reserved pieces of guests are limited by session and by address.
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


def _order_routes(routes: APIRouter, store: TradeStore, access: AccessControl) -> None:
    @routes.get("/orders", response_model=Orders, responses=documented(HTTPStatus.UNAUTHORIZED))
    async def orders(
        caller: Annotated[Caller, Depends(access.customer)],
        limit: Limit = HISTORY,
        after: After = None,
    ) -> Response:
        """The caller's orders, newest first."""
        return answer(await store.history(caller.user_id, limit, after))

    @routes.get(
        "/orders/{order_number}",
        response_model=Order,
        openapi_extra=GUESTS_TOO,
        responses=documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND),
    )
    async def order(
        order_number: OrderNumber,
        caller: Annotated[Caller | None, Depends(access.anybody)],
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
        order_number: OrderNumber, caller: Annotated[Caller, Depends(access.customer)]
    ) -> Response:
        """Cancel a pending or confirmed order of the caller; a payment is refunded."""
        return answer(await store.cancel(order_number, caller.user_id))


def admin_router(store: TradeStore, access: AccessControl) -> APIRouter:
    """The routes of trade for staff."""
    routes = APIRouter()
    routes.include_router(offer_routes.admin_router(store, access))

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
        caller: Annotated[Caller, Depends(access.admin)],
    ) -> Response:
        """Change the status or payment status of an order.

        pending → confirmed → shipped (delivery) → completed; cancelled while it is pending or
        confirmed, returned once it is shipped or completed: both return the goods to stock and
        refund a payment.
        """
        return answer(await store.change(caller, order_number, order.status, order.payment_status))

    @routes.post(
        "/orders/{order_number}/return",
        response_model=Order,
        responses=documented(HTTPStatus.NOT_FOUND, *_WRITING),
    )
    async def take_back(
        order_number: OrderNumber, caller: Annotated[Caller, Depends(access.admin)]
    ) -> Response:
        """Take back a shipped or collected order; a payment is refunded."""
        return answer(await store.change(caller, order_number, "returned", None))

    return routes
