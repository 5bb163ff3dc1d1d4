"""Indexes hidden and shown again: what new connections see, what open ones keep, what is left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.engines.sqlite.counters import count, plan
from bench.engines.sqlite.index_hiding import PrivateFile, visible
from bench.engines.sqlite.schema import indexes
from bench.engines.sqlite.statistics import NONE, Statistics, capture
from bench.errors import BenchError
from reference_app import migrate
from reference_app.database import connect

BY_TYPE = "idx_analytics_event_type"
BY_TIME = "idx_analytics_timestamp"
BY_USER = "idx_analytics_user"
ON_EVENTS = (BY_TYPE, BY_TIME, BY_USER)
QUERY = (
    "SELECT count(session_id) FROM analytics_events "
    "WHERE event_type = 'view' AND timestamp >= '2025-09-20'"
)
ANSWER = [(1700,)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "shop.db"
    connection = connect(path, create=True)
    migrate.apply(connection, ["0001_baseline", "0002_safe_migration"])
    connection.executemany(
        "INSERT INTO analytics_events (event_type, session_id, timestamp) VALUES (?, 's', ?)",
        [("view" if n % 2 else "cart", f"2025-09-{1 + n % 30:02d} 10:00:00") for n in range(3000)]
        + [("view", "2025-09-25 10:00:00")] * 1100,
    )
    connection.close()
    return path


@pytest.fixture
def database(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path))


@pytest.fixture
def private(database: Path) -> Iterator[PrivateFile]:
    with PrivateFile(database) as file:
        yield file


def schema(path: Path) -> list[tuple[object, ...]]:
    connection = connect(path, query_only=True)
    try:
        return connection.execute(
            "SELECT rowid, * FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY rowid"
        ).fetchall()
    finally:
        connection.close()


def planned(connection: apsw.Connection) -> str:
    return plan(connection, [QUERY], {})[0]


def test_a_hidden_index_is_unknown_to_connections_opened_later(private: PrivateFile) -> None:
    shown = private.state("all").open()
    assert BY_TYPE in planned(shown)
    shown.close()
    hidden = private.state("without", [BY_TYPE]).open()
    assert BY_TIME in planned(hidden)
    assert BY_TYPE not in {index.name for index in indexes(hidden)}
    assert hidden.execute(QUERY).fetchall() == ANSWER
    with pytest.raises(apsw.SQLError, match="no such index"):
        hidden.execute(f"SELECT 1 FROM analytics_events INDEXED BY {BY_TYPE}")
    hidden.close()
    again = private.state("all").open()
    assert BY_TYPE in planned(again)
    again.close()


def steps(connection: apsw.Connection) -> int:
    """What the query really does: EXPLAIN may answer a plan that is stale."""
    counted, answer = count(connection, lambda: connection.execute(QUERY).fetchall())
    assert answer == ANSWER
    return counted.vm_steps


def test_open_lanes_keep_what_they_opened_with(private: PrivateFile) -> None:
    """Lanes of one file take turns draw by draw, each in its own state."""
    states = {
        "all": private.state("all"),
        "without": private.state("without", [BY_TYPE]),
        "none": private.state("none", ON_EVENTS),
    }
    lanes, expected = {}, {}
    for name, state in states.items():
        lanes[name] = state.open()
        assert {"all": BY_TYPE, "without": BY_TIME, "none": "SCAN"}[name] in planned(lanes[name])
        expected[name] = steps(lanes[name])
    assert len(set(expected.values())) == 3
    unused = {name: state.open() for name, state in states.items()}
    for last in ("none", "all", "without"):
        states[last].enter()
        for name in lanes:
            assert steps(lanes[name]) == expected[name]
            # A statement of another text is prepared now, and still for the lane's own schema.
            assert lanes[name].execute(f"{QUERY} -- {last}").fetchall() == ANSWER
            assert steps(unused[name]) == expected[name]
    for connection in (*lanes.values(), *unused.values()):
        connection.close()


def test_closing_leaves_the_file_as_it_came(database: Path) -> None:
    before = schema(database)
    with PrivateFile(database) as file:
        file.state("none", ON_EVENTS).enter()
        assert len(schema(database)) == len(before) - 3
        file.state("some", [BY_TYPE]).enter()
    assert schema(database) == before
    connection = connect(database)
    try:
        assert capture(connection) == NONE
        connection.execute(
            "INSERT INTO analytics_events (event_type, session_id, timestamp)"
            " VALUES ('view', 's', '2025-09-29 10:00:00')"
        )
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute(QUERY).fetchall() == [(1701,)]
    finally:
        connection.close()


def test_closing_after_a_failure_shows_everything_too(database: Path) -> None:
    before = schema(database)
    with pytest.raises(ZeroDivisionError), PrivateFile(database) as file:
        file.state("none", ON_EVENTS).enter()
        raise ZeroDivisionError
    assert schema(database) == before


def test_indexes_come_back_in_their_places(private: PrivateFile, database: Path) -> None:
    """The planner weighs indexes in the schema's order, so ties must fall as before."""
    before = schema(database)
    for hidden in ([BY_TIME], [BY_TYPE, BY_USER], [BY_TIME, BY_USER], []):
        private.state("some", hidden).enter()
        assert schema(database) == [row for row in before if row[2] not in hidden]


def test_hiding_leaves_nothing_in_the_log(private: PrivateFile, database: Path) -> None:
    private.state("none", ON_EVENTS).enter()
    assert Path(f"{database}-wal").stat().st_size == 0


def test_statistics_of_hidden_indexes_are_hidden_too(database: Path) -> None:
    connection = connect(database)
    connection.execute("ANALYZE")
    connection.close()
    with PrivateFile(database) as file:
        known = dict(file.statistics.rows)
        lane = file.state("without", [BY_TYPE]).open()
        seen = dict(capture(lane).rows)
        lane.close()
        assert {row[1] for row in known["sqlite_stat1"]} - {
            row[1] for row in seen["sqlite_stat1"]
        } == {BY_TYPE}
        assert all(row[1] != BY_TYPE for row in seen.get("sqlite_stat4", ()))
        lane = file.state("nothing known", statistics=NONE).open()
        assert capture(lane) == NONE
        assert BY_TYPE in planned(lane)
        lane.close()
    connection = connect(database)
    assert capture(connection).rows == tuple(known.items())
    connection.close()


def test_a_table_without_indexes_keeps_its_number_of_rows() -> None:
    """ANALYZE writes it under no index, and the planner would guess a million rows otherwise."""
    known = Statistics(
        (("sqlite_stat1", (("t", "a", "500 3"), ("t", "b", "20 1"), ("u", "c", "7 7"))),)
    )
    assert visible(known, ["a", "b"]).rows == (
        ("sqlite_stat1", (("u", "c", "7 7"), ("t", None, "500"))),
    )
    assert visible(known, ["a"]).rows == (
        ("sqlite_stat1", (("t", "b", "20 1"), ("u", "c", "7 7"))),
    )


def test_what_sqlite_itself_writes_for_a_table_without_indexes(database: Path) -> None:
    connection = connect(database)
    connection.execute("ANALYZE")
    known = capture(connection)
    for name in ON_EVENTS:
        connection.execute(f"DROP INDEX {name}")
    connection.execute("ANALYZE")
    dropped = dict(capture(connection).rows)["sqlite_stat1"]
    connection.close()
    assert set(dict(visible(known, ON_EVENTS).rows)["sqlite_stat1"]) == set(dropped)


@given(
    rows=st.lists(
        st.tuples(st.sampled_from("tu"), st.sampled_from("abcd"), st.just("10 2")), unique=True
    ),
    hidden=st.sets(st.sampled_from("abcd")),
)
def test_visible_statistics_name_no_hidden_index_and_lose_no_table(
    rows: list[tuple[str, str, str]], hidden: set[str]
) -> None:
    known = Statistics((("sqlite_stat1", tuple(rows)),) if rows else ())
    left = dict(visible(known, hidden).rows).get("sqlite_stat1", ())
    assert not {row[1] for row in left} & hidden
    assert {row[0] for row in left} == {row[0] for row in rows}
    assert visible(known, ()) == known


def test_an_unknown_index_is_refused_before_anything_changes(private: PrivateFile) -> None:
    with pytest.raises(BenchError, match="no index idx_missing"):
        private.state("wrong", ["idx_missing"])


def test_an_index_of_a_unique_constraint_is_refused(private: PrivateFile) -> None:
    with pytest.raises(BenchError, match="only such an index can be left out"):
        private.state("wrong", ["sqlite_autoindex_images_1"])


def test_an_index_tells_its_columns_and_bytes(private: PrivateFile) -> None:
    found = {index.name: index for index in private.indexes}
    assert found["idx_images_entity"].columns == ("entity_type", "entity_id")
    assert found["idx_images_entity"].table == "images"
    private.state("none", ON_EVENTS).enter()
    size_bytes = private.bytes_of(BY_TIME)
    assert size_bytes is not None
    assert size_bytes > 4096
    assert private.bytes_of("idx_missing") is None
