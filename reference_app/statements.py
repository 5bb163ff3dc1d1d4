"""Count the work of SQLite for each endpoint: statements, steps, scans, sorts.

The counters are SQLite's own, taken when a statement ends (sqlite3_stmt_status through a profile
trace). A trace belongs to a connection and knows no request. So the current request is a value
that is passed with reads to their threads and with writes to the queue of the writer; after its
work, the meter of the connection adds the counts to it.
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
"""Work of no request: the shop's own jobs."""
OTHER = "other"
"""Requests for unknown routes, and those beyond the number of endpoints kept."""
NOT_COUNTED = "/admin/statements"
# Callers choose the names of parameters: they must not fill the memory.
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
class CurrentRequest:
    """A request in progress and the work for it.

    Its endpoint is known when it ends. Work that a thread does for it later is added to the
    endpoint directly.
    """

    counted: Counted = field(default_factory=lambda: Counted(requests=1))


current_request: ContextVar[CurrentRequest | None] = ContextVar("current_request", default=None)
"""The request that is being answered, where requests are counted."""


class StatementCounts:
    """Sums by endpoint, for all connections of a server; any thread may use it."""

    def __init__(self, most_endpoints: int = MOST_ENDPOINTS) -> None:
        self._most_endpoints = most_endpoints
        self._by_endpoint: dict[str, Counted] = {}
        self._lock = threading.Lock()

    def meter(self, connection: apsw.Connection) -> Meter:
        """Begin to count what a connection does."""
        return Meter(connection, self)

    def add(self, request: CurrentRequest | None, done: Counted) -> None:
        """Add work for a request, or for a job if that is None."""
        with self._lock:
            (self._of(JOB) if request is None else request.counted).add(done)

    def finish(self, request: CurrentRequest, endpoint: str) -> None:
        """Add the counts of an ended request to its endpoint."""
        with self._lock:
            counted = self._of(endpoint)
            counted.add(request.counted)
            request.counted = counted

    def totals(self) -> list[dict[str, Any]]:
        """The sums of each endpoint, by its name."""
        with self._lock:
            return [
                {"endpoint": endpoint, **asdict(counted)}
                for endpoint, counted in sorted(self._by_endpoint.items())
            ]

    def forget(self) -> None:
        """Reset all sums; a request in progress counts as a whole when it ends."""
        with self._lock:
            self._by_endpoint = {}

    def _of(self, endpoint: str) -> Counted:
        counted = self._by_endpoint.get(endpoint)
        if counted is None:
            if len(self._by_endpoint) >= self._most_endpoints:
                endpoint = OTHER
            counted = self._by_endpoint.setdefault(endpoint, Counted())
        return counted


class Meter:
    """Counts the work of one connection; for one thread at a time."""

    def __init__(self, connection: apsw.Connection, counts: StatementCounts) -> None:
        self._counts = counts
        self._events: list[Mapping[str, Any]] = []
        # A list takes an event in a third of the time of a function of ours.
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._events.append)

    def settle(self, request: CurrentRequest | None) -> None:
        """Add the work since the last call to this request, or to the jobs."""
        if self._events:
            self._counts.add(request, summed(self._events))
            self._events.clear()

    def forget(self) -> None:
        """Drop the work since the last call."""
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
    """Middleware: sets the current request, and counts it for its endpoint when it ends."""

    def __init__(self, app: ASGIApp, counts: StatementCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = CurrentRequest()
        current_request.set(request)
        try:
            await self._app(scope, receive, send)
        finally:
            template = template_of(scope)
            if template != NOT_COUNTED:
                self._counts.finish(request, _endpoint(scope, template))


def template_of(scope: Scope) -> str | None:
    """The path of the route that a request was given to, None if it was none of ours.

    A route of an included router knows only its path within that router: the prefix is taken
    from the request, whose path has the same slashes.
    """
    route_path: str | None = getattr(scope.get("route"), "path", None)
    if route_path is None:
        return None
    parts = scope["path"].split("/")
    return "/".join(parts[: len(parts) - route_path.count("/")]) + route_path


def _endpoint(scope: Scope, template: str | None) -> str:
    """Method, template and names of the parameters: `GET /products?category=&size=`."""
    if template is None:
        return OTHER
    query: bytes = scope["query_string"]
    if not query:
        return f"{scope['method']} {template}"
    names = {unquote_plus(part.partition(b"=")[0].decode("latin-1")) for part in query.split(b"&")}
    return f"{scope['method']} {template}?{'&'.join(f'{name}=' for name in sorted(names))}"
