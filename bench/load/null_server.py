"""An HTTP server that does nothing: what it takes to ask it is the generator's own cost.

    python -m bench.load.null_server [--core N]

Prints its URL once it listens, and answers everything with the same few bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import cast

import httptools

from bench.spawn import kill, spawn

# Locust's visitors go to nobody who does not call himself this shop.
_BODY = b'{"shop":"resale-bench"}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_BODY),
    _BODY,
)


class _Answering(asyncio.Protocol):
    def __init__(self) -> None:
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
        self._transport.write(_ANSWER)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(
        _Answering, "127.0.0.1", 0, backlog=2048
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@contextmanager
def nothing(cores: Collection[int] = ()) -> Iterator[str]:
    """The URL of such a server, on these cores (all if none are named); ended afterwards."""
    chosen = [word for core in cores for word in ("--core", str(core))]
    process = spawn(
        [sys.executable, "-m", "bench.load.null_server", *chosen],
        stdout=subprocess.PIPE,
        text=True,
        # A signal from the terminal is the parent's to handle.
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"The server that does nothing ended with {process.wait()}.")
        yield url
    finally:
        kill(process)


def main(arguments: list[str] | None = None) -> None:
    """Serve until a signal comes."""
    import uvloop

    parser = argparse.ArgumentParser(prog="python -m bench.load.null_server", description=__doc__)
    parser.add_argument("--core", type=int, action="append", help="run on it; may be repeated")
    given = parser.parse_args(arguments)
    if given.core:
        os.sched_setaffinity(0, given.core)
    uvloop.run(_serve())


if __name__ == "__main__":
    main()
