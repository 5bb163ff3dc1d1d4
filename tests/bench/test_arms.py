"""Arms are built from the source, share files, and leave the source alone."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from bench.engines.sqlite.statistics import capture
from bench.errors import BenchError
from bench.load.job import arm_file
from bench.measure import arms
from bench.study import Arm, Study, load_study
from reference_app import migrate
from reference_app.database import connect
from tests.files_in_use import STATES, WHOLE, content, in_state


@pytest.fixture
def study() -> Study:
    return load_study()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.db"
    connection = connect(path, create=True)
    migrate.apply(connection, ["0001_baseline"])
    connection.executemany(
        "INSERT INTO system_logs (level, category, message) VALUES ('info', 'x', ?)",
        [(f"message {n}",) for n in range(2000)],
    )
    connection.close()
    return path


def fill(connection: apsw.Connection) -> None:
    connection.execute(
        "INSERT INTO analytics_daily (date, event_type, events, sessions, users) "
        "VALUES ('2025-10-01', 'view', 1, 1, 1)"
    )


def contents(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return hashlib.sha256("".join(connection.iterdump()).encode()).hexdigest()


def test_every_arm_is_in_its_state(study: Study, source: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    before = contents(source)
    files = arms.build(source, work, study, fill=fill)
    try:
        indexes, daily, analysed = {}, {}, {}
        for name in files.arms:
            connection = files.open(name)
            count = "SELECT count(*) FROM sqlite_master WHERE type = 'index'"
            indexes[name] = connection.execute(count).fetchall()[0][0]
            analysed[name] = bool(capture(connection).rows)
            if name != "before":
                rows = connection.execute("SELECT count(*) FROM analytics_daily").fetchall()
                daily[name] = rows[0][0]
            connection.close()
    finally:
        files.close()
    assert indexes == {"before": 41, "after": 55, "after_analyzed": 55, "recommended": 56}
    assert analysed == {
        "before": False, "after": False, "after_analyzed": True, "recommended": True
    }  # fmt: skip
    assert set(daily.values()) == {1}
    assert contents(source) == before
    assert sorted(path.name for path in work.iterdir()) == ["after.db", "recommended.db"]


def test_a_control_is_the_base_made_a_second_time(
    study: Study, source: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    files = arms.build(source, work, study, fill=fill, keep_source=True, control=True)
    assert files.control is not None
    assert files.control.path.read_bytes() == files.arms["before"].path.read_bytes()
    assert arm_file(files, "before").control == files.control.path
    assert arm_file(files, "after").control is None
    names = {path.name for path in work.iterdir()}
    assert names == {"before.db", "before-control.db", "after.db", "recommended.db"}
    files.without(["after", "after_analyzed", "recommended"])
    assert [path.name for path in work.iterdir()] == ["before.db"]


def test_every_wal_was_written_once(study: Study, source: Path, tmp_path: Path) -> None:
    """Or the arms that were switched would start each read with one system call less."""
    files = arms.build(source, tmp_path, study, fill=fill)
    try:
        for name, arm in files.arms.items():
            files.open(name).close()
            # The page count in the header of the WAL's index, which is 0 until a commit:
            # https://www.sqlite.org/walformat.html#the_wal_index_header
            index = Path(f"{arm.path}-shm").read_bytes()
            assert int.from_bytes(index[20:24], "little") > 0, name
    finally:
        files.close()


def test_the_cost_of_each_index_is_told(study: Study, source: Path, tmp_path: Path) -> None:
    files = arms.build(source, tmp_path, study, fill=fill)
    files.close()
    told = {entry.arm: entry for entry in arms.migration_arms(files)}
    after = {cost.object: cost for cost in told["after"].statements}
    assert len(after) == 16
    assert after["idx_logs_created"].size_bytes > after["idx_analytics_user"].size_bytes > 0
    assert after["idx_logs_created"].duration_ns > 0
    assert told["after"].database_bytes_after > told["after"].database_bytes_before
    indexes = told["recommended"].of_kind("create_index")
    assert len(indexes) == 25
    assert all(cost.size_bytes > 0 for cost in indexes)
    dropped = told["recommended"].of_kind("drop_index")
    assert len(dropped) == 10
    assert all(cost.size_bytes < 0 for cost in dropped)
    assert len(told["recommended"].of_kind("alter_table")) == 3
    assert told["before"].statements == ()
    assert told["after_analyzed"].statistics_ns > 0 == told["after"].statistics_ns


def test_a_source_in_another_state_is_refused(study: Study, source: Path, tmp_path: Path) -> None:
    with closing(connect(source)) as connection:
        connection.execute("ANALYZE")
    with pytest.raises(BenchError, match="statistics"):
        arms.check_source(source, study)
    with closing(connect(source)) as connection:
        connection.execute("DROP TABLE sqlite_stat1")
        connection.execute("DROP TABLE sqlite_stat4")
    arms.check_source(source, study)
    with closing(connect(source)) as connection:
        migrate.apply(connection, ["0001_baseline", "0002_safe_migration"])
    with pytest.raises(BenchError, match="0002_safe_migration"):
        arms.build(source, tmp_path, study, fill=fill)
    assert [path.name for path in tmp_path.glob("*.db")] == ["source.db"]


def test_statistics_that_fail_are_told(study: Study, source: Path, tmp_path: Path) -> None:
    wrong = tuple(
        replace(arm, statistics=("ANALYZE absent",) if arm.statistics else ()) for arm in study.arms
    )
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(BenchError, match=r"'ANALYZE absent'.*no such table.*mend it"):
        arms.build(source, work, replace(study, arms=wrong), fill=fill, keep_source=True)


# Opens a database, does what is asked, says so, and waits to be told to end.
OTHER = """
import os, sys
from pathlib import Path
from reference_app.database import connect
from tests.files_in_use import STATES, WHOLE, content, in_state
connection = connect(Path(sys.argv[1]))
connection.execute(sys.argv[2]).fetchall()
print("ready", flush=True)
if sys.stdin.readline() == "":
    os._exit(9)
connection.close()
"""


@contextmanager
def opened_elsewhere(path: Path, sql: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(path), sql],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


LOG = "INSERT INTO system_logs (level, category, message) VALUES ('info', 'x', 'late')"


@pytest.mark.parametrize("state", STATES)
def test_a_source_to_keep_is_copied_as_it_is_and_not_touched(
    study: Study, source: Path, tmp_path: Path, state: str
) -> None:
    own, work = tmp_path / "own", tmp_path / "work"
    own.mkdir()
    work.mkdir()
    source = source.rename(own / "source.db")
    with in_state(source, state):
        before = content(own)
        arms.check_source(source, study)
        files = arms.build(source, work, study, fill=fill, keep_source=True)
        for name in files.arms:
            with closing(files.open(name)) as connection:
                assert connection.pragma("user_version") == WHOLE
                assert connection.pragma("journal_mode") == "wal"
        files.close()
        assert content(own) == before


def test_a_source_to_keep_keeps_every_byte(study: Study, source: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    before = (source.read_bytes(), source.stat().st_mtime_ns)
    files = arms.build(source, work, study, fill=fill, keep_source=True)
    for name in files.arms:
        connection = files.open(name, query_only=False)
        connection.execute("DELETE FROM system_logs")
        connection.close()
    files.close()
    assert (source.read_bytes(), source.stat().st_mtime_ns) == before
    assert sorted(path.name for path in tmp_path.glob("source.db*")) == ["source.db"]


def test_a_third_file_is_refused(study: Study, source: Path) -> None:
    third = Arm("odd", "odd", "one too many", ("0001_baseline", "0003_audit_composites"))
    with pytest.raises(BenchError, match="at most 2"):
        arms.check_source(source, replace(study, arms=(*study.arms, third)))
