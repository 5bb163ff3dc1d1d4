"""A request to an ASGI application in this process: no network, no server.

Standard library only, since it runs beside the code of any tree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

Scope = dict[str, Any]
_NOTHING = {"type": "http.request", "body": b"", "more_body": False}


def scope_of(request: Mapping[str, Any]) -> Scope:
    """The connection scope of a request {"method", "path", "headers", "body"}.

    Source: https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope
    """
    path, _, query = str(request["path"]).partition("?")
    headers = [(b"host", b"gate"), (b"accept", b"application/json")]
    headers += [(k.lower().encode(), v.encode()) for k, v in request["headers"].items()]
    body = b"" if request.get("body") is None else json.dumps(request["body"]).encode()
    if body:
        headers += [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request["method"],
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
        "gate.body": body,
    }


async def ask(app: Any, scope: Scope) -> tuple[int, bytes]:
    """Send one request, wait for all of the answer: its status and its body."""
    status = 0
    parts: list[bytes] = []
    body = scope["gate.body"]
    message = {**_NOTHING, "body": body} if body else _NOTHING

    async def receive() -> dict[str, Any]:
        return message

    async def send(sent: Mapping[str, Any]) -> None:
        nonlocal status
        if sent["type"] == "http.response.start":
            status = sent["status"]
        elif sent["type"] == "http.response.body":
            parts.append(sent.get("body", b""))

    # Applications write into the scope, so each request gets one of its own.
    await app(dict(scope), receive, send)
    return status, b"".join(parts)
