"""Routes of reservations."""

# No `from __future__ import annotations`: FastAPI could not resolve the names of a closure.

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from reference_app.accounts.authorization import AccessControl, Caller, address_of
from reference_app.answers import GUESTS_TOO, Id, answer, documented
from reference_app.errors import Unauthenticated
from reference_app.paging import After, Limit
from reference_app.trade.offer_models import NewReservation, Reservation, Reservations
from reference_app.trade.store import TradeStore

Session = Annotated[
    str | None,
    Query(min_length=1, max_length=64, description="For guests: the session that holds the piece."),
]
_WRITING = (HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE)


def router(store: TradeStore, access: AccessControl) -> APIRouter:
    """The routes of reservations."""
    routes = APIRouter()
    _reserve_route(routes, store, access)
    _held_routes(routes, store, access)
    return routes


def _reserve_route(routes: APIRouter, store: TradeStore, access: AccessControl) -> None:
    anybody = Depends(access.anybody)

    @routes.post(
        "/reservations",
        response_model=Reservation,
        status_code=int(HTTPStatus.CREATED),
        openapi_extra=GUESTS_TOO,
        responses=documented(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            *_WRITING,
        ),
    )
    async def reserve(
        request: Request,
        reservation: NewReservation,
        caller: Annotated[Caller | None, anybody],
    ) -> Response:
        """Hold a piece for 24 hours, for the caller's account or for a guest's session.

        Reservations are limited by account or session, and by address.
        """
        user_id, session_id = _holder(caller, reservation.session_id)
        made = await store.reserve(reservation.product_id, user_id, session_id, address_of(request))
        return answer(made, HTTPStatus.CREATED)


def _held_routes(routes: APIRouter, store: TradeStore, access: AccessControl) -> None:
    anybody = Depends(access.anybody)

    @routes.get(
        "/reservations",
        response_model=Reservations,
        openapi_extra=GUESTS_TOO,
        responses=documented(HTTPStatus.UNAUTHORIZED),
    )
    async def held(
        caller: Annotated[Caller | None, anybody],
        session_id: Session = None,
        limit: Limit = 20,
        after: After = None,
    ) -> Response:
        """Active reservations of the account or session, newest first."""
        return answer(await store.held(*_holder(caller, session_id), limit, after))

    @routes.delete(
        "/reservations/{reservation_id}",
        status_code=int(HTTPStatus.NO_CONTENT),
        openapi_extra=GUESTS_TOO,
        responses=documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, *_WRITING),
    )
    async def release(
        request: Request,
        reservation_id: Id,
        caller: Annotated[Caller | None, anybody],
        session_id: Session = None,
    ) -> Response:
        """Release a reservation before it expires."""
        await store.release(reservation_id, *_holder(caller, session_id), address_of(request))
        return Response(status_code=int(HTTPStatus.NO_CONTENT))


def _holder(caller: Caller | None, session_id: str | None) -> tuple[int | None, str | None]:
    """(user id, None) of a caller, (None, session id) of a guest."""
    if caller is not None:
        return caller.user_id, None
    if session_id is None:
        raise Unauthenticated("Nobody is logged in; log in first, or as a guest give a session_id.")
    return None, session_id
