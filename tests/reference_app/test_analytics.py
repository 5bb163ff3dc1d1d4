from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_app import database
from reference_app.analytics.maintenance import AnalyticsMaintenance
from reference_app.analytics.rollup import prune_day, roll_up_day
from reference_app.app import create_app
from reference_app.clock import FixedClock
from reference_app.mail import MemoryOutbox
from reference_app.offline import OfflineShop
from reference_app.pool import PooledDatabase
from reference_app.settings import Settings
from tests.reference_app.conftest import AFTER, BEFORE, make_shop

NOW = "2025-10-05 10:00:00"
STAFF = {"Authorization": "Bearer staff"}
LATE = {"event_type": "search", "session_id": "late", "occurred_at": "2025-10-04 23:59:59"}


def app_of(path: Path, now: str = NOW) -> Any:
    return create_app(
        Settings(database=path, jobs=False, log_level="error"),
        clock=FixedClock(now),
        outbox=MemoryOutbox(),
    )


def browser(path: Path, now: str = NOW) -> TestClient:
    return TestClient(app_of(path, now), headers=STAFF, raise_server_exceptions=False)


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(database.connect(path, query_only=True)) as connection:
        return connection.execute(sql).fetchall()


def execute(path: Path, sql: str) -> None:
    with closing(database.connect(path)) as connection:
        connection.execute(sql)


def brute_force(path: Path) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """Every day and type, counted in Python: (events, sessions, users, revenue)."""
    kinds: dict[tuple[str, str], list[tuple[str, int | None, int]]] = {}
    found = rows(
        path, "SELECT timestamp, event_type, session_id, user_id, event_data FROM analytics_events"
    )
    for timestamp, kind, session, user, data in found:
        told = json.loads(data) if data is not None else None
        total = told.get("total_cents") if isinstance(told, dict) and kind == "purchase" else 0
        usable = type(total) is int and 0 <= total <= 1_000_000_000
        kinds.setdefault((timestamp[:10], kind), []).append((session, user, total if usable else 0))
    return {
        key: (
            len(events),
            len({session for session, _, _ in events}),
            len({user for _, user, _ in events if user is not None}),
            sum(total for _, _, total in events),
        )
        for key, events in kinds.items()
    }


def rolled_up(path: Path) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    return {
        (day, kind): tuple(values)  # type: ignore[misc]
        for day, kind, *values in rows(
            path,
            "SELECT date, event_type, events, sessions, users, revenue_cents FROM analytics_daily",
        )
    }


def days_of(path: Path) -> set[str]:
    return {day for (day,) in rows(path, "SELECT DISTINCT date FROM analytics_daily")}


def test_a_late_event_stands_on_its_day_and_takes_the_rollup_away(shop_after: Path) -> None:
    assert days_of(shop_after) == {"2025-10-04", "2025-06-01"}
    with browser(shop_after) as client:
        assert client.post("/analytics/track", json={"events": [LATE]}).status_code == 202
        day = client.get("/admin/analytics/daily?date=2025-10-04").json()["items"]
    assert {"event_type": "search", "events": 1, "sessions": 1, "users": 0} in day
    assert days_of(shop_after) == {"2025-06-01"}


def test_an_event_of_now_leaves_other_days_rolled_up(shop_after: Path) -> None:
    with browser(shop_after) as client:
        event = {"event_type": "search", "session_id": "s"}
        assert client.post("/analytics/track", json={"events": [event]}).status_code == 202
    assert days_of(shop_after) == {"2025-10-04", "2025-06-01"}


def test_an_event_of_a_day_already_rolled_up_takes_that_away_though_it_is_today(
    shop_after: Path,
) -> None:
    """A clock that begins anew at the newest event can come to a day that was over."""
    with browser(shop_after, "2025-10-04 23:00:00") as client:
        event = {"event_type": "search", "session_id": "s"}
        assert client.post("/analytics/track", json={"events": [event]}).status_code == 202
    assert days_of(shop_after) == {"2025-06-01"}


def test_a_batch_with_a_time_that_cannot_be_is_refused_whole(shop_after: Path) -> None:
    before = brute_force(shop_after)
    with browser(shop_after) as client:
        for occurred_at, status in (
            ("2025-10-05 10:00:01", 409),
            ("2025-10-02 09:59:59", 409),
            ("2025-13-04 10:00:00", 422),
            ("2025-10-04T10:00:00", 422),
            ("2025-10-04", 422),
            ("yesterday", 422),
            ("", 422),
        ):
            batch = [LATE, {**LATE, "occurred_at": occurred_at}]
            response = client.post("/analytics/track", json={"events": batch})
            assert response.status_code == status, occurred_at
            assert response.headers["content-type"] == "application/problem+json"
    assert brute_force(shop_after) == before
    assert "2025-10-04" in days_of(shop_after)


def test_a_late_event_of_a_day_that_was_cleared_is_refused(shop_after: Path) -> None:
    execute(shop_after, "DELETE FROM analytics_events WHERE timestamp LIKE '2025-10-04%'")
    with browser(shop_after) as client:
        response = client.post("/analytics/track", json={"events": [LATE]})
    assert response.status_code == 409
    assert "2025-10-04 is closed" in response.json()["detail"]
    assert "2025-10-04" in days_of(shop_after)


def test_late_events_are_taken_without_a_rollup(shop_before: Path) -> None:
    with browser(shop_before) as client:
        assert client.post("/analytics/track", json={"events": [LATE]}).status_code == 202


@pytest.mark.parametrize("migrations", [BEFORE, AFTER])
def test_the_shops_clock_starts_at_the_newest_event_and_not_at_the_last_written(
    migrations: tuple[str, ...], tmp_path: Path
) -> None:
    path = make_shop(tmp_path / "shop.db", migrations)
    with browser(path) as client:
        assert client.post("/analytics/track", json={"events": [LATE]}).status_code == 202
    pool = PooledDatabase(path)
    assert pool.newest_event() == NOW
    pool.close()


TOLD: list[tuple[Any, int]] = [
    ({"total_cents": 1250}, 1250),
    ({"total_cents": -1}, 0),
    ({"total_cents": "1250"}, 0),
    ({"total_cents": 12.5}, 0),
    ({"total_cents": 10**30}, 0),
    ({"total_cents": 9_223_372_036_854_775_807}, 0),
    ({"total_cents": True}, 0),
    ({"total_cents": [5]}, 0),
    ({}, 0),
    (None, 0),
]


def test_what_a_page_tells_of_a_purchase_counts_only_if_it_is_a_total(shop_after: Path) -> None:
    revenue_cents = 0
    with browser(shop_after) as client:
        for data, counts in TOLD:
            event = {"event_type": "purchase", "session_id": "s", "event_data": data}
            batch = {"events": [event, event, {**event, "event_type": "login"}]}
            assert client.post("/analytics/track", json=batch).status_code == 202
            revenue_cents += 2 * counts
            roll_up(shop_after, {DAYS[4]})
            items = client.get("/admin/analytics/rollup?days=1").json()["items"]
            told = {item["event_type"]: item["revenue_cents"] for item in items}
            assert told == {"product_view": 0, "purchase": revenue_cents, "login": 0}, data


DAYS = [f"2025-10-{day:02}" for day in range(1, 6)]
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(DAYS),
        st.sampled_from(["00:00:00", "09:30:00", "23:59:59"]),
        st.sampled_from(["page_view", "purchase", "search"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([None, 1, 2]),
        st.sampled_from([None, "{}", '{"total_cents":700}', '{"total_cents":"x"}', "[]"]),
    ),
    max_size=25,
)


def fill(path: Path, events: list[tuple[Any, ...]]) -> None:
    with closing(database.connect(path)) as connection:
        connection.execute("DELETE FROM analytics_events")
        if "analytics_daily" in database.tables(connection):
            connection.execute("DELETE FROM analytics_daily")
        connection.executemany(
            "INSERT INTO analytics_events"
            " (timestamp, event_type, session_id, user_id, event_data) VALUES (?, ?, ?, ?, ?)",
            [(f"{day} {time}", *rest) for day, time, *rest in events],
        )


@pytest.fixture(scope="module")
def two_shops(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[tuple[Path, TestClient]]]:
    folder = tmp_path_factory.mktemp("shops")
    paths = [make_shop(folder / "before.db", BEFORE), make_shop(folder / "after.db", AFTER)]
    with browser(paths[0]) as before, browser(paths[1]) as after:
        yield [(paths[0], before), (paths[1], after)]


@settings(max_examples=40)
@given(
    events=EVENTS,
    days_rolled_up=st.sets(st.sampled_from(DAYS)),
    late=st.lists(st.sampled_from(DAYS[2:]), max_size=3),
    days=st.integers(1, 6),
    then=st.sets(st.sampled_from(DAYS)),
)
def test_the_dashboard_equals_a_full_count(
    two_shops: list[tuple[Path, TestClient]],
    events: list[tuple[Any, ...]],
    days_rolled_up: set[str],
    late: list[str],
    days: int,
    then: set[str],
) -> None:
    """Whatever was rolled up when, whatever came late, with a rollup and without."""
    for path, client in two_shops:
        fill(path, events)
        batch = [{**LATE, "occurred_at": f"{day} 09:59:59"} for day in late if day != DAYS[4]]
        if path.stem == "after":
            roll_up(path, days_rolled_up)
        if batch:
            sent = client.post("/analytics/track", json={"events": batch})
            assert sent.status_code in (202, 409)
        if path.stem == "after":
            roll_up(path, then)
        told = client.get(f"/admin/analytics/dashboard?days={days}").json()
        counted = {key: v for key, v in brute_force(path).items() if key[0] in DAYS[-days:]}
        shown = {
            (item["date"], item["event_type"]): (
                item["events"],
                item["sessions"],
                item["users"],
            )
            for item in told["items"]
        }
        assert shown == {key: value[:3] for key, value in counted.items()}
        assert len(told["items"]) == len(counted)
        assert sum(total["events"] for total in told["totals"]) == sum(
            v[0] for v in counted.values()
        )
        assert told["rolled_up_days"] + told["counted_days"] == len({day for day, _ in counted})
        assert told["items"] == sorted(
            told["items"], key=lambda item: (-int(item["date"][-2:]), item["event_type"])
        )


def roll_up(path: Path, days: set[str]) -> None:
    with OfflineShop(path) as shop:
        for day in days:
            shop.transact(lambda tx, day=day: roll_up_day(tx, day))  # type: ignore[misc]


def test_a_rolled_up_day_is_not_counted_again(shop_after: Path) -> None:
    """The rows of 2025-10-04 in shop.sql say less than the events: they are what is shown."""
    with browser(shop_after) as client:
        told = client.get("/admin/analytics/dashboard?days=2").json()
    assert (told["rolled_up_days"], told["counted_days"]) == (1, 1)
    of_yesterday = [item for item in told["items"] if item["date"] == "2025-10-04"]
    assert {item["event_type"] for item in of_yesterday} == {"page_view", "product_view"}


def test_a_dashboard_has_a_day_at_least_and_a_year_at_most(shop_after: Path) -> None:
    with browser(shop_after) as client:
        for days, status in ((0, 422), (1, 200), (366, 200), (367, 422), ("x", 422)):
            asked = client.get(f"/admin/analytics/dashboard?days={days}")
            assert asked.status_code == status, days


def test_rollup_and_late_events_at_once_never_part(shop_after: Path) -> None:
    """What is rolled up equals the raw rows at every look, while events come late."""
    execute(shop_after, "DELETE FROM analytics_daily")

    def faults() -> int:
        counted = brute_force(shop_after)
        return sum(value != counted.get(key) for key, value in rolled_up(shop_after).items())

    async def run() -> None:
        rng = random.Random(5)
        app = app_of(shop_after)
        upkeep = AnalyticsMaintenance(app.state.database, FixedClock(NOW), 0)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:

            async def tell(number: int) -> None:
                for _ in range(10):
                    day = rng.choice(DAYS[2:4])
                    event = {**LATE, "occurred_at": f"{day} 20:00:00", "session_id": f"s{number}"}
                    answer = await client.post("/analytics/track", json={"events": [event]})
                    assert answer.status_code == 202

            async def keep() -> None:
                for _ in range(20):
                    await upkeep.roll_up()
                    assert await asyncio.to_thread(faults_in_one_state, shop_after) == 0

            await asyncio.gather(*(tell(number) for number in range(5)), keep())
            await upkeep.roll_up()
        app.state.database.close()

    asyncio.run(run())
    assert faults() == 0
    assert {"2025-10-03", "2025-10-04"} <= days_of(shop_after)
    assert sum(events for events, *_ in brute_force(shop_after).values()) == 7 + 50


def faults_in_one_state(path: Path) -> int:
    with closing(database.connect(path, query_only=True)) as connection:
        [(faults,)] = connection.execute(
            "SELECT count(*) FROM analytics_daily AS r WHERE r.events <> (SELECT count(*)"
            " FROM analytics_events AS e WHERE e.event_type = r.event_type"
            " AND substr(e.timestamp, 1, 10) = r.date)"
        ).fetchall()
    return int(faults)


def test_pruning_beside_a_reader_shows_all_or_the_rollup(shop_after: Path) -> None:
    roll_up(shop_after, {"2025-10-04"})
    with browser(shop_after) as client:
        before = client.get("/admin/analytics/dashboard?days=30").json()
        with OfflineShop(shop_after) as shop:
            shop.transact(lambda tx: prune_day(tx, "2025-10-04"))
        assert client.get("/admin/analytics/dashboard?days=30").json() == before
    with closing(database.connect(shop_after)) as connection:
        assert isinstance(connection, apsw.Connection)
        left = connection.execute(
            "SELECT count(*) FROM analytics_events WHERE timestamp LIKE '2025-10-04%'"
        ).fetchall()
    assert left == [(0,)]


def test_ever_so_many_late_events_do_not_set_the_shops_clock_back(shop_after: Path) -> None:
    with closing(database.connect(shop_after)) as connection, database.transaction(connection):
        connection.executemany(
            "INSERT INTO analytics_events (event_type, session_id, timestamp)"
            " VALUES ('search', 's', ?)",
            [("2025-10-03 10:00:00",)] * 10_001,
        )
    pool = PooledDatabase(shop_after)
    assert pool.newest_event() == NOW
    pool.close()
