"""Reverse proxies: who is trusted, and whose a request then is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from reference_app.proxies import TrustedProxies
from reference_app.settings import Settings


def settings_of(proxies: str) -> Settings:
    return Settings(database=Path("shop.db"), trusted_proxies=proxies)


def client_seen(proxies: str, client: tuple[str, int] | None, forwarded: str) -> Any:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["client"])

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    scope = {
        "type": "http",
        "scheme": "http",
        "client": client,
        "headers": [(b"x-forwarded-for", forwarded.encode())],
    }
    asyncio.run(TrustedProxies(app, settings_of(proxies))(scope, receive, send))
    [found] = seen
    return None if found is None else found[0]


@pytest.mark.parametrize(
    ("proxies", "address", "trusted"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("10.0.0.0/8", "::ffff:11.1.2.3", False),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", True),
        ("::ffff:10.0.0.0/104", "11.1.2.3", False),
        ("2001:db8::/32", "2001:db8::1", True),
        ("2001:db8::/32", "::ffff:127.0.0.1", False),
        ("127.0.0.1", "nobody", False),
        ("127.0.0.1", None, False),
        ("", "127.0.0.1", False),
    ],
)
def test_a_proxy_is_trusted_in_either_form_of_its_address(
    proxies: str, address: str | None, trusted: bool
) -> None:
    assert settings_of(proxies).trusts(address) is trusted


@pytest.mark.parametrize(
    ("proxies", "client", "forwarded", "seen"),
    [
        ("127.0.0.1", "127.0.0.1", "192.0.2.7", "192.0.2.7"),
        # As a server that listens on :: sees it.
        ("127.0.0.1", "::ffff:127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "::ffff:127.0.0.1", "::ffff:192.0.2.7", "192.0.2.7"),
        ("127.0.0.1,10.0.0.0/8", "::ffff:127.0.0.1", "192.0.2.7, ::ffff:10.0.0.2", "192.0.2.7"),
        ("::1", "::1", "2001:db8::7", "2001:db8::7"),
        # Whoever is not trusted is who they are.
        ("127.0.0.1", "::ffff:127.0.0.2", "192.0.2.7", "127.0.0.2"),
        ("127.0.0.1", "::1", "192.0.2.7", "::1"),
        ("127.0.0.1", "::ffff:127.0.0.1", "no address", "127.0.0.1"),
        ("127.0.0.1", None, "192.0.2.7", None),
    ],
)
def test_a_request_is_of_whom_its_trusted_proxy_names(
    proxies: str, client: str | None, forwarded: str, seen: str | None
) -> None:
    peer = None if client is None else (client, 4711)
    assert client_seen(proxies, peer, forwarded) == seen
