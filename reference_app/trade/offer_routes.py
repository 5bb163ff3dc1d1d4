"""Routes of customers' offers."""

# No `from __future__ import annotations`: FastAPI could not resolve the names of a closure.

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from reference_app.accounts.authorization import AccessControl, Caller
from reference_app.answers import LARGEST_ID, Id, answer, documented
from reference_app.paging import After, Limit
from reference_app.trade.offer_models import (
    AcceptedOffer,
    HighestOffer,
    NewOffer,
    Offer,
    Offers,
    OfferStatus,
)
from reference_app.trade.store import TradeStore

OfProduct = Annotated[int | None, Query(ge=1, le=LARGEST_ID)]
_WRITING = (HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE)


def router(store: TradeStore, access: AccessControl) -> APIRouter:
    """The routes of offers for customers."""
    routes = APIRouter()
    customer = Depends(access.customer)

    @routes.post(
        "/products/{product_id}/offers",
        response_model=Offer,
        status_code=int(HTTPStatus.CREATED),
        responses=documented(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            *_WRITING,
        ),
    )
    async def bid(product_id: Id, offer: NewOffer, caller: Annotated[Caller, customer]) -> Response:
        """Offer more for a product than anybody else; the former highest bidder is notified."""
        made = await store.bid(product_id, caller.user_id, offer.amount_cents)
        return answer(made, HTTPStatus.CREATED)

    @routes.get(
        "/products/{product_id}/offers/highest",
        response_model=HighestOffer,
        responses=documented(HTTPStatus.NOT_FOUND),
    )
    async def highest(product_id: Id) -> Response:
        """The highest open offer on a product."""
        return answer(await store.highest(product_id))

    @routes.get(
        "/account/offers", response_model=Offers, responses=documented(HTTPStatus.UNAUTHORIZED)
    )
    async def own_offers(
        caller: Annotated[Caller, customer], limit: Limit = 20, after: After = None
    ) -> Response:
        """The caller's offers, newest first."""
        return answer(await store.offers(user_id=caller.user_id, limit=limit, after=after))

    @routes.delete(
        "/offers/{offer_id}",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, *_WRITING),
    )
    async def withdraw(offer_id: Id, caller: Annotated[Caller, customer]) -> Response:
        """Withdraw the caller's offer; the bidder it had outbid leads again and is notified."""
        await store.withdraw(offer_id, caller.user_id)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))

    return routes


def admin_router(store: TradeStore, access: AccessControl) -> APIRouter:
    """The routes of offers for staff."""
    routes = APIRouter()
    admin = Depends(access.admin)

    @routes.get("/offers", response_model=Offers, responses=documented())
    async def offers(
        product_id: OfProduct = None,
        status: OfferStatus | None = None,
        limit: Limit = 50,
        after: After = None,
    ) -> Response:
        """Everybody's offers, newest first: on one product, of one status, or all."""
        return answer(
            await store.offers(product_id=product_id, status=status, limit=limit, after=after)
        )

    @routes.post(
        "/offers/{offer_id}/accept",
        response_model=AcceptedOffer,
        responses=documented(HTTPStatus.NOT_FOUND, *_WRITING),
    )
    async def accept(offer_id: Id, caller: Annotated[Caller, admin]) -> Response:
        """Sell a piece to the bidder at the price offered; other open offers are refused."""
        return answer(await store.accept(caller, offer_id))

    @routes.post(
        "/offers/{offer_id}/refuse",
        response_model=Offer,
        responses=documented(HTTPStatus.NOT_FOUND, *_WRITING),
    )
    async def refuse(offer_id: Id, caller: Annotated[Caller, admin]) -> Response:
        """Refuse an open offer; its bidder is notified."""
        return answer(await store.refuse(caller, offer_id))

    return routes
