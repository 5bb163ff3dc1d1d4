"""The client of a request behind reverse proxies."""

from __future__ import annotations

import contextlib

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from reference_app import addresses
from reference_app.settings import Settings


class TrustedProxies:
    """Middleware: believes X-Forwarded-For and X-Forwarded-Proto of the named proxies.

    Values that are no IP address are ignored: they would be stored as one, however long.
    An IPv4 address mapped into IPv6, as where the server listens on ::, becomes the IPv4 address.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        # A proxy may forward either form of an address.
        trusted = [
            form for network in settings.trusted_networks for form in addresses.both_forms(network)
        ]
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
        peer, client = scope.pop("peer"), scope["client"]
        if client != peer:
            try:
                scope["client"] = _unmapped(client)
            except ValueError:
                scope["client"] = peer
        await self._app(scope, receive, send)


def _unmapped(client: tuple[str, int] | None) -> tuple[str, int] | None:
    return None if client is None else (str(addresses.parsed(client[0])), client[1])
