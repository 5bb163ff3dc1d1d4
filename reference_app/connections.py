"""Limit connections: their number, by address and in all, and the time and size of requests.

uvicorn with httptools reads a head of any length, waits for ever for the rest of a request or for
a client that does not read, and takes as many connections as there are files. A `Connections`
holds the limits of the settings for all connections of a server; its protocol enforces them.
`sweep` checks the times of all connections at once: a request needs no timer.
"""

from __future__ import annotations

import resource
from collections import Counter
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from reference_app.addresses import network_of
from reference_app.settings import Settings

_OTHER_FILES = 128
"""Files that a server has open besides connections, at most: databases, logs, the listener."""
_LEAST_CONNECTIONS = 16
# The least that a chunk of a chunked body takes besides its data: a digit and two line ends.
_CHUNK_FRAME_BYTES = 5


class Connections:
    """The open connections of one server, and the limits on them.

    `most` is how many there may be at once: what the settings say, or fewer where the process
    may open too few files.
    """

    def __init__(self, settings: Settings) -> None:
        self.limits = settings
        self.most = min(settings.connections, _files_for_connections())
        self._open: set[_BoundedProtocol] = set()
        self._by_network: Counter[str] = Counter()

        class Bounded(_BoundedProtocol):
            table = self

        self.protocol: type[HttpToolsProtocol] = Bounded
        """The class of protocols that are counted here, for `uvicorn.Config(http=...)`."""

    def refusal(self, address: str | None) -> tuple[int, str] | None:
        """The status and detail that refuse a connection, None to accept it."""
        if len(self._open) >= self.most:
            return HTTPStatus.SERVICE_UNAVAILABLE, "The server has too many connections; try later."
        if self._by_network[
            network_of(address)
        ] >= self.limits.connections_by_address and not self.limits.trusts(address):
            return (
                HTTPStatus.TOO_MANY_REQUESTS,
                f"An address may have {self.limits.connections_by_address} connections open "
                "at once; close some, or use them again.",
            )
        return None

    def count(self, connection: _BoundedProtocol, address: str | None) -> None:
        """Count a connection until it is forgotten."""
        self._open.add(connection)
        connection.network = network = network_of(address)
        self._by_network[network] += 1

    def forget(self, connection: _BoundedProtocol) -> None:
        """No longer count a connection, if it was counted."""
        self._open.discard(connection)
        network = connection.network
        if network is not None:
            connection.network = None
            self._by_network[network] -= 1
            if not self._by_network[network]:
                del self._by_network[network]

    def sweep(self) -> None:
        """End connections whose client takes too long to send, or to read."""
        for connection in list(self._open):
            connection.end_if_overdue()


def _files_for_connections() -> int:
    """Raise the soft limit on open files to the hard one; how many are left for connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = 1 << 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(hard - _OTHER_FILES, _LEAST_CONNECTIONS)


class _RequestRejected(Exception):
    """Stops the parser; the connection ends with the noted status and detail."""


class _BoundedProtocol(HttpToolsProtocol):
    """One connection.

    A request is awaited (`head`), its head is complete (`body`), or all of it is there (`idle`).
    Besides the head itself, what frames a body (sizes of chunks, their extensions, trailers)
    counts as head: neither is for the application, and neither has a limit of its own.
    """

    table: ClassVar[Connections]

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self.network: str | None = None
        limits = self.table.limits
        self._limits = limits
        self._most_headers = limits.headers_limit
        self._most_pieces = limits.head_limit_bytes // _CHUNK_FRAME_BYTES
        self._waits_for = "head"
        self._since = self.loop.time()
        self._blocked_since: float | None = None
        self._closing_since: float | None = None
        self._refusal: tuple[int, str] = (HTTPStatus.BAD_REQUEST, "This is no HTTP request.")
        # Bytes of the head, and of what frames the body, in reads before this one; of this read.
        self._framing = 0
        self._read = 0
        # Of the body: its bytes in this read, its pieces, and its bytes after the answer.
        self._body_in_read = 0
        self._pieces = 0
        self._unwanted = 0
        # Whether this read holds the end of something else, so that its bytes are not counted.
        self._mixed = False

    # What the event loop calls.

    def connection_made(self, transport: Any) -> None:
        """Count the connection, or refuse it."""
        super().connection_made(transport)
        address = self.client[0] if self.client else None
        refusal = self.table.refusal(address)
        if refusal is None:
            self.table.count(self, address)
        else:
            self._end(*refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        """No longer count the connection."""
        self.table.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and count what of it the application never sees."""
        self._read = size = len(data)
        if self._waits_for == "idle":
            self._begin_head()
        self._body_in_read = 0
        self._mixed = False
        super().data_received(data)
        if self._waits_for == "idle" or self._mixed:
            return
        self._framing += size - self._body_in_read
        if self._framing > self._limits.head_limit_bytes:
            self._end(*self._too_long())

    def pause_writing(self) -> None:
        """The client does not read: its time runs."""
        self._blocked_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client has read."""
        self._blocked_since = None
        super().resume_writing()

    # What the parser calls. Whatever is raised there ends in `send_400_response`.

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        if self._waits_for == "idle":
            self._mixed = True
            self._begin_head()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, or a trailer, as long as there are not too many."""
        if len(self.headers) >= self._most_headers:
            self._refuse(*self._too_long())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand a request over whose head is within the limit."""
        if self._framing + self._read > self._limits.head_limit_bytes and (
            len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            > self._limits.head_limit_bytes
        ):
            self._refuse(*self._too_long())
        if len(self.pipeline) >= self._limits.pipelined_requests:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS, "Wait for answers before you ask for more.")
        self._waits_for = "body"
        self._since = self.loop.time()
        self._framing = self._pieces = self._unwanted = 0
        self._mixed = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; what comes after the answer is read up to the limit, in vain."""
        self._body_in_read += len(body)
        self._pieces += 1
        if self._pieces > self._most_pieces:
            self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Send the body in fewer, larger chunks."
            )
        if self.cycle.response_complete:
            self._unwanted += len(body)
            if self._unwanted > self._limits.body_limit_bytes:
                self._refuse(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "This request was answered already."
                )
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Await the next request."""
        self._waits_for = "idle"
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """End the connection: what came is no HTTP, or was refused."""
        self._end(*self._refusal)

    # Ending.

    def end_if_overdue(self) -> None:
        """End the connection if its client has had its time."""
        now = self.loop.time()
        if self.transport.is_closing():
            # What is left to write is not read.
            self._closing_since = self._closing_since or now
            if now - self._closing_since > self._limits.write_timeout_s:
                self.transport.abort()
        elif self._blocked_since is not None:
            if now - self._blocked_since > self._limits.write_timeout_s:
                self.transport.abort()
        elif self.flow.read_paused:
            # The client is not heard: its time begins when it is.
            self._since = now
        elif self._waits_for == "head":
            if now - self._since <= self._limits.head_timeout_s:
                return
            if not self._framing:
                # Opened in advance, as browsers do: there is no request to answer.
                self.transport.close()
            else:
                self._end(HTTPStatus.REQUEST_TIMEOUT, "The head of the request took too long.")
        elif self._waits_for == "body" and now - self._since > self._limits.body_timeout_s:
            self._end(HTTPStatus.REQUEST_TIMEOUT, "The body of the request took too long.")

    def _begin_head(self) -> None:
        self._waits_for = "head"
        self._since = self.loop.time()
        self._framing = 0

    def _too_long(self) -> tuple[int, str]:
        return (
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"A request may have {self._limits.headers_limit} headers and "
            f"{self._limits.head_limit_bytes} bytes besides its body; send less.",
        )

    def _refuse(self, status: int, detail: str) -> None:
        self._refusal = status, detail
        raise _RequestRejected(detail)

    def _end(self, status: int, detail: str) -> None:
        """Answer with a problem, unless another answer is on its way, and close the connection."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self.pipeline:
                self.transport.abort()
                return
            # The application hears that the client is gone.
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(problem_bytes(status, detail, self.server_state.default_headers))
        self.transport.close()


def problem_bytes(status: int, detail: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    """An answer with a problem, after which the connection is closed."""
    phrase = HTTPStatus(status).phrase
    body = orjson.dumps(
        {"type": "about:blank", "title": phrase, "status": int(status), "detail": detail}
    )
    problem_headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    lines = [b"%s: %s\r\n" % header for header in (*headers, *problem_headers)]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])
