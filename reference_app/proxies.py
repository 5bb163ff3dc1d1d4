"""Whom a request comes from where a reverse proxy hands it on. Plain ASGI."""

from __future__ import annotations

import ipaddress

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from reference_app.settings import Settings


class TrustedProxies:
    """Middleware: believes X-Forwarded-For and X-Forwarded-Proto of the named proxies.

    What is told there and is no IP address is ignored: it would be stored as one, however long.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._forwarded = ProxyHeadersMiddleware(
            self._checked,  # type: ignore[arg-type]
            settings.trusted_proxies,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, from its client."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["peer"] = scope["client"]
        await self._forwarded(scope, receive, send)  # type: ignore[arg-type]

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer, told = scope.pop("peer"), scope["client"]
        if told is not None and told != peer:
            try:
                ipaddress.ip_address(told[0])
            except ValueError:
                scope["client"] = peer
        await self._app(scope, receive, send)
