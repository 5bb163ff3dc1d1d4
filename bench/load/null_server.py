"""An HTTP server that does nothing: what requests to it take is the generator's own cost.

    python -m bench.load.null_server [--body JSON]

Prints its URL once it listens, and answers everything with the same few bytes.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import cast

import httptools

from bench.load.server_process import served

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


class _Answering(asyncio.Protocol):
    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def on_message_complete(self) -> None:
        assert self._transport is not None
        self._transport.write(self._answer)


async def _serve(body: bytes) -> None:
    answer = _ANSWER % (len(body), body)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Answering(answer), "127.0.0.1", 0, backlog=2048
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@contextmanager
def null_server(cores: Collection[int] = (), body: str = "{}") -> Iterator[str]:
    """The URL of such a server, on these cores (all if none are named); ended afterwards."""
    with served("bench.load.null_server", "--body", body, cores=cores or None) as process:
        yield process.url


def main(arguments: list[str] | None = None) -> None:
    """Serve until a signal comes."""
    import uvloop

    parser = argparse.ArgumentParser(prog="python -m bench.load.null_server", description=__doc__)
    parser.add_argument("--body", default="{}", help="the JSON that it answers")
    given = parser.parse_args(arguments)
    uvloop.run(_serve(given.body.encode()))


if __name__ == "__main__":
    main()
