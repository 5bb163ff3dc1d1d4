"""Middleware for all requests: limits on bodies, and no caching of private answers."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reference_app.allowances import FaultAllowance
from reference_app.answers import of_refusal, problem
from reference_app.errors import TooManyRequests

_PUBLIC = ("/products", "/images", "/docs", "/openapi.json")


class PrivateAnswers:
    """Middleware: no cache stores a response that may be about a person."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; what is not read from the catalogue is answered with no-store."""
        if scope["type"] != "http" or (
            scope["method"] in ("GET", "HEAD") and scope["path"].startswith(_PUBLIC)
        ):
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        await self._app(scope, receive, marked)


class BodyLimit:
    """Middleware: 413 for a body above `limit_bytes`, declared or counted as it comes.

    The same for one with more colons than `members`: each member of a JSON object has one, and
    may be a fault, so that their number bounds what a wrong body costs. No body is read (429) from
    an address whose requests had too many faults.
    """

    def __init__(
        self, app: ASGIApp, limit_bytes: int, members: int, faults: FaultAllowance
    ) -> None:
        self._app = app
        self._faults = faults
        self._members = members
        self._limit_bytes = limit_bytes
        self._detail = f"A request body may have {limit_bytes} bytes at most; send less at a time."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, watched if it has a body."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        try:
            self._faults.check(client[0] if client else None)
        except TooManyRequests as error:
            await of_refusal(error)(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limit_bytes:
            refusal = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._detail)
            await refusal(scope, receive, send)
            return
        await self._app(scope, self._counting(receive), send)

    def _counting(self, receive: Receive) -> Receive:
        read_bytes = members = 0

        async def counted() -> Message:
            nonlocal read_bytes, members
            message = await receive()
            body = message.get("body", b"")
            read_bytes += len(body)
            members += body.count(b":")
            if read_bytes > self._limit_bytes:
                raise HTTPException(int(HTTPStatus.REQUEST_ENTITY_TOO_LARGE), self._detail)
            if members > self._members:
                raise HTTPException(
                    int(HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
                    f"A request body may have {self._members} members of objects at most; "
                    "send less at a time.",
                )
            return message

        return counted
