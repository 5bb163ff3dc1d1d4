"""Routes of accounts for staff."""

# No `from __future__ import annotations`: FastAPI could not resolve the names of a closure.

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from reference_app.accounts.authorization import AccessControl, Caller
from reference_app.accounts.models import Account, RoleName
from reference_app.accounts.profile_models import RoleChange, UserDetail, Users
from reference_app.accounts.staff import StaffStore
from reference_app.answers import Id, answer, documented
from reference_app.paging import After, Limit

Beginning = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=254,
        examples=["aoife@example.ie"],
        description="An e-mail address, or how it begins.",
    ),
]


def admin_router(store: StaffStore, access: AccessControl) -> APIRouter:
    """The routes of accounts for staff."""
    routes = APIRouter(prefix="/users")
    Staff = Annotated[Caller, Depends(access.admin)]

    @routes.get("", response_model=Users, responses=documented())
    async def users(
        email: Beginning = None,
        role: RoleName | None = None,
        after: After = None,
        limit: Limit = 50,
    ) -> Response:
        """Accounts, newest first."""
        return answer(await store.users(email=email, role=role, after=after, limit=limit))

    @routes.get(
        "/{user_id}",
        response_model=UserDetail,
        responses=documented(HTTPStatus.NOT_FOUND),
    )
    async def user(user_id: Id) -> Response:
        """One account, and the number of its sessions, orders and submissions."""
        return answer(await store.user(user_id))

    @routes.patch(
        "/{user_id}",
        response_model=Account,
        responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    )
    async def change_role(caller: Staff, user_id: Id, body: RoleChange) -> Response:
        """Give an account a role; one admin at least remains."""
        return answer(await store.change_role(caller, user_id, body.role))

    @routes.post(
        "/{user_id}/end-sessions",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(HTTPStatus.NOT_FOUND),
    )
    async def end_sessions(caller: Staff, user_id: Id) -> Response:
        """End every session of an account."""
        await store.end_sessions(caller, user_id)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))

    return routes
