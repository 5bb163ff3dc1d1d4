"""Whom a request comes from where a reverse proxy hands it on. Plain ASGI."""

from __future__ import annotations

import contextlib

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from reference_app import addresses
from reference_app.settings import Settings


class TrustedProxies:
    """Middleware: believes X-Forwarded-For and X-Forwarded-Proto of the named proxies.

    What is told there and is no IP address is ignored: it would be stored as one, however long.
    An IPv4 address that comes mapped into IPv6, as where the server listens on ::, is that address.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        # A proxy may name the ones before it in either form.
        trusted = [form for one in settings.trusted_networks for form in addresses.both_forms(one)]
        self._forwarded = ProxyHeadersMiddleware(
            self._checked,  # type: ignore[arg-type]
            trusted,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, from its client."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with contextlib.suppress(ValueError):
            scope["client"] = _unmapped(scope["client"])
        scope["peer"] = scope["client"]
        await self._forwarded(scope, receive, send)  # type: ignore[arg-type]

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer, told = scope.pop("peer"), scope["client"]
        if told != peer:
            try:
                scope["client"] = _unmapped(told)
            except ValueError:
                scope["client"] = peer
        await self._app(scope, receive, send)


def _unmapped(client: tuple[str, int] | None) -> tuple[str, int] | None:
    return None if client is None else (str(addresses.parsed(client[0])), client[1])
