"""Dependencies of routes that authenticate the caller and check the role.

`AccessControl.admin` guards the whole router of staff, so that a new route cannot be forgotten.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Request
from fastapi.params import Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from reference_app.clock import Clock, text_of
from reference_app.errors import Forbidden, Unauthenticated
from reference_app.port import Database

Role = Literal["customer", "admin"]

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="session",
    description="The token that POST /auth/login answers with.",
)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request: an account, by one of its sessions, from an address."""

    user_id: int
    role: Role
    session_id: int
    address: str | None


def hash_of_token(token: str) -> str:
    """The stored form of a token, 64 hexadecimal digits (SHA-256).

    Tokens are random and long: unlike a password, they need no slow hash.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def address_of(request: Request) -> str | None:
    """The address that a request came from."""
    return request.client.host if request.client else None


class AccessControl:
    """The dependencies of one shop."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def anybody(self, request: Request, credentials: _Credentials) -> Caller | None:
        """The caller, None for a guest.

        Raises:
            Unauthenticated: the token has no open session.
        """
        if credentials is None:
            return None
        rows = await self._database.read(
            "session_by_token",
            {
                "token_hash": hash_of_token(credentials.credentials),
                "now": text_of(self._clock.now()),
            },
        )
        if not rows:
            raise Unauthenticated("This session has ended; log in again with POST /auth/login.")
        session = rows[0]
        return Caller(session["user_id"], session["role"], session["id"], address_of(request))

    async def customer(self, request: Request, credentials: _Credentials) -> Caller:
        """The caller, a customer or one of the staff.

        Raises:
            Unauthenticated: nobody is logged in.
        """
        caller = await self.anybody(request, credentials)
        if caller is None:
            raise Unauthenticated("Nobody is logged in; log in with POST /auth/login first.")
        return caller

    async def admin(self, request: Request, credentials: _Credentials) -> Caller:
        """The caller, one of the staff.

        Raises:
            Unauthenticated: nobody is logged in.
            Forbidden: a customer is.
        """
        caller = await self.customer(request, credentials)
        if caller.role != "admin":
            raise Forbidden("This is for staff; log in with an account that has the role admin.")
        return caller
