"""What SQLite does is counted for the endpoint that asked for it, in whatever thread it is done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest
from fastapi.testclient import TestClient

from reference_app import database
from reference_app.app import create_app
from reference_app.clock import FixedClock
from reference_app.mail import MemoryOutbox
from reference_app.queries import Query
from reference_app.reader import Readers
from reference_app.settings import Settings
from reference_app.statements import (
    OTHER,
    Counted,
    CurrentRequest,
    StatementCounts,
    current_request,
    template_of,
)
from reference_app.writer import Writer

NOW = "2025-10-05 10:00:00"
# Statements of a product's page: the product, and its images at both of their homes.
PAGE = 4
STAFF = {"Authorization": "Bearer staff"}
SCAN = (
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {0})"
    " SELECT count(*) FROM n"
)


def shop_of(path: Path, **settings: Any) -> Any:
    given = {"jobs": False, "log_level": "error", "counters": True, **settings}
    return create_app(
        Settings(database=path, **given), clock=FixedClock(NOW), outbox=MemoryOutbox()
    )


@pytest.fixture
def client(shop_after: Path) -> Iterator[TestClient]:
    with TestClient(shop_of(shop_after), headers=STAFF) as client:
        yield client


def told(client: TestClient) -> dict[str, dict[str, int]]:
    found = client.get("/admin/statements").json()["endpoints"]
    return {one.pop("endpoint"): one for one in found}


def test_endpoints_are_methods_routes_and_names_of_parameters(client: TestClient) -> None:
    for path in (
        "/products",
        "/products?size=UK%209&category=BN-SHOES",
        "/products?category=BN-SHOES&size=UK%208&size=UK%209",
        "/products/1",
        "/products/4",
        "/products/999",
        "/admin/analytics/events?type=page_view&days=7",
        "/admin/analytics/users/1",
        "/nothing/here",
        "/docs",
    ):
        client.get(path)
    client.put("/products")
    client.post("/analytics/track", json={"events": [{"event_type": "search", "session_id": "s"}]})
    counted = told(client)
    assert {name: one["requests"] for name, one in counted.items()} == {
        "GET /products": 1,
        "GET /products?category=&size=": 2,
        "GET /products/{product_id}": 3,
        "GET /admin/analytics/events?days=&type=": 1,
        "GET /admin/analytics/users/{user_id}": 1,
        "POST /analytics/track": 1,
        "PUT /products": 1,
        "GET /docs": 1,
        OTHER: 1,
    }
    assert counted["GET /products/{product_id}"]["statements"] == 3 * PAGE
    assert counted["GET /admin/analytics/events?days=&type="]["statements"] == 2
    assert counted["PUT /products"]["statements"] == counted[OTHER]["vm_steps"] == 0


def test_counters_are_those_of_the_statements(client: TestClient, shop_after: Path) -> None:
    client.get("/products/1")
    [shown] = told(client).values()
    app: Any = client.app
    queries = app.state.database._schema.queries
    events: list[Any] = []
    with closing(database.connect(shop_after, query_only=True)) as plain:
        plain.trace_v2(apsw.SQLITE_TRACE_PROFILE, events.append)
        for name in ("product_by_id", "images_of_product"):
            for statement in queries.find(name, {"product_id": 1}).statements:
                plain.execute(statement.sql, {"product_id": 1}).fetchall()
        plain.trace_v2(0, None)

    def total(name: str) -> int:
        return sum(event["stmt_status"][f"SQLITE_STMTSTATUS_{name}"] for event in events)

    assert shown == {
        "requests": 1,
        "statements": PAGE,
        "vm_steps": total("VM_STEP"),
        "fullscan_steps": total("FULLSCAN_STEP"),
        "sorts": total("SORT"),
        "autoindexes": total("AUTOINDEX"),
    }
    assert shown["vm_steps"] > 10


def test_the_same_in_threads_as_on_the_event_loop(client: TestClient, shop_after: Path) -> None:
    paths = ["/products", "/products/1", "/admin/dashboard", "/admin/analytics/by-type"]
    for path in paths:
        assert client.get(path).status_code == 200
    expected = told(client)
    with TestClient(shop_of(shop_after, inline_ms=0), headers=STAFF) as threaded:
        for path in paths:
            threaded.get(path)
        assert told(threaded) == expected
    assert expected["GET /admin/dashboard"]["fullscan_steps"] > 0


def test_counts_begin_anew_when_told_to(client: TestClient) -> None:
    client.get("/products")
    assert client.delete("/admin/statements").status_code == 204
    assert told(client) == {}
    client.get("/images?entity_type=user&entity_id=1")
    assert list(told(client)) == ["GET /images?entity_id=&entity_type="]


def test_nothing_is_counted_unless_asked_for(shop_after: Path) -> None:
    with TestClient(shop_of(shop_after, counters=False), headers=STAFF) as client:
        for ask in (client.get, client.delete):
            answer = ask("/admin/statements")
            assert answer.status_code == 404
            assert "RESALE_COUNTERS=true" in answer.json()["detail"]


def test_only_staff_see_counts(client: TestClient) -> None:
    for ask in (client.get, client.delete):
        assert ask("/admin/statements", headers={"Authorization": ""}).status_code == 401
        assert ask("/admin/statements", headers={"Authorization": "Bearer ann"}).status_code == 403


def test_many_at_once_are_each_counted_as_one_alone(client: TestClient, shop_after: Path) -> None:
    """Reads in four threads, writes committed together: sums as of one after another."""
    event = {"events": [{"event_type": "search", "session_id": "s"}]}
    asks: list[Callable[[Any], Any]] = [
        lambda http: http.get("/products"),
        lambda http: http.get("/admin/analytics/by-type"),
        lambda http: http.get("/admin/logs"),
        lambda http: http.post("/analytics/track", json=event),
    ]
    for ask in asks:
        assert ask(client).status_code < 300
    # Statistics of the first time: schema and plans are prepared outside of what is counted.
    once = told(client)

    async def ask_all() -> dict[str, dict[str, int]]:
        app = shop_of(shop_after, inline_ms=0)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://shop", headers=STAFF
            ) as http:
                answers = await asyncio.gather(*(ask(http) for ask in asks * 30))
                assert {answer.status_code for answer in answers} == {200, 202}
                found = (await http.get("/admin/statements")).json()["endpoints"]
                return {one.pop("endpoint"): one for one in found}

    many = asyncio.run(ask_all())
    assert many.keys() == once.keys()
    for endpoint, one in once.items():
        counts = ("requests", "statements", "sorts", "autoindexes")
        assert [many[endpoint][name] for name in counts] == [30 * one[name] for name in counts]


def test_what_the_shop_does_by_itself_is_a_job(client: TestClient) -> None:
    client.get("/products/1")
    app: Any = client.app
    assert client.portal is not None
    client.portal.call(app.state.jobs.run_once)
    counted = told(client)
    assert counted["GET /products/{product_id}"]["statements"] == PAGE
    assert counted["job"]["statements"] > 2
    assert counted["job"]["requests"] == 0


def test_a_read_that_is_broken_off_and_done_again_counts_both(shop_after: Path) -> None:
    counts = StatementCounts()
    readers = Readers(
        shop_after, threads=1, busy_timeout_ms=1000, deadline_s=30, inline_ns=10**10, counts=counts
    )

    async def ask() -> Counted:
        asked = CurrentRequest()
        current_request.set(asked)
        await readers.run("slow", lambda reader: reader.execute(SCAN.format(100_000)).fetchall())
        return asked.counted

    first = asyncio.run(ask())
    again = asyncio.run(ask())
    readers.close()
    assert (first.statements, again.statements) == (2, 1)
    assert again.vm_steps < first.vm_steps < again.vm_steps + 25_000
    assert counts.totals() == []


def test_writes_committed_together_are_told_apart(shop_after: Path) -> None:
    counts = StatementCounts()
    connection = database.connect(shop_after)
    held = threading.Event()

    def find(name: str, _: Any) -> Query:
        raise AssertionError(name)

    writer = Writer(connection, find, deadline_s=10, counts=counts)

    def work(times: int) -> Callable[[Any], None]:
        def run(_: Any) -> None:
            for _ in range(times):
                connection.execute(SCAN.format(10)).fetchall()
            if times == 3:
                raise ValueError

        return run

    def submitted(times: int) -> tuple[CurrentRequest, Future[Any]]:
        asked = CurrentRequest()
        before = current_request.set(asked)
        try:
            return asked, writer.submit(work(times))
        finally:
            current_request.reset(before)

    # Whatever comes while this one is at work is committed together.
    writer.submit(lambda _: held.wait(10))
    asked = [submitted(times) for times in (1, 2, 3)]
    by_itself = writer.submit(work(4))
    held.set()
    for (_, done), times in zip(asked, (1, 2, 3), strict=True):
        assert isinstance(done.exception(10), ValueError) is (times == 3)
    by_itself.result(10)
    writer.close()
    connection.close()
    assert [one.counted.statements for one, _ in asked] == [1, 2, 3]
    [job] = counts.totals()
    assert (job["endpoint"], job["requests"], job["statements"]) == ("job", 0, 4)


def test_what_is_done_after_a_request_has_ended_is_its_endpoints_all_the_same() -> None:
    counts = StatementCounts()
    asked = CurrentRequest()
    counts.finish(asked, "GET /a")
    counts.add(asked, Counted(statements=1, vm_steps=7))
    [found] = counts.totals()
    assert (found["requests"], found["statements"], found["vm_steps"]) == (1, 1, 7)
    counts.forget()
    counts.add(asked, Counted(statements=1))
    assert counts.totals() == []


def test_endpoints_that_callers_make_up_do_not_fill_the_memory() -> None:
    counts = StatementCounts(most_endpoints=2)
    for number in range(9):
        counts.finish(CurrentRequest(), f"GET /products?made_up_{number}=")
    found = {one["endpoint"]: one["requests"] for one in counts.totals()}
    assert found == {"GET /products?made_up_0=": 1, "GET /products?made_up_1=": 1, OTHER: 7}


class _Route:
    def __init__(self, path: str) -> None:
        self.path = path


@pytest.mark.parametrize(
    ("own", "path", "template"),
    [
        ("/products/{id}", "/products/7", "/products/{id}"),
        ("/logs", "/admin/logs", "/admin/logs"),
        ("/orders/{id}/status", "/admin/orders/7/status", "/admin/orders/{id}/status"),
        ("", "/admin", "/admin"),
        ("/", "/", "/"),
    ],
)
def test_a_template_has_the_prefix_of_its_router(own: str, path: str, template: str) -> None:
    assert template_of({"route": _Route(own), "path": path}) == template
    assert template_of({"path": path}) is None
