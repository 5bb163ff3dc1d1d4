"""Statistics are captured once and put in or taken out, and the planner notices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from bench.engines.sqlite.counters import plan
from bench.engines.sqlite.statistics import NONE, Statistics, capture, put
from reference_app import migrate
from reference_app.database import connect

QUERY = "SELECT * FROM analytics_events WHERE event_type = 'view' AND timestamp >= '2025-09-30'"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    connection = connect(path, create=True)
    migrate.apply(connection, ["0001_baseline", "0002_safe_migration"])
    connection.executemany(
        "INSERT INTO analytics_events (event_type, session_id, timestamp) VALUES ('view', 's', ?)",
        [(f"2025-09-{1 + n % 30:02d} 10:00:00",) for n in range(3000)],
    )
    connection.close()
    return path


@pytest.fixture
def keeper(database: Path) -> Iterator[apsw.Connection]:
    connection = connect(database)
    yield connection
    connection.close()


def planned(database: Path) -> tuple[str, ...]:
    connection = connect(database, query_only=True)
    try:
        return plan(connection, [QUERY], {})
    finally:
        connection.close()


def test_the_planner_follows_what_is_put_in(database: Path, keeper: apsw.Connection) -> None:
    without = planned(database)
    keeper.execute("ANALYZE")
    gathered = capture(keeper)
    with_them = planned(database)
    assert "idx_analytics_event_type" in without[0]
    assert "idx_analytics_timestamp" in with_them[0]
    for _ in range(2):
        put(keeper, NONE)
        assert planned(database) == without
        assert capture(keeper) == NONE
        put(keeper, gathered)
        assert planned(database) == with_them
        assert capture(keeper) == gathered


def test_partial_statistics_leave_no_other_table(keeper: apsw.Connection) -> None:
    keeper.execute("ANALYZE")
    only_first = Statistics(capture(keeper).rows[:1])
    put(keeper, only_first)
    assert capture(keeper) == only_first


def test_switching_leaves_the_wal_empty(database: Path, keeper: apsw.Connection) -> None:
    keeper.execute("ANALYZE")
    put(keeper, capture(keeper))
    assert Path(f"{database}-wal").stat().st_size == 0


def test_open_connections_keep_the_statistics_they_have_read(
    database: Path, keeper: apsw.Connection
) -> None:
    """Lanes of one file are open at the same time and must not see each other's state."""
    keeper.execute("ANALYZE")
    gathered = capture(keeper)
    put(keeper, NONE)
    without = connect(database, query_only=True)
    plain = plan(without, [QUERY], {})
    put(keeper, gathered)
    informed = connect(database, query_only=True)
    assert "idx_analytics_timestamp" in plan(informed, [QUERY], {})[0]
    for connection, expected in ((without, plain), (informed, plan(informed, [QUERY], {}))):
        connection.execute(QUERY).fetchall()
        assert plan(connection, [QUERY], {}) == expected
        connection.close()
    assert plain != plan(keeper, [QUERY], {})
