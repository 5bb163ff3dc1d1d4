"""Routes of registration, login, passwords and the profile."""

# No `from __future__ import annotations`: FastAPI could not resolve the names of a closure.

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from reference_app.accounts import profile_routes, staff_routes
from reference_app.accounts.authorization import AccessControl, Caller, address_of
from reference_app.accounts.models import (
    Account,
    AccountDeletion,
    LetterSent,
    Login,
    PasswordChange,
    ProfileChange,
    Registration,
    ResetConfirmation,
    ResetRequest,
    Session,
    Verification,
)
from reference_app.accounts.rules import normalised
from reference_app.accounts.services import AccountServices
from reference_app.accounts.store import Device
from reference_app.answers import answer, documented

_SAME_FOR_ALL = {"detail": "A letter to this address is on its way."}
_LIMITED = HTTPStatus.TOO_MANY_REQUESTS


def router(services: AccountServices, access: AccessControl) -> APIRouter:
    """The routes of accounts."""
    routes = APIRouter(tags=["accounts"])
    _log_in_routes(routes, services)
    _reset_routes(routes, services)
    _profile_routes(routes, services, access)
    _password_routes(routes, services, access)
    routes.include_router(profile_routes.router(services.profile, access))
    return routes


def admin_router(services: AccountServices, access: AccessControl) -> APIRouter:
    """The routes of accounts for staff."""
    return staff_routes.admin_router(services.staff, access)


def _log_in_routes(routes: APIRouter, services: AccountServices) -> None:
    @routes.post(
        "/auth/register",
        response_model=LetterSent,
        status_code=int(HTTPStatus.ACCEPTED),
        responses=documented(_LIMITED),
    )
    async def register(request: Request, body: Registration) -> Response:
        """Ask for an account; a letter brings the token for `POST /auth/verify-email`.

        The response does not reveal whether the address has an account already: the letter does.
        """
        services.rate_limits.admit("register", address_of(request), normalised(body.email))
        await services.accounts.register(body.model_dump(exclude={"password"}), body.password)
        return answer(_SAME_FOR_ALL, HTTPStatus.ACCEPTED)

    @routes.post(
        "/auth/verify-email",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(HTTPStatus.CONFLICT, _LIMITED),
    )
    async def verify_email(request: Request, body: Verification) -> Response:
        """Confirm an address with the token of the letter, once, within 48 hours."""
        services.rate_limits.admit("verify", address_of(request))
        await services.accounts.verify(body.token)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))

    @routes.post(
        "/auth/login",
        response_model=Session,
        responses=documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, _LIMITED),
    )
    async def log_in(request: Request, body: Login) -> Response:
        """Open a session of 30 days; send its token as `Authorization: Bearer TOKEN`.

        403 is for a right password whose address was never confirmed.
        """
        address = address_of(request)
        services.rate_limits.admit("login", address, normalised(body.email))
        device = Device(address, request.headers.get("user-agent"))
        return answer(await services.accounts.log_in(body.email, body.password, device))


def _reset_routes(routes: APIRouter, services: AccountServices) -> None:
    @routes.post(
        "/auth/password-reset",
        response_model=LetterSent,
        status_code=int(HTTPStatus.ACCEPTED),
        responses=documented(_LIMITED),
    )
    async def password_reset(request: Request, body: ResetRequest) -> Response:
        """Ask for a new password; a letter brings the token. Earlier letters stay usable.

        The response does not reveal whether the address has an account: the letter does.
        """
        services.rate_limits.admit("reset", address_of(request), normalised(body.email))
        await services.resets.request(body.email)
        return answer(_SAME_FOR_ALL, HTTPStatus.ACCEPTED)

    @routes.post(
        "/auth/password-reset/confirm",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(HTTPStatus.CONFLICT, _LIMITED),
    )
    async def confirm(request: Request, body: ResetConfirmation) -> Response:
        """Set a new password with the token of the letter, once, within one hour.

        Every session of the account ends, and so does every other open token.
        """
        services.rate_limits.admit("confirm", address_of(request))
        await services.resets.confirm(body.token, body.new_password)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))


def _profile_routes(routes: APIRouter, services: AccountServices, access: AccessControl) -> None:
    Member = Annotated[Caller, Depends(access.customer)]

    @routes.post(
        "/auth/logout",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(HTTPStatus.UNAUTHORIZED),
    )
    async def log_out(caller: Member) -> Response:
        """End the session of this request."""
        await services.accounts.log_out(caller)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))

    @routes.get("/auth/me", response_model=Account, responses=documented(HTTPStatus.UNAUTHORIZED))
    async def me(caller: Member) -> Response:
        """The caller's account."""
        return answer(await services.accounts.account(caller.user_id))

    @routes.patch(
        "/auth/me",
        response_model=Account,
        responses=documented(HTTPStatus.UNAUTHORIZED),
    )
    async def change(caller: Member, body: ProfileChange) -> Response:
        """Change the profile."""
        changes = body.model_dump(exclude_unset=True)
        return answer(await services.accounts.change(caller.user_id, changes))

    @routes.delete(
        "/auth/me",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.CONFLICT,
            _LIMITED,
        ),
    )
    async def delete_account(caller: Member, body: AccountDeletion) -> Response:
        """Delete the account; its orders stay, without the person.

        403 is for a wrong password, 409 for staff whose actions are logged.
        """
        services.rate_limits.admit("password", caller.address, str(caller.user_id))
        await services.accounts.delete_account(caller, body.password)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))


def _password_routes(routes: APIRouter, services: AccountServices, access: AccessControl) -> None:
    Member = Annotated[Caller, Depends(access.customer)]

    @routes.post(
        "/auth/password",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.CONFLICT,
            _LIMITED,
        ),
    )
    async def change_password(caller: Member, body: PasswordChange) -> Response:
        """Change the password; every other session ends. 403 is for a wrong current one."""
        services.rate_limits.admit("password", caller.address, str(caller.user_id))
        await services.accounts.change_password(caller, body.current_password, body.new_password)
        return Response(status_code=int(HTTPStatus.NO_CONTENT))
