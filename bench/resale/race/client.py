"""HTTP towards a deployment: whoever prepares and looks, and a crowd that fires at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx

from bench.errors import BenchError
from bench.resale.race.checks import detail_of
from bench.resale.race.records import Reply, Shot, Stock, Unprobed

TIMEOUT_S = 30.0


class Api:
    """Somebody who asks one thing after another: a member of the staff, or a guest.

    Every method raises `Unprobed` where the deployment does not answer as it should.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def post(self, path: str, body: Mapping[str, Any], expected: int) -> dict[str, Any]:
        """Send a body; the answer's."""
        return _body(await self._send("POST", path, expected, json=body))

    async def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change what stands under a path; the answer's body."""
        return _body(await self._send("PATCH", path, 200, json=body))

    async def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """Read what stands under a path."""
        return _body(await self._send("GET", path, 200, params=query))

    async def delete(self, path: str, **query: str) -> None:
        """Remove what stands under a path."""
        await self._send("DELETE", path, 204, params=query)

    async def stock(self, product_id: int) -> Stock:
        """A product's stock, with its ledger if the deployment keeps one."""
        product = await self.get(f"/products/{product_id}")
        quantity = int(product["quantity_available"])
        answer = await self._send("GET", f"/admin/stock/{product_id}", 200, 404)
        if answer.status_code == 404:
            return Stock(product_id, quantity, None, 0)
        moves = _body(answer)["items"]
        return Stock(
            product_id,
            quantity,
            tuple(int(move["quantity_change"]) for move in moves),
            sum(move["reason"] == "sale" for move in moves),
        )

    async def _send(self, method: str, path: str, *expected: int, **options: Any) -> httpx.Response:
        try:
            answer = await self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise Unprobed(f"{method} {path}: {_error_text(error)}") from error
        if answer.status_code not in expected:
            raise Unprobed(
                f"{method} {answer.request.url.path} got {answer.status_code} instead of "
                f"{expected[0]}: {detail_of(_body(answer))}"
            )
        return answer


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _error_text(error: httpx.HTTPError) -> str:
    return f"{type(error).__name__} {error}".strip()


class Crowd:
    """Clients with a connection each, kept alive; see `crowd`."""

    def __init__(self, clients: Sequence[httpx.AsyncClient]) -> None:
        self._clients = clients

    def __len__(self) -> int:
        return len(self._clients)

    async def fire(self, shots: Sequence[Shot]) -> list[Reply]:
        """Send one shot a client, so that all arrive together.

        Everybody first sends all but the last byte; once all have, the last bytes go.
        The server can begin on none before, and has them all within moments.
        """
        barrier = asyncio.Barrier(len(shots))
        return list(
            await asyncio.gather(
                *(self._send(number, shot, barrier) for number, shot in enumerate(shots, start=1))
            )
        )

    async def _send(self, number: int, shot: Shot, barrier: asyncio.Barrier) -> Reply:
        body = json.dumps(shot.body).encode()

        async def in_two() -> AsyncIterator[bytes]:
            yield body[:-1]
            await barrier.wait()
            yield body[-1:]

        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **shot.headers,
        }
        try:
            answer = await self._clients[number - 1].post(
                shot.path, content=in_two(), headers=headers
            )
        except (httpx.HTTPError, asyncio.BrokenBarrierError) as error:
            # The others must not wait for whoever is not coming.
            await barrier.abort()
            reason = (
                _error_text(error)
                if isinstance(error, httpx.HTTPError)
                else "another client failed"
            )
            return Reply(number, shot.wants, None, {}, time.monotonic_ns(), reason)
        return Reply(number, shot.wants, answer.status_code, _body(answer), time.monotonic_ns())


@asynccontextmanager
async def crowd(
    url: str, clients: int, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Crowd]:
    """So many clients; `transport` takes the place of the network in tests."""
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    # Reading certificates takes longer than a round: once is enough.
    verify = httpx.create_ssl_context()
    async with AsyncExitStack() as stack:
        yield Crowd(
            [
                await stack.enter_async_context(
                    httpx.AsyncClient(
                        base_url=url, timeout=TIMEOUT_S, limits=limits, verify=verify,
                        transport=transport,
                    )
                )
                for _ in range(clients)
            ]
        )  # fmt: skip


async def staff_of(client: httpx.AsyncClient, *, email: str, password: str) -> str:
    """Log in; the token.

    Raises:
        BenchError: nothing answers, or not to these credentials.
    """
    answer = await _reach(client, "POST", "/auth/login", {"email": email, "password": password})
    if answer.status_code != 200:
        raise BenchError(
            f"{email} could not log in ({answer.status_code}: {detail_of(_body(answer))}); "
            "check the address and RESALE_ADMIN_PASSWORD."
        )
    return str(_body(answer)["token"])


async def require_staff(client: httpx.AsyncClient) -> None:
    """Make sure that the client's token opens the door for staff.

    Raises:
        BenchError: nothing answers, or the token is not one of staff.
    """
    answer = await _reach(client, "GET", "/admin/sell-requests/summary", None)
    if answer.status_code in (401, 403):
        raise BenchError(
            f"These credentials are not those of staff ({detail_of(_body(answer))}); "
            "name an account that has the role admin."
        )
    if answer.status_code == 404:
        raise BenchError(f"There is no shop under {client.base_url}; check --url.")


async def _reach(
    client: httpx.AsyncClient, method: str, path: str, body: Mapping[str, Any] | None
) -> httpx.Response:
    try:
        return await client.request(method, path, json=body)
    except httpx.HTTPError as error:
        raise BenchError(
            f"Nothing answers at {client.base_url} ({_error_text(error)}); "
            "check --url, and that the shop is served."
        ) from error
