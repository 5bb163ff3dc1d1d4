"""HTTP/1.1 over raw sockets: requests as bytes, one connection, and whether a host answers.

What is written goes to the socket at once and not to a queue of the event loop, which would send
it after everything else that it does in this iteration, and the server would seem slower.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import time
from dataclasses import dataclass
from typing import Protocol, cast
from urllib.parse import urlsplit

import httptools
import orjson

from bench.study.service import Request

IDLE = -1
"""The request of a connection that carries none."""
_PATIENCE_S = 10.0
_FIRST_FINAL = 200


class Unreachable(Exception):
    """Nothing answers at an address; the text says why and what to do next."""


@dataclass(frozen=True, slots=True)
class Host:
    """Where requests go: an address that answered, and what the Host header says."""

    address: str
    port: int
    header: str


def bytes_of(request: Request, host_header: str) -> bytes:
    """A request as it goes over the wire; its body as JSON."""
    lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {host_header}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    content = b""
    if request.body is not None:
        content = orjson.dumps(request.body)
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def reach(url: str, patience_s: float = _PATIENCE_S) -> Host:
    """The host of a URL, once it has answered a GET /, with whatever status.

    Raises:
        Unreachable: the URL is none, the host is unknown, or nothing there speaks HTTP.
    """
    where = urlsplit(url)
    if where.scheme != "http" or where.hostname is None:
        raise Unreachable(f"{url} is no URL of HTTP; write it as http://127.0.0.1:8000.")
    connection = http.client.HTTPConnection(where.hostname, where.port or 80, timeout=patience_s)
    try:
        connection.connect()
        address, port = connection.sock.getpeername()[:2]
        connection.request("GET", "/")
        connection.getresponse().read()
    except socket.gaierror as error:
        raise Unreachable(
            f"The host {where.hostname} is not known; check the name in {url}."
        ) from error
    except ConnectionRefusedError as error:
        raise Unreachable(
            f"Nothing listens at {url}; start the server there, or check host and port."
        ) from error
    except TimeoutError as error:
        raise Unreachable(
            f"{url} did not answer within {patience_s:g} s; look at the server, or check the host."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            # What a foreign server said may hold line ends.
            f"{url} does not answer in HTTP ({' '.join(str(error).split()) or error!r}); "
            "look at the server, or check host and port."
        ) from error
    finally:
        connection.close()
    return Host(address, port, where.netloc.rpartition("@")[2])


class Owner(Protocol):
    """Who is called when something happens on a connection."""

    def answered(self, connection: Connection, status: int, ended_ns: int) -> None:
        """The answer to its request is whole; the connection may be used again or dropped."""

    def lost(self, connection: Connection) -> None:
        """It is gone, and with it the request that it carried."""


class Connection(asyncio.Protocol):
    """One kept-alive connection that carries one request at a time.

    `index` is that of the request, `answers` how many it has brought; `heard` is whether some of
    the present answer has come, `keeps_alive` whether the server takes another request after it.

    An answer that only the end of the connection delimits counts as broken: nobody could tell
    whether it was whole.
    """

    def __init__(self, owner: Owner) -> None:
        self.index = IDLE
        self.answers = 0
        self.heard = False
        self.keeps_alive = True
        self._owner = owner
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._file = -1
        self._status = 0
        self._gone = False

    @property
    def gone(self) -> bool:
        """Whether it was closed, by whichever side."""
        return self._gone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        # uvloop's transports are no subclasses of asyncio's; they set TCP_NODELAY themselves.
        self._transport = cast(asyncio.Transport, transport)
        self._file = transport.get_extra_info("socket").fileno()

    def send(self, index: int, data: bytes) -> int:
        """Send a request now; the moment just before, of time.perf_counter_ns."""
        assert self._transport is not None
        self.index, self.heard, self._status = index, False, 0
        sent_ns = time.perf_counter_ns()
        try:
            written = os.write(self._file, data)
        except BlockingIOError:
            written = 0
        except OSError:
            # The loop reports the loss in its next iteration.
            self._transport.abort()
            return sent_ns
        if written < len(data):
            self._transport.write(data[written:])
        return sent_ns

    def drop(self) -> None:
        """Close it at once without calling anybody."""
        self._gone = True
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self._gone:
            return
        self.heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._lose()
            return
        if self._status and self.index != IDLE:
            self.answers += 1
            self._owner.answered(self, self._status, time.perf_counter_ns())
        elif self.index == IDLE:
            # An answer without a request: what follows could not be told apart.
            self._lose()

    def on_message_complete(self) -> None:
        """Called by the parser: an answer is whole."""
        status = self._parser.get_status_code()
        # Others, as 100 Continue, come before the answer.
        if status >= _FIRST_FINAL:
            self._status = status
            # After this call the parser stands before the next answer and no longer knows.
            self.keeps_alive = bool(self._parser.should_keep_alive())

    def eof_received(self) -> None:
        """Called by the loop when the server has closed its side."""
        self._lose()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop."""
        self._lose()

    def _lose(self) -> None:
        if not self._gone:
            self.drop()
            self._owner.lost(self)
