"""A side without an application: writes that fail, at once, at COMMIT, or for some parameters."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from bench.gate.worker.counts import CounterWorker
from bench.gate.worker.custom_database import CustomDatabaseAdapter
from bench.gate.worker.timing import TimingWorker

SCHEMA = """
    CREATE TABLE room (id INTEGER PRIMARY KEY);
    CREATE TABLE booking (room INT UNIQUE REFERENCES room (id) DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO room VALUES (1), (2), (3), (4);
    INSERT INTO booking VALUES (3);
"""
BOOK = "INSERT INTO booking VALUES (:room)"


def side(folder: Path, sql: str) -> CustomDatabaseAdapter:
    database, queries = folder / "my.db", folder / "queries.json"
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute(SCHEMA)
    operations = {"book": {"statements": [sql], "require": [None], "ordered": False}}
    queries.write_text(json.dumps({"foreign_keys": True, "operations": operations}))
    return CustomDatabaseAdapter(database, queries)


def bookings(folder: Path) -> Any:
    with closing(apsw.Connection(str(folder / "my.db"))) as connection:
        return connection.execute("SELECT count(*) FROM booking").get


@pytest.mark.parametrize(
    ("sql", "room", "refused"),
    [
        (BOOK, 1, None),
        (BOOK, 3, "UNIQUE constraint failed"),
        (BOOK, 9, "would not hold at COMMIT"),
        # SQLite has rolled back by itself then.
        ("INSERT OR ROLLBACK INTO booking VALUES (:room)", 3, "UNIQUE constraint failed"),
    ],
)
def test_a_write_that_fails_says_why(
    tmp_path: Path, sql: str, room: int, refused: str | None
) -> None:
    counts = CounterWorker(side(tmp_path, sql))
    [seen] = counts.observe("book", "write", [{"room": room}], [], [0], 60.0)
    assert (seen["refused"] is None) == (refused is None)
    assert refused is None or refused in seen["refused"]
    assert bookings(tmp_path) == 1


def test_what_is_timed_ends_before_parameters_that_are_refused(tmp_path: Path) -> None:
    turns = TimingWorker(side(tmp_path, BOOK))
    turns.open(None)
    ready = turns.prepare("book", "write", [{"room": room} for room in (1, 2, 3, 4)], [])
    assert len(ready["answers"]) == 2
    assert "UNIQUE constraint failed" in ready["refused"]
    assert all(took_ns > 0 for took_ns in turns.time_slice(1, 3, True))
    assert bookings(tmp_path) == 1
    none = turns.prepare("book", "write", [{"room": 3}], [])
    assert (none["answers"], none["typical_ns"]) == ([], 0)


def test_what_the_first_execution_in_a_process_pays_is_not_typical(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = TimingWorker(side(tmp_path, "SELECT count(*) FROM booking WHERE room < :room"))
    turns.open(None)
    first = turns._first
    waits = iter([230_000_000])

    def slow_at_first(draw: int) -> tuple[str, list[str], int]:
        answer, plan, took_ns = first(draw)
        return answer, plan, took_ns + next(waits, 0)

    monkeypatch.setattr(turns, "_first", slow_at_first)
    ready = turns.prepare("book", "read", [{"room": room} for room in range(5)], [])
    assert len(ready["answers"]) == 5
    assert ready["typical_ns"] < 100_000_000
