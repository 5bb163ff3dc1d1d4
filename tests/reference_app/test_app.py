from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import fastapi.routing
import pytest
from fastapi.dependencies.utils import get_dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from bench.study import load_study
from reference_app import database, queries
from reference_app.app import create_app
from reference_app.clock import FixedClock
from reference_app.database import DatabaseMissing
from reference_app.mail import MemoryOutbox
from reference_app.pool import NotOurSchema
from reference_app.server import is_loopback
from reference_app.settings import Settings

NOW = "2025-10-05 10:00:00"
PROBLEM = "application/problem+json"

# How each read operation is asked over HTTP, with the parameters that conftest draws.
REQUESTS: dict[str, str] = {
    "products_by_size": "/products?size=UK%209",
    "products_by_category_size": "/products?category=BN-SHOES&size=UK%209",
    "products_newest": "/products",
    "product_detail": "/products/1",
    "images_for_entity": "/images?entity_type=user&entity_id=1",
    "sell_requests_by_status": "/admin/sell-requests?status=offer_sent",
    "sell_requests_recent": "/admin/sell-requests",
    "sell_requests_summary": "/admin/sell-requests/summary",
    "sell_items_for_submission": "/sell/submissions/BATCH-20251001-00001",
    "events_by_type_since": "/admin/analytics/events?type=page_view&days=7",
    "events_newest_of_type": "/admin/analytics/events?type=page_view",
    "events_recent": "/admin/analytics/events",
    "events_count_by_type": "/admin/analytics/by-type",
    "events_count_by_type_since": "/admin/analytics/by-type?days=7",
    "events_for_user": "/admin/analytics/users/1",
    "events_of_day": "/admin/analytics/daily?date=2025-10-04",
    "funnel_since": "/admin/analytics/funnel?days=7",
    "logs_recent": "/admin/logs",
    "logs_errors_since": "/admin/logs?level=error&hours=1",
    "order_history": "/orders",
    "order_detail": "/orders/ORD-1",
    "stock_history": "/admin/stock/4",
    "stock_of_order": "/admin/stock?order=ORD-1",
    "rollup_range": "/admin/analytics/rollup?days=30",
    "rollup_of_type": "/admin/analytics/rollup?type=page_view&days=90",
}
# Everything else is asked by staff.
ASKED_BY = {"order_history": "ann"}
LISTS_IN_ONE = {"product_detail": "images", "order_detail": "items"}
Parameters = dict[str, dict[str, int | str | None]]


def client_of(path: Path, *, token: str | None = "staff", **settings: Any) -> TestClient:
    """A browser at the shop; the tokens are those of shop.sql: ann, bob, staff."""
    settings = {"jobs": False, "log_level": "error", **settings}
    app = create_app(
        Settings(database=path, **settings), clock=FixedClock(NOW), outbox=MemoryOutbox()
    )
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return TestClient(app, raise_server_exceptions=False, headers=headers)


@pytest.fixture
def client(shop_after: Path) -> Iterator[TestClient]:
    with client_of(shop_after) as client:
        yield client


@pytest.fixture
def client_before(shop_before: Path) -> Iterator[TestClient]:
    with client_of(shop_before) as client:
        yield client


def sql_answer(path: Path, operation: str, parameters: Parameters) -> list[Any]:
    connection = database.connect(path)
    tables = database.tables(connection)
    answers = [
        queries.read_named(connection, queries.load(name, tables), parameters[operation])
        for name in queries.OPERATIONS[operation]
    ]
    connection.close()
    return answers


def test_every_read_operation_is_asked() -> None:
    reads = {operation.name for operation in load_study().operations if operation.kind == "read"}
    assert set(REQUESTS) | {"password_resets_for_user"} == reads


@pytest.mark.parametrize("operation", REQUESTS)
def test_an_operation_answers_over_http_what_its_sql_does(
    operation: str, client: TestClient, shop_after: Path, parameters: Parameters
) -> None:
    headers = {"Authorization": f"Bearer {ASKED_BY.get(operation, 'staff')}"}
    response = client.get(REQUESTS[operation], headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    expected = sql_answer(shop_after, operation, parameters)
    body = response.json()
    if operation in LISTS_IN_ONE:
        [one], many = expected
        assert body == {**one, LISTS_IN_ONE[operation]: many}
    elif operation == "funnel_since":
        assert body == expected[0][0]
    else:
        assert body["items"] == expected[0] != []
    documented = route_of(client, REQUESTS[operation]).response_model
    documented.model_validate(body)


def route_of(client: TestClient, url: str) -> Any:
    # Routes for staff are known by their path behind the door.
    path = url.split("?")[0].removeprefix("/admin")
    routes = [route for route in all_routes(client.app) if "GET" in (route.methods or ())]
    return next(route for route in routes if route.path_regex.match(path))


def all_routes(app: Any) -> list[APIRoute]:
    found: list[APIRoute] = []
    waiting = list(app.routes)
    while waiting:
        route = waiting.pop(0)
        if isinstance(route, APIRoute):
            found.append(route)
        # An included router stands as one entry, with its own routes inside.
        waiting.extend(getattr(getattr(route, "original_router", None), "routes", []))
    return found


def test_a_forgotten_password_is_answered_alike_for_all(client: TestClient) -> None:
    answers = [
        client.post("/auth/password-reset", json={"email": email})
        for email in ("ann@example.ie", "nobody@example.ie")
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content


EVENT = {
    "event_type": "product_view",
    "event_data": {"product_id": 2, "note": 'quotes " and \u2603'},
    "user_id": 2,
    "session_id": "abc",
    "path": "/products/2",
}


def test_tracked_events_are_there_after_a_restart(shop_after: Path) -> None:
    with client_of(shop_after) as client:
        response = client.post(
            "/analytics/track",
            json={"events": [EVENT, {"event_type": "login", "session_id": "abc"}]},
            headers={"user-agent": "probe/1"},
        )
        assert (response.status_code, response.json()) == (202, {"accepted": 2})
    with client_of(shop_after) as client:
        newest = client.get("/admin/analytics/events?type=product_view").json()["items"][0]
        assert json.loads(newest.pop("event_data")) == EVENT["event_data"]
        assert newest.pop("id") > 0
        assert newest == {
            "event_type": "product_view",
            "user_id": 2,
            "session_id": "abc",
            "path": "/products/2",
            "timestamp": NOW,
        }
    with closing(database.connect(shop_after, query_only=True)) as connection:
        stored = connection.execute(
            "SELECT ip_address, user_agent FROM analytics_events ORDER BY id DESC LIMIT 1"
        ).fetchall()
    assert stored == [("testclient", "probe/1")]


@pytest.mark.parametrize(
    "body",
    [
        {"events": []},
        {"events": [EVENT] * 101},
        {"events": [{**EVENT, "event_type": "unknown"}]},
        {"events": [{**EVENT, "session_id": ""}]},
        {"events": [{**EVENT, "event_data": {"x": "y" * 5000}}]},
        {"events": [{**EVENT, "user_id": 0}]},
        {"events": [{**EVENT, "timestamp": NOW}]},
        {"events": [EVENT, {}]},
        [],
    ],
)
def test_a_bad_batch_is_refused_whole(body: Any, client: TestClient) -> None:
    before = client.get("/admin/analytics/by-type").json()
    response = client.post("/analytics/track", json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == PROBLEM
    assert response.json()["faults"]
    assert client.get("/admin/analytics/by-type").json() == before


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_json_lacks_are_refused(number: str, client: TestClient) -> None:
    event = f'{{"event_type": "login", "session_id": "s", "event_data": {{"x": {number}}}}}'
    body = f'{{"events": [{event}]}}'
    response = client.post(
        "/analytics/track", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == 422


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/products/999", 404),
        ("/orders/NONE", 404),
        ("/sell/submissions/NONE", 404),
        ("/nowhere", 404),
        ("/products?after=none_of_ours", 404),
        ("/products?sort=oldest", 422),
        ("/products?size=", 422),
        ("/products/0", 422),
        (f"/products/{2**63}", 422),
        ("/orders?limit=x", 422),
        ("/images?entity_type=house&entity_id=1", 422),
        ("/admin/sell-requests?status=lost", 422),
        ("/admin/analytics/events?days=7", 422),
        ("/admin/analytics/events?type=page_view&days=0", 422),
        ("/admin/analytics/daily?date=yesterday", 422),
        ("/admin/analytics/daily?date=9999-12-31", 422),
        ("/admin/analytics/funnel?days=5000", 422),
        ("/admin/logs?hours=0", 422),
        ("/admin/logs?level=loud", 422),
        ("/admin/stock", 422),
    ],
)
def test_errors_are_problem_details(url: str, status: int, client: TestClient) -> None:
    response = client.get(url)
    assert response.status_code == status
    assert response.headers["content-type"] == PROBLEM
    body = response.json()
    assert (body["type"], body["status"]) == ("about:blank", status)
    assert len(body["detail"].split()) > 4


def test_a_wrong_method_is_a_problem_too(client: TestClient) -> None:
    response = client.delete("/products")
    assert response.status_code == 405
    assert response.headers["content-type"] == PROBLEM
    assert "GET" in response.headers["allow"]
    assert client.put("/auth/me").headers["allow"] == "DELETE, GET, PATCH"
    assert client.post("/openapi.json").headers["allow"]


AFTER_ONLY = [
    "/admin/stock/4",
    "/admin/stock?order=ORD-1",
    "/admin/analytics/rollup?days=30",
    "/admin/analytics/rollup?type=page_view&days=90",
]


@pytest.mark.parametrize("url", AFTER_ONLY)
def test_before_the_migration_there_is_no_ledger_and_no_rollup(
    url: str, client_before: TestClient
) -> None:
    response = client_before.get(url)
    assert response.status_code == 404
    assert response.headers["content-type"] == PROBLEM
    assert "This database has no table" in response.json()["detail"]


def test_ready_says_what_the_database_has(client: TestClient, client_before: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    after, before = client.get("/ready").json(), client_before.get("/ready").json()
    assert after == {
        "status": "ready",
        "migrations": ["0001_baseline", "0002_safe_migration"],
        "pending": after["pending"],
        "ledger": True,
        "rollup": True,
        "jobs": {"running": False, "failing": []},
        "now": NOW,
    }
    assert "0003_audit_composites" in after["pending"]
    assert before == {
        **after,
        "migrations": ["0001_baseline"],
        "pending": ["0002_safe_migration", *after["pending"]],
        "ledger": False,
        "rollup": False,
    }


def test_the_shop_says_how_its_database_was_seeded(shop_before: Path, shop_after: Path) -> None:
    manifest = shop_after.with_name(f"{shop_after.name}.manifest.json")
    manifest.write_text('{"scale": 0.01, "seed": 7, "now": "2025-10-04 23:59:59", "more": 1}')
    shop_before.with_name(f"{shop_before.name}.manifest.json").write_text('{"scale": 0.01}')
    with client_of(shop_after) as after, client_of(shop_before) as before:
        told = after.get("/about").json()
        assert (told["shop"], told["arm"], told["now"]) == ("resale-bench", "after", NOW)
        assert told["seeded"] == {"scale": 0.01, "seed": 7, "now": "2025-10-04 23:59:59"}
        assert (told["ledger"], told["rollup"]) == (True, True)
        told = before.get("/about").json()
        assert (told["seeded"], told["arm"], told["ledger"]) == (None, "before", False)


def test_a_body_above_the_limit_is_refused(shop_after: Path) -> None:
    with client_of(shop_after, body_limit_bytes=1024) as client:
        response = client.post("/analytics/track", content=b" " * 2000)
        assert response.status_code == 413
        assert response.headers["content-type"] == PROBLEM


def test_a_locked_database_answers_503(shop_after: Path) -> None:
    other = database.connect(shop_after)
    with client_of(shop_after, busy_timeout_ms=1) as client, database.transaction(other):
        response = client.post("/analytics/track", json={"events": [EVENT]})
        assert response.status_code == 503
        assert response.headers["content-type"] == PROBLEM
        assert response.headers["retry-after"] == "1"
    other.close()


def test_what_nobody_foresaw_is_a_problem_without_secrets(
    client: TestClient, shop_after: Path
) -> None:
    other = database.connect(shop_after)
    other.execute("DROP TABLE order_items")
    other.close()
    response = client.get("/orders/ORD-1")
    assert response.status_code == 500
    assert response.headers["content-type"] == PROBLEM
    assert "order_items" not in response.text


def test_the_document_has_an_example_for_every_answer(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method in methods.values():
            good = next(code for code in method["responses"] if code.startswith("2"))
            if good == "204":
                continue
            content = method["responses"][good]["content"]["application/json"]
            name = content["schema"]["$ref"].rsplit("/", 1)[1]
            assert schemas[name]["examples"], path
    assert "/auth/login" in document["info"]["description"]


def test_no_route_for_staff_opens_to_others(shop_after: Path) -> None:
    """Walks every route of the application, so that a new one is covered by itself."""
    with client_of(shop_after, token=None) as client:
        document = client.get("/openapi.json").json()
        asked = 0
        for path, methods in document["paths"].items():
            if not path.startswith("/admin"):
                continue
            url = re.sub(r"{\w+}", "1", path)
            for method in methods:
                asked += 1
                for token, status in ((None, 401), ("ann", 403), ("ended", 401), ("none", 401)):
                    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
                    response = client.request(method, url, headers=headers, json={})
                    assert (response.status_code, method, path) == (status, method, path)
                    assert response.headers["content-type"] == PROBLEM
        assert asked >= 11


def test_no_request_waits_for_routes_to_be_built(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def build(**given: Any) -> Any:
        built.append(given)
        return get_dependant(**given)

    monkeypatch.setattr(fastapi.routing, "get_dependant", build)
    for path in ("/admin/analytics/events", "/admin/nothing", "/nothing", "/admin/logs"):
        client.get(path)
    assert built == []


def test_examples_are_valid(client: TestClient) -> None:
    models = {route.response_model for route in all_routes(client.app) if route.response_model}
    assert len(models) > 10
    for model in models:
        for example in model.model_config["json_schema_extra"]["examples"]:
            model.model_validate(example)


def test_wrong_files_are_told_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing):
        create_app(Settings(database=tmp_path / "none.db"))
    empty = tmp_path / "empty.db"
    database.connect(empty, create=True).close()
    with pytest.raises(NotOurSchema, match="is not one of this shop"):
        create_app(Settings(database=empty))


def test_nothing_is_left_beside_the_file_after_a_shutdown(shop_after: Path) -> None:
    with client_of(shop_after) as client:
        client.post("/analytics/track", json={"events": [EVENT]})
    assert [path.name for path in shop_after.parent.iterdir()] == [shop_after.name]


@pytest.mark.parametrize("email", ["a@b.ie,c", "a@b.ie;c@d.ie", "<a@b.ie>", "a,b@c.ie"])
def test_what_a_mail_program_takes_for_several_is_no_address(
    email: str, client: TestClient
) -> None:
    assert client.post("/auth/password-reset", json={"email": email}).status_code == 422


def test_no_redirect_follows_the_host_of_a_request(client: TestClient) -> None:
    found = client.get("/products/", headers={"host": "evil.example"}, follow_redirects=False)
    assert found.status_code in (404, 422)


def test_letters_are_their_owners_to_read(tmp_path: Path, shop_after: Path) -> None:
    outbox = tmp_path / "letters.db"
    with TestClient(create_app(Settings(database=shop_after, outbox=outbox, jobs=False))):
        assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("letters.db*")} == {0o600}


def test_only_loopback_is_private() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "x")] == [
        True, True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/products", True),
        ("/products/1", True),
        ("/orders", False),
        ("/auth/me", False),
        ("/admin/logs", False),
        ("/nowhere", False),
    ],
)
def test_private_answers_are_not_kept(path: str, kept: bool, client: TestClient) -> None:
    assert client.get(path).headers.get("cache-control") == (None if kept else "no-store")
