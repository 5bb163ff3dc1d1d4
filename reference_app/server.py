"""Serves the shop: one process, uvicorn inside it, graceful on the first signal."""

from __future__ import annotations

import asyncio
import errno
import gc
import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from reference_app import logs
from reference_app.accepting import Acceptor
from reference_app.app import create_app
from reference_app.connections import Connections, problem_bytes
from reference_app.documentation import security_headers
from reference_app.proxies import TrustedProxies
from reference_app.settings import Settings

_LARGEST_PORT = 65_535


class ServerError(Exception):
    """The server cannot start; the text is one sentence that says what to do next."""

    exit_code = 2


class AddressUnavailable(ServerError):
    """The address and port cannot be listened on."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        AddressUnavailable: the port is in use, not allowed, or not of this machine.
    """
    if not 0 <= port <= _LARGEST_PORT:
        raise AddressUnavailable(
            f"A port is a number from 0 to {_LARGEST_PORT}, not {port}; choose another."
        )
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressUnavailable(
            f"The address {host}:{port} is not one of this machine; choose another host or port."
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise AddressUnavailable(_why(host, port, error)) from error
    return listener


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"The port {port} of {host} is in use; stop what listens there or name another --port."
        )
    if error.errno == errno.EACCES:
        return f"The port {port} of {host} is not allowed; choose one above 1023."
    return f"The address {host}:{port} cannot be listened on ({error}); choose another."


def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve until a signal comes; open requests are answered first.

    `announce` is called with the address once requests are accepted.

    Raises:
        AddressUnavailable: as `bind` does, before the database is opened.
        DatabaseError: the file is missing, is no database, or is not of this shop.
    """
    listener = bind(host, port)
    try:
        logs.install(settings.log_level)
        connections = Connections(settings)
        app = create_app(settings)
        server = _Announcing(
            uvicorn.Config(
                TrustedProxies(app, settings) if settings.trusted_proxies else app,
                http=connections.protocol,
                # There is no WebSocket here, and one would escape the limits on connections.
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                headers=security_headers(),
                timeout_keep_alive=settings.keep_alive_s,
                timeout_graceful_shutdown=settings.shutdown_timeout_s,
            )
        )
        server.connections = connections
        server.announce = announce
        server.address = address_of(listener)
        server.run(sockets=[listener])
    finally:
        listener.close()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_of(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Announcing(uvicorn.Server):
    announce: Callable[[str], None] | None = None
    address: str = ""
    connections: Connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        # uvicorn only closes its servers and waits for them.
        servers: list[Any] = self.servers
        servers += [Acceptor(listener, self._refuse, self._protocol) for listener in sockets or ()]
        # These objects live until the end. To traverse so many routes and models in every
        # collection takes 8 % of a busy server's time.
        gc.collect()
        gc.freeze()
        if self.started and self.announce is not None:
            self.announce(self.address)

    async def on_tick(self, counter: int) -> bool:
        # uvicorn ticks ten times a second.
        if counter % 5 == 0:
            self.connections.sweep()
        return await super().on_tick(counter)

    def _refuse(self, address: str) -> bytes | None:
        refusal = self.connections.refusal(address)
        if refusal is None:
            return None
        return problem_bytes(*refusal, self.server_state.default_headers)

    def _protocol(self) -> asyncio.Protocol:
        kind = self.connections.protocol
        return kind(self.config, self.server_state, self.lifespan.state)
