from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from reference_app import answers, database
from reference_app.admin.models import Activity, Logs, Ready, State
from reference_app.admin.routes import state_router
from reference_app.admin.store import AdminStore
from reference_app.admin.system_log import Budget, SystemLog
from reference_app.allowances import FaultAllowance
from reference_app.app import create_app
from reference_app.clock import FixedClock
from reference_app.jobs import Job, Jobs
from reference_app.mail import MemoryOutbox
from reference_app.pool import PooledDatabase
from reference_app.port import FakeDatabase, Row
from reference_app.queries import Parameters
from reference_app.settings import Settings

NOW = "2025-10-05 10:00:00"


def serving(path: Path, **settings: Any) -> TestClient:
    app = create_app(
        Settings(database=path, **{"jobs": False, "log_level": "error", **settings}),
        clock=FixedClock(NOW),
        outbox=MemoryOutbox(),
    )
    staff = {"Authorization": "Bearer staff"}
    return TestClient(app, headers=staff, raise_server_exceptions=False)


@pytest.fixture
def client(shop_after: Path) -> Iterator[TestClient]:
    with serving(shop_after) as client:
        yield client


def ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(database.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_the_dashboard_tells_the_state_of_the_shop(client: TestClient, shop_after: Path) -> None:
    ask(
        shop_after,
        "INSERT INTO orders (order_number, customer_name, customer_email, fulfilment,"
        " subtotal_cents, total_cents, status, created_at) VALUES"
        " ('T1', 'a', 'a', 'collection', 100, 100, 'pending', '2025-10-05 00:00:00'),"
        " ('T2', 'a', 'a', 'collection', 200, 200, 'cancelled', '2025-10-05 09:00:00'),"
        " ('T3', 'a', 'a', 'collection', 400, 400, 'returned', '2025-10-05 09:00:00'),"
        " ('T4', 'a', 'a', 'collection', 800, 800, 'shipped', '2025-10-04 23:59:59'),"
        " ('T5', 'a', 'a', 'collection', 1600, 1600, 'completed', '2025-09-28 10:00:00'),"
        " ('T6', 'a', 'a', 'collection', 3200, 3200, 'completed', '2025-09-28 09:59:59')",
    )
    ask(
        shop_after,
        "INSERT INTO product_reservations (product_id, session_id, status, created_at, expires_at)"
        " VALUES (1, 's', 'active', '2025-10-05 00:00:00', '2025-10-06 00:00:00'),"
        " (2, 's', 'active', '2025-10-04 00:00:00', '2025-10-05 00:00:00'),"
        " (3, 's', 'cancelled', '2025-10-05 00:00:00', '2025-10-06 00:00:00')",
    )
    ask(
        shop_after,
        "INSERT INTO customer_offers (product_id, user_id, amount_cents, status)"
        " VALUES (1, 1, 5, 'open'), (1, 2, 4, 'outbid')",
    )
    told = client.get("/admin/dashboard").json()
    State.model_validate(told)
    assert told["today"] == {"orders": 1, "revenue_cents": 100}
    assert told["last_7_days"] == {"orders": 3, "revenue_cents": 100 + 800 + 1600}
    # ORD-1 and ORD-2 of shop.sql are pending too.
    assert told["open_orders"] == [
        {"status": "pending", "count": 3},
        {"status": "shipped", "count": 1},
    ]
    assert told["open_sell_requests"] == [
        {"status": "offer_sent", "count": 2},
        {"status": "pending", "count": 1},
    ]
    assert told["products"] == [
        {"status": "available", "count": 3},
        {"status": "sold", "count": 1},
    ]
    assert (told["active_reservations"], told["open_offers"]) == (1, 1)
    assert [row["message"] for row in told["newest_errors"]] == ["busy", "old"]
    assert told["now"] == NOW


def test_an_empty_shop_has_a_dashboard(shop_before: Path) -> None:
    with serving(shop_before) as client:
        told = client.get("/admin/dashboard").json()
    assert told["today"] == {"orders": 0, "revenue_cents": 0}
    assert told["last_7_days"] == {"orders": 0, "revenue_cents": 0}


def write_actions(path: Path) -> None:
    with closing(database.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO admin_activity_log (admin_id, action, entity_type, entity_id, created_at)"
            " VALUES (3, ?, ?, ?, ?)",
            [
                ("product_update", "product", 1, "2025-10-01 10:00:00"),
                ("product_update", "product", 2, "2025-10-01 10:00:00"),
                ("order_update", "order", 1, "2025-10-03 10:00:00"),
                ("sell_review", "sell_submission", 1, "2025-10-02 10:00:00"),
                ("user_update", "user", None, "2025-10-01 10:00:00"),
            ],
        )


def walk(client: TestClient, url: str, limit: int) -> list[dict[str, Any]]:
    """Every row of a list, page by page."""
    found, after = [], ""
    while True:
        page = client.get(f"{url}{'&' if '?' in url else '?'}limit={limit}{after}").json()
        assert len(page["items"]) <= limit
        found += page["items"]
        if page["next"] is None:
            return found
        assert len(page["items"]) == limit
        after = f"&after={page['next']}"


def test_activity_is_listed_newest_first_page_by_page(client: TestClient, shop_after: Path) -> None:
    write_actions(shop_after)
    whole = client.get("/admin/activity").json()
    Activity.model_validate(whole)
    assert [item["id"] for item in whole["items"]] == [3, 4, 5, 2, 1]
    assert whole["items"][0]["admin_email"] == "staff@example.ie"
    for limit in (1, 2, 3, 5, 100):
        assert walk(client, "/admin/activity", limit) == whole["items"]


def test_activity_is_narrowed(client: TestClient, shop_after: Path) -> None:
    write_actions(shop_after)
    for query, ids in (
        ("admin_id=3", [3, 4, 5, 2, 1]),
        ("admin_id=1", []),
        ("entity_type=product", [2, 1]),
        ("entity_type=product&entity_id=1", [1]),
        ("entity_type=user", [5]),
        ("entity_id=1", [3, 4, 1]),
    ):
        found = [item["id"] for item in walk(client, f"/admin/activity?{query}", 2)]
        assert found == ids, query


def test_logs_are_listed_page_by_page(client: TestClient) -> None:
    whole = client.get("/admin/logs").json()
    Logs.model_validate(whole)
    assert [item["message"] for item in whole["items"]] == ["started", "busy", "old"]
    assert whole["next"] is None
    for limit in (1, 2, 3):
        assert walk(client, "/admin/logs", limit) == whole["items"]


def test_logs_are_narrowed(client: TestClient) -> None:
    for query, messages in (
        ("level=error", ["busy", "old"]),
        ("level=error&hours=1", ["busy"]),
        ("level=info", ["started"]),
        ("level=debug", []),
        ("hours=1", ["started", "busy"]),
        ("category=db", ["busy", "old"]),
        ("category=db&hours=1", ["busy"]),
        ("user_id=1", []),
    ):
        paged = walk(client, f"/admin/logs?{query}", 1)
        assert [item["message"] for item in paged] == messages, query
        assert client.get(f"/admin/logs?{query}").json()["items"] == paged, query


def test_the_measured_lists_go_on_with_a_cursor(shop_after: Path) -> None:
    with closing(database.connect(shop_after)) as connection:
        connection.executemany(
            "INSERT INTO system_logs (level, category, message, created_at)"
            " VALUES ('error', 'c', ?, '2025-10-05 09:59:00')",
            [(str(number),) for number in range(250)],
        )
    with serving(shop_after) as client:
        for url, first in (("/admin/logs", 100), ("/admin/logs?level=error&hours=1", 200)):
            page = client.get(url).json()
            assert len(page["items"]) == first
            seen = [item["id"] for item in page["items"]]
            while page["next"] is not None:
                sign = "&" if "?" in url else "?"
                page = client.get(f"{url}{sign}after={page['next']}").json()
                seen += [item["id"] for item in page["items"]]
            assert len(seen) == len(set(seen)) >= 251


def test_what_no_list_gave_is_refused(client: TestClient) -> None:
    for path, own in (("/admin/logs", "hours=0"), ("/admin/activity", "admin_id=0")):
        for query in ("after=%00", "limit=0", "limit=101", own):
            assert client.get(f"{path}?{query}").status_code == 422, query
        for query in ("after=x", "after=bnVsbA"):
            assert client.get(f"{path}?{query}").status_code == 404, query


def test_ready_reads_and_writes(client: TestClient, shop_after: Path) -> None:
    ready = client.get("/ready")
    assert ready.status_code == 200
    Ready.model_validate(ready.json())
    other = database.connect(shop_after)
    with serving(shop_after, busy_timeout_ms=1) as hasty, database.transaction(other):
        answer = hasty.get("/ready")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert hasty.get("/health").status_code == 200
    other.close()


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond what it is long: as on a full disk, an order cannot be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_ready_is_503_on_a_full_disk(
    client: TestClient, shop_after: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with full_disk():
        answer = client.get("/ready")
        assert answer.status_code == 503
        assert client.get("/health").status_code == 200
    assert "free some of its disk" in caplog.text
    before = sorted(shop_after.parent.iterdir())
    assert client.get("/ready").status_code == 200
    assert sorted(shop_after.parent.iterdir()) == before


def test_space_is_asked_for_where_letters_are_kept_too(shop_after: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with serving(shop_after, outbox=elsewhere / "outbox.db") as client:
        assert client.get("/ready").status_code == 200
        for one in elsewhere.iterdir():
            one.unlink()
        elsewhere.rmdir()
        assert client.get("/ready").status_code == 503


def test_ready_is_503_when_the_database_does_not_answer() -> None:
    class Broken(FakeDatabase):
        async def read(self, name: str, params: Parameters) -> list[Row]:
            raise apsw.IOError("disk I/O error")

    app = FastAPI()
    answers.install(app, FaultAllowance("1000/minute"))
    store = AdminStore(Broken(), FixedClock(NOW))
    app.include_router(state_router(store, dict, dict))
    with TestClient(app) as client:
        assert client.get("/health").status_code == 200
        answer = client.get("/ready")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "10"


def test_ready_says_whether_jobs_run_and_which_failed(shop_after: Path) -> None:
    with serving(shop_after, jobs=True) as client:
        assert client.get("/ready").json()["jobs"] == {"running": True, "failing": []}
    with serving(shop_after) as client:
        assert client.get("/ready").json()["jobs"] == {"running": False, "failing": []}


def test_a_job_that_failed_is_told_until_it_works_again() -> None:
    told = []
    broken = [True]

    async def run() -> None:
        if broken[0]:
            raise RuntimeError("no")

    async def turns() -> None:
        jobs = Jobs([Job("a", 1, run)], lambda job, error: told.append((job.name, str(error))))
        await jobs.run_once()
        assert jobs.failing == ["a"]
        broken[0] = False
        await jobs.run_once()
        assert jobs.failing == []

    asyncio.run(turns())
    assert told == [("a", "no")]


def logged(path: Path) -> list[tuple[Any, ...]]:
    return ask(
        path,
        "SELECT level, category, message, details FROM system_logs WHERE id > 3 ORDER BY id",
    )


def test_failed_answers_are_written_down_once_for_a_route(shop_after: Path) -> None:
    with serving(shop_after) as client:
        ask(shop_after, "ALTER TABLE images RENAME TO pictures")
        for product in (1, 2, 3):
            assert client.get(f"/products/{product}").status_code == 500
    [(level, category, message, details)] = logged(shop_after)
    assert (level, category) == ("error", "http")
    assert message == "GET /products/{product_id} answered 500"
    told = json.loads(details)
    assert told["times"] == 3
    assert "images" in told["error"]
    assert told["request_id"]


def test_a_busy_database_is_written_down_once_it_is_free(shop_after: Path) -> None:
    event = {"events": [{"event_type": "login", "session_id": "s"}]}
    other = database.connect(shop_after)
    with serving(shop_after, busy_timeout_ms=1) as client:
        with database.transaction(other):
            assert client.post("/analytics/track", json=event).status_code == 503
        other.close()
    [(level, category, message, _)] = logged(shop_after)
    assert (level, category, message) == ("warning", "http", "POST /analytics/track answered 503")


def test_ordinary_refusals_are_not_written_down(client: TestClient, shop_after: Path) -> None:
    for url in ("/products/999", "/nowhere", "/products/x"):
        assert client.get(url).status_code in (404, 422)
    client.__exit__(None, None, None)
    assert logged(shop_after) == []


def test_a_budget_is_earned_back_over_an_hour() -> None:
    now_s = [0.0]
    budget = Budget(10, lambda: now_s[0])
    assert [budget.take(4), budget.take(4), budget.take(4), budget.take(4)] == [4, 4, 2, 0]
    now_s[0] = 1800.0
    assert budget.take(100) == 5
    now_s[0] = 1e9
    assert budget.take(100) == 10


def test_a_flood_writes_no_more_rows_than_allowed(shop_after: Path) -> None:
    async def run() -> int:
        pool = PooledDatabase(shop_after)
        log = SystemLog(pool, FixedClock(NOW), budget=Budget(5, lambda: 0.0))
        for number in range(1000):
            log.note("error", "http", f"{number % 70} failed")
        await log.close()
        log.note("error", "http", "too late")
        await log.flush()
        pool.close()
        return log.dropped

    dropped = asyncio.run(run())
    rows = logged(shop_after)
    assert len(rows) == 5
    told = [json.loads(details) for *_, details in rows]
    assert dropped == 0
    assert sum(one["times"] for one in told) + told[0]["not_written_before"] == 1000
    assert "too late" not in [message for _, _, message, _ in rows]


def test_what_could_not_be_written_is_kept_for_later(shop_after: Path) -> None:
    async def run() -> None:
        pool = PooledDatabase(shop_after, busy_timeout_ms=1)
        log = SystemLog(pool, FixedClock(NOW))
        other = database.connect(shop_after)
        with database.transaction(other):
            log.note("error", "jobs", "The job x failed", error="one")
            await log.flush()
        other.close()
        assert logged(shop_after) == []
        log.note("error", "jobs", "The job x failed", error="two")
        await log.close()
        pool.close()

    asyncio.run(run())
    [(_, _, _, details)] = logged(shop_after)
    assert json.loads(details) == {"error": "one", "times": 2}
