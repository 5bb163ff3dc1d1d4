from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from reference_app.allowances import FaultAllowance
from reference_app.limits import BodyLimit


def pass_on(chunks: list[bytes], headers: list[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
    """What a client is sent by an application that reads so many chunks behind a limit of 100."""
    sent: list[dict[str, Any]] = []
    waiting = iter(chunks)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": next(waiting), "more_body": True}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def application(scope: Any, receive: Any, send: Any) -> None:
        for _ in chunks:
            await receive()
        await send({"type": "read"})

    scope = {"type": "http", "method": "POST", "headers": headers}
    asyncio.run(BodyLimit(application, 100, 10, FaultAllowance("1/minute"))(scope, receive, send))
    return sent


def test_a_body_up_to_the_limit_is_passed_on() -> None:
    assert pass_on([b"x" * 50] * 2, [(b"content-length", b"100")]) == [{"type": "read"}]


def test_a_declared_body_is_refused_before_it_is_read() -> None:
    sent = pass_on([], [(b"content-length", b"101")])
    assert sent[0]["status"] == 413


def test_an_undeclared_body_is_counted_as_it_comes() -> None:
    with pytest.raises(HTTPException) as refused:
        pass_on([b"x" * 60] * 2, [])
    assert refused.value.status_code == 413
