"""Counts what SQLite does for each endpoint: statements, steps, scans, sorts.

The counters are SQLite's own, of every statement when it ends (sqlite3_stmt_status through a
profile trace). A trace belongs to a connection and knows no request; so a request is a value that
goes along with its reads into their threads and with its writes into the queue of the writer, and
whoever has run something for it settles what the connection counted meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from typing import Any
from urllib.parse import unquote_plus

import apsw
from starlette.types import ASGIApp, Receive, Scope, Send

JOB = "job"
"""What no request has asked for: the shop's own jobs, and what it writes down by itself."""
OTHER = "other"
"""Requests for none of the shop's routes, and those beyond the number of endpoints kept."""
NOT_COUNTED = "/admin/statements"
# Names of parameters are the callers': what they make up must not fill the memory.
MOST_ENDPOINTS = 1000
_FRAMES = frozenset({"BEGIN", "COMMIT", "ROLLBACK"})
_COUNTERS = itemgetter(
    "SQLITE_STMTSTATUS_VM_STEP",
    "SQLITE_STMTSTATUS_FULLSCAN_STEP",
    "SQLITE_STMTSTATUS_SORT",
    "SQLITE_STMTSTATUS_AUTOINDEX",
)


@dataclass(slots=True)
class Counted:
    """Sums of what SQLite did. Source: https://www.sqlite.org/c3ref/c_stmtstatus_counter.html."""

    requests: int = 0
    statements: int = 0
    vm_steps: int = 0
    fullscan_steps: int = 0
    sorts: int = 0
    autoindexes: int = 0

    def add(self, other: Counted) -> None:
        """Add what another has."""
        self.requests += other.requests
        self.statements += other.statements
        self.vm_steps += other.vm_steps
        self.fullscan_steps += other.fullscan_steps
        self.sorts += other.sorts
        self.autoindexes += other.autoindexes


@dataclass(slots=True)
class Asked:
    """A request under way, and what was done for it.

    Its endpoint is known when it ends. What is done for it later, since a thread does not
    notice that nobody waits any more, goes to the endpoint directly.
    """

    counted: Counted = field(default_factory=lambda: Counted(requests=1))


asked_now: ContextVar[Asked | None] = ContextVar("asked_now", default=None)
"""The request that is being answered, where requests are counted."""


class StatementCounts:
    """Sums by endpoint, for all connections of a server; any thread may use it."""

    def __init__(self, most_endpoints: int = MOST_ENDPOINTS) -> None:
        self._most_endpoints = most_endpoints
        self._by_endpoint: dict[str, Counted] = {}
        self._turn = threading.Lock()

    def meter(self, connection: apsw.Connection) -> Meter:
        """Begin to count what a connection does."""
        return Meter(connection, self)

    def add(self, asked: Asked | None, done: Counted) -> None:
        """Add what was done for a request; for nobody's, it was a job."""
        with self._turn:
            (self._of(JOB) if asked is None else asked.counted).add(done)

    def ended(self, asked: Asked, endpoint: str) -> None:
        """A request has ended; it was for that endpoint."""
        with self._turn:
            counted = self._of(endpoint)
            counted.add(asked.counted)
            asked.counted = counted

    def told(self) -> list[dict[str, Any]]:
        """The sums of each endpoint, by its name."""
        with self._turn:
            return [
                {"endpoint": endpoint, **asdict(counted)}
                for endpoint, counted in sorted(self._by_endpoint.items())
            ]

    def forget(self) -> None:
        """Begin anew; a request under way counts as a whole when it ends."""
        with self._turn:
            self._by_endpoint = {}

    def _of(self, endpoint: str) -> Counted:
        found = self._by_endpoint.get(endpoint)
        if found is None:
            if len(self._by_endpoint) >= self._most_endpoints:
                endpoint = OTHER
            found = self._by_endpoint.setdefault(endpoint, Counted())
        return found


class Meter:
    """What one connection has done since it was last settled; for one thread at a time."""

    def __init__(self, connection: apsw.Connection, counts: StatementCounts) -> None:
        self._counts = counts
        self._events: list[Mapping[str, Any]] = []
        # A list takes an event in a third of the time of a function of ours.
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._events.append)

    def settle(self, asked: Asked | None) -> None:
        """What was done was done for this request, or for nobody's."""
        if self._events:
            self._counts.add(asked, summed(self._events))
            self._events.clear()

    def forget(self) -> None:
        """What was done is nobody's business."""
        self._events.clear()


def summed(events: Iterable[Mapping[str, Any]]) -> Counted:
    """The sums of the counters of some statements, those that frame a transaction left out."""
    done = Counted()
    for event in events:
        if event["sql"] in _FRAMES:
            continue
        vm_steps, fullscan_steps, sorts, autoindexes = _COUNTERS(event["stmt_status"])
        done.statements += 1
        done.vm_steps += vm_steps
        done.fullscan_steps += fullscan_steps
        done.sorts += sorts
        done.autoindexes += autoindexes
    return done


class CountedRequests:
    """Middleware: makes known who is asking, and where that belongs when it has ended."""

    def __init__(self, app: ASGIApp, counts: StatementCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Asked()
        asked_now.set(asked)
        try:
            await self._app(scope, receive, send)
        finally:
            template = template_of(scope)
            if template != NOT_COUNTED:
                self._counts.ended(asked, _endpoint(scope, template))


def template_of(scope: Scope) -> str | None:
    """The path of the route that a request was given to, None if it was none of ours.

    A route of an included router knows its path within that router only: what stands before
    it is taken from the request, whose path has the same slashes.
    """
    own: str | None = getattr(scope.get("route"), "path", None)
    if own is None:
        return None
    parts = scope["path"].split("/")
    return "/".join(parts[: len(parts) - own.count("/")]) + own


def _endpoint(scope: Scope, template: str | None) -> str:
    """Method, template, and the names of what is asked: `GET /products?category=&size=`."""
    if template is None:
        return OTHER
    query: bytes = scope["query_string"]
    if not query:
        return f"{scope['method']} {template}"
    names = {unquote_plus(part.partition(b"=")[0].decode("latin-1")) for part in query.split(b"&")}
    return f"{scope['method']} {template}?{'&'.join(f'{name}=' for name in sorted(names))}"
