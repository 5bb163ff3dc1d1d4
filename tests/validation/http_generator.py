"""A load generator in a process of its own: kept-alive connections, each one request at a time.

It reads loads as lines of JSON from standard input and writes what it measured to
standard output. Raw sockets and httptools, because a generator that is slower than the server
measures itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

from bench.spawn import spawn

_PATIENCE_S = 120.0


class LoadFailed(Exception):
    """The load could not be carried out; the text says why."""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests, whole as they go over the wire, sent in turn over so many connections.

    For `seconds` if that is given, beginning anew when they run out; otherwise each once.
    """

    host: str
    port: int
    requests: tuple[str, ...]
    connections: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """How long the load took, each answer's latency, and how often each status came."""

    seconds: float
    latencies_ns: tuple[int, ...]
    statuses: dict[str, int]

    @property
    def per_second(self) -> float:
        """Answers in a second."""
        return len(self.latencies_ns) / self.seconds


def request(
    method: str, url: str, path: str, *, body: Any = None, headers: Sequence[tuple[str, str]] = ()
) -> str:
    """One HTTP/1.1 request as it goes over the wire."""
    content = "" if body is None else json.dumps(body)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        # JSON that json.dumps writes is ASCII: characters are bytes.
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", content])


class Generator:
    """The child process, on these cores; a context manager that ends it."""

    def __init__(self, cores: Collection[int] | None = None) -> None:
        self._child = spawn(
            [sys.executable, "-m", "tests.validation.http_generator", *map(str, cores or ())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(
        self,
        url: str,
        requests: Sequence[str],
        *,
        connections: int,
        seconds: float | None = None,
    ) -> Measured:
        """Send requests to a server, as `Load` says.

        Raises:
            LoadFailed: a connection broke, or the load did not end in time.
        """
        where = urlsplit(url)
        load = Load(str(where.hostname), where.port or 80, tuple(requests), connections, seconds)
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        # Whoever waits for an answer that does not come is woken by the end of the child.
        watchdog = threading.Timer((seconds or 0) + _PATIENCE_S, self._child.kill)
        watchdog.start()
        try:
            print(json.dumps(asdict(load)), file=self._child.stdin, flush=True)
            said = self._child.stdout.readline()
        finally:
            watchdog.cancel()
        if not said:
            raise LoadFailed("The server did not answer in time; look at its log.")
        found = json.loads(said)
        if "failed" in found:
            raise LoadFailed(
                f"A connection to the server broke under load ({found['failed']}); look at its log."
            )
        return Measured(found["seconds"], tuple(found["latencies_ns"]), found["statuses"])

    def __enter__(self) -> Generator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                stream.close()


class _Connection(asyncio.Protocol):
    """Sends the next request when an answer is whole."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._sent_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def send(self) -> None:
        assert self._transport is not None
        following = self._run.following()
        if following is None:
            self._run.ended()
            return
        self._sent_ns = time.perf_counter_ns()
        self._transport.write(following)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._run.answered(self._parser.get_status_code(), time.perf_counter_ns() - self._sent_ns)
        self._parser = httptools.HttpResponseParser(self)
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        self._run.broke(error)


class _Run:
    """What the connections share: the next request, and what was measured."""

    def __init__(self, load: Load) -> None:
        self._requests = [text.encode() for text in load.requests]
        self._load = load
        self._next = 0
        self._until_ns = 0
        self._open = load.connections
        self._statuses: dict[int, int] = {}
        self._latencies_ns: list[int] = []
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def following(self) -> bytes | None:
        """The next request to send; None when it is enough."""
        number = self._next
        self._next += 1
        if self._load.seconds is None:
            return self._requests[number] if number < len(self._requests) else None
        if time.perf_counter_ns() >= self._until_ns:
            return None
        return self._requests[number % len(self._requests)]

    def answered(self, status: int, latency_ns: int) -> None:
        """Count an answer."""
        self._statuses[status] = self._statuses.get(status, 0) + 1
        self._latencies_ns.append(latency_ns)

    def ended(self) -> None:
        """One connection has nothing left to send."""
        self._open -= 1
        if not self._open and not self._done.done():
            self._done.set_result(None)

    def broke(self, error: Exception | None) -> None:
        """A connection was closed before the load was over."""
        if not self._done.done():
            self._done.set_exception(error or ConnectionResetError("closed by the server"))

    async def measure(self) -> Measured:
        """Connect, send everything, and tell."""
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(
                lambda: _Connection(self), self._load.host, self._load.port
            )
            for _ in range(self._load.connections)
        ]
        begun_ns = time.perf_counter_ns()
        self._until_ns = begun_ns + round((self._load.seconds or 0) * 1e9)
        for _, connection in made:
            connection.send()
        await self._done
        seconds = (time.perf_counter_ns() - begun_ns) / 1e9
        for transport, _ in made:
            transport.close()
        return Measured(
            seconds,
            tuple(self._latencies_ns),
            {str(status): count for status, count in sorted(self._statuses.items())},
        )


async def _measure(load: Load) -> Measured:
    return await _Run(load).measure()


def main() -> None:
    """Carry out the loads of standard input, a line each."""
    import uvloop

    cores = {int(word) for word in sys.argv[1:]}
    if cores:
        os.sched_setaffinity(0, cores)
    for line in sys.stdin:
        given = json.loads(line)
        load = Load(**{**given, "requests": tuple(given["requests"])})
        try:
            found = asdict(uvloop.run(_measure(load)))
        except OSError as error:
            found = {"failed": str(error)}
        # A line of latencies is longer than a pipe holds: written in part, it would be cut short.
        os.set_blocking(sys.stdout.fileno(), True)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
