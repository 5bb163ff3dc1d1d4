"""Routes of the caller's shipping addresses and notifications."""

# No `from __future__ import annotations`: FastAPI could not resolve the names of a closure.

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from reference_app.accounts.authorization import AccessControl, Caller
from reference_app.accounts.profile import ProfileStore
from reference_app.accounts.profile_models import (
    Address,
    AddressChange,
    Addresses,
    NewAddress,
    Notifications,
)
from reference_app.answers import Id, answer, documented
from reference_app.paging import After, Limit

Unread = Annotated[bool, Query(description="Only what has not been read.")]


def router(store: ProfileStore, access: AccessControl) -> APIRouter:
    """The routes under /account."""
    routes = APIRouter(prefix="/account")
    _addresses(routes, store, access)
    _notifications(routes, store, access)
    return routes


def _addresses(routes: APIRouter, store: ProfileStore, access: AccessControl) -> None:
    Member = Annotated[Caller, Depends(access.customer)]

    @routes.get(
        "/addresses", response_model=Addresses, responses=documented(HTTPStatus.UNAUTHORIZED)
    )
    async def addresses(caller: Member) -> Response:
        """Your addresses, the default first; an account keeps 20 at most."""
        return answer({"items": await store.addresses(caller.user_id)})

    @routes.post(
        "/addresses",
        response_model=Address,
        status_code=int(HTTPStatus.CREATED),
        responses=documented(HTTPStatus.CONFLICT, HTTPStatus.UNAUTHORIZED),
    )
    async def add(caller: Member, body: NewAddress) -> Response:
        """Add an address; the first one is the default."""
        made = await store.add_address(caller.user_id, body.model_dump())
        return answer(made, HTTPStatus.CREATED)

    @routes.patch(
        "/addresses/{address_id}",
        response_model=Address,
        responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED),
    )
    async def change(caller: Member, address_id: Id, body: AddressChange) -> Response:
        """Change an address, or make it the default."""
        changes = body.model_dump(exclude_unset=True)
        return answer(await store.change_address(caller.user_id, address_id, changes))

    @routes.delete(
        "/addresses/{address_id}",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED),
    )
    async def drop(caller: Member, address_id: Id) -> Response:
        """Remove an address; if it was the default, the newest of the others becomes it."""
        await store.drop_address(caller.user_id, address_id)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))


def _notifications(routes: APIRouter, store: ProfileStore, access: AccessControl) -> None:
    Member = Annotated[Caller, Depends(access.customer)]

    @routes.get(
        "/notifications",
        response_model=Notifications,
        responses=documented(HTTPStatus.UNAUTHORIZED),
    )
    async def notifications(
        caller: Member, unread: Unread = False, after: After = None, limit: Limit = 20
    ) -> Response:
        """Your notifications, newest first."""
        page = await store.notifications(caller.user_id, unread=unread, after=after, limit=limit)
        return answer(page)

    @routes.post(
        "/notifications/{notification_id}/read",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED),
    )
    async def read(caller: Member, notification_id: Id) -> Response:
        """Mark a notification as read."""
        await store.read_notification(caller.user_id, notification_id)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))
