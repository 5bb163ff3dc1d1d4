"""Accounts over HTTP. No SQL may enter."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response

from reference_app.accounts.doors import Doors
from reference_app.accounts.models import ResetAnswer, ResetRequest
from reference_app.accounts.store import AccountStore
from reference_app.answers import answer, documented

_SAME_FOR_ALL = {"detail": "If an account has this address, a letter is on its way."}


def router(store: AccountStore, doors: Doors) -> APIRouter:
    """The routes of accounts."""
    routes = APIRouter(tags=["accounts"])

    @routes.post(
        "/auth/password-reset",
        response_model=ResetAnswer,
        status_code=int(HTTPStatus.ACCEPTED),
        responses=documented(HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    )
    async def password_reset(request: ResetRequest) -> Response:
        """Look for open resets of an address; the answer does not tell whether it exists.

        No reset is made yet and no letter sent: accounts are a later piece of work.
        """
        await store.open_resets(request.email)
        return answer(_SAME_FOR_ALL, HTTPStatus.ACCEPTED)

    return routes


def admin_router(store: AccountStore, doors: Doors) -> APIRouter:
    """The routes of accounts for staff."""
    return APIRouter()
