"""The migration beside an open shop: statements, what is checked, the whole of it, and its ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import psutil
import pytest

from bench.engines.sqlite import online_migration
from bench.engines.sqlite.files import describe
from bench.engines.sqlite.migration_strategies import STRATEGIES, MigrationStrategy
from bench.engines.sqlite.new_rows import newest_rowids
from bench.engines.sqlite.online_migration import ordered
from bench.errors import BenchError, exit_code_of, sentence_of
from bench.exit_codes import INVALID
from bench.load import generator, invariants, online_migration_options
from bench.load import online_migration as live_migration
from bench.load.arrivals import InvalidSchedule, Step, arrival_times
from bench.load.load_result import ProgressTick
from bench.load.null_server import null_server
from bench.load.online_migration_document import seen_of
from bench.load.online_migration_options import Options
from bench.load.records import GOOD, TIMED_OUT, UNSENT, Answer, columns
from bench.load.schedule import RequestMix, sample_schedule
from bench.resale.hooks import HOOKS
from bench.results.live import OnlineMigration
from bench.study import load_study
from reference_app import migrate
from reference_app.database import connect
from tests.bench.command import Command
from tests.bench.processes import hear_interruptions, who_runs

AFTER = ("0001_baseline", "0002_safe_migration")
PLAIN = MigrationStrategy("plain", "one after another")
QUICK = Options(rate_per_second=20, before_s=0.5, after_s=0.3, strategies=(PLAIN,))


def quiet(_: str) -> None:
    pass


def statements() -> tuple[str, ...]:
    return migrate.statements(migrate.find(AFTER[1]))


def migration_of(
    path: Path, strategy: MigrationStrategy = PLAIN, on_step: Callable[[str], object] = quiet
) -> online_migration.OnlineMigration:
    pending = HOOKS.service.pending(path, AFTER)
    return online_migration.OnlineMigration(
        path, pending, strategy, on_step=lambda step: (on_step(step), None)[1]
    )


def migrated(path: Path, strategy: MigrationStrategy) -> online_migration.OnlineMigration:
    """Migrate at once and wait for the end."""
    through = threading.Event()
    running = migration_of(path, strategy)
    running.begin(time.perf_counter_ns(), through.set)
    assert through.wait(60)
    running.stop()
    return running


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the write lock of a database."""
    connection = connect(path)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


# Statement by statement


def test_each_statement_is_told_and_the_migration_recorded(shop: Path) -> None:
    found = migrated(shop, PLAIN)
    assert (found.error, found.done, found.cut_short) == (None, True, False)
    assert [step.sql for step in found.steps] == list(statements())
    assert found.steps[-1].object == "idx_analytics_daily_type"
    for one, following in pairwise(found.steps):
        assert one.requested_ns <= one.begun_ns < one.ended_ns <= following.requested_ns
    assert all(step.file_growth_bytes > 0 for step in found.steps)
    largest = max(found.steps, key=lambda step: step.file_growth_bytes)
    assert largest.wal_peak_bytes >= largest.file_growth_bytes
    connection = connect(shop, query_only=True)
    assert [entry.name for entry in migrate.applied(connection)] == list(AFTER)
    connection.close()


def test_a_strategy_sets_its_pragmas_and_its_order(shop: Path) -> None:
    found = migrated(shop, replace(STRATEGIES["low_impact"], pause_s=0.01))
    assert found.settings["cache_size"] == -65_536
    assert found.settings["wal_autocheckpoint"] == 0
    assert sorted(step.sql for step in found.steps) == sorted(statements())
    assert [step.kind for step in found.steps[:2]] == ["create_table"] * 2
    assert [step.object for step in found.steps[-3:]] == [
        "idx_analytics_event_type", "idx_analytics_timestamp", "idx_analytics_user",
    ]  # fmt: skip


def test_statements_that_depend_on_each_other_keep_their_order(shop: Path) -> None:
    connection = connect(shop)
    script = ("CREATE INDEX a ON products (name)", "UPDATE products SET name = name")
    assert ordered(connection, script, "small tables first") == script
    connection.close()


def test_others_can_write_between_two_statements(shop: Path) -> None:
    begun, written = threading.Event(), threading.Event()
    running = migration_of(shop, on_step=lambda _: (begun.set(), written.wait(60)))
    running.begin(time.perf_counter_ns(), lambda: None)
    assert begun.wait(60)
    with locked(shop):
        pass
    written.set()
    until(lambda: running.done)
    running.stop()
    assert running.error is None


def test_waiting_for_the_lock_is_told_apart_from_holding_it(shop: Path) -> None:
    through = threading.Event()
    asked = threading.Event()
    running = migration_of(shop, on_step=lambda _: asked.set())
    with locked(shop):
        running.begin(time.perf_counter_ns(), through.set)
        assert asked.wait(60)
        # Whatever is read after this moment was read while the lock was held.
        released_ns = time.perf_counter_ns()
    assert through.wait(60)
    running.stop()
    assert running.steps[0].requested_ns <= released_ns + 10**9
    assert running.steps[0].begun_ns > released_ns


def test_stopping_undoes_the_statement_that_runs(shop: Path) -> None:
    begun = threading.Event()
    running = migration_of(shop, on_step=lambda _: begun.set())
    with locked(shop):
        running.begin(time.perf_counter_ns(), lambda: None)
        assert begun.wait(60)
        threading.Timer(0.2, running.stop).start()
    until(lambda: running.error is not None or running.done)
    running.stop()
    connection = connect(shop, query_only=True)
    assert running.done or len(migrate.applied(connection)) == 1
    connection.close()


def test_a_long_statement_is_interrupted(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = "CREATE TABLE never AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"  # noqa: E501
    monkeypatch.setattr(migrate, "statements", lambda _: (endless,))
    begun = threading.Event()
    running = migration_of(shop, on_step=lambda _: begun.set())
    running.begin(time.perf_counter_ns(), lambda: None)
    assert begun.wait(60)
    running.stop()
    assert (running.cut_short, running.done) == (True, False)
    assert running.error is not None
    connection = connect(shop)
    assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'never'").fetchall()
    connection.close()


def test_a_statement_that_sqlite_refuses_is_a_sentence(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "statements", lambda _: ("CREATE INDEX x ON nowhere (y)",))
    found = migrated(shop, PLAIN)
    assert isinstance(found.error, BenchError)
    assert "no such table" in str(found.error)
    assert exit_code_of(found.error) == 2


# What has to hold afterwards


@pytest.fixture
def done(shop: Path) -> Path:
    migrated(shop, PLAIN)
    return shop


def checked(path: Path, answers: Sequence[Answer] = (), grown: int = 0) -> tuple[str, ...]:
    since = newest_rowids(path)
    since["analytics_events"] -= grown
    made = [describe(sql)[1] for sql in statements()]
    findings = (
        *HOOKS.service.audit_migrated(path, load_study()),
        *invariants.migrated(path, made),
        *invariants.writes(path, since, HOOKS.service.written, columns(answers)),
    )
    return invariants.checked(findings).violations


def test_a_migrated_shop_passes(done: Path) -> None:
    assert checked(done) == ()


def test_a_shop_that_is_not_migrated_does_not(shop: Path) -> None:
    found = checked(shop)
    assert any("indexes is 41 after the migration, not 55" in one for one in found)
    assert any("idx_products_size was made by the migration and is not there" in one
               for one in found)  # fmt: skip


def test_an_index_that_lacks_entries_is_seen(done: Path) -> None:
    connection = connect(done)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
    connection.pragma("writable_schema", True)
    connection.execute(
        "UPDATE sqlite_master SET sql = sql || ' WHERE size IS NULL'"
        " WHERE name = 'idx_products_size'"
    )
    connection.close()
    connection = connect(done)
    connection.execute("REINDEX idx_products_size")
    connection.pragma("writable_schema", True)
    connection.execute(
        "UPDATE sqlite_master SET sql = replace(sql, ' WHERE size IS NULL', '')"
        " WHERE name = 'idx_products_size'"
    )
    connection.close()
    assert any("idx_products_size has 0 entries" in one for one in checked(done))


def test_a_lost_write_and_one_too_many_are_seen(done: Path) -> None:
    acknowledged = [Answer("track_events", n, n, n, 202) for n in range(3)]
    answers = [*acknowledged, Answer("track_events", 9, 9, 9, 0, TIMED_OUT)]
    assert checked(done, answers, grown=30) == ()
    assert checked(done, answers, grown=40) == ()
    for rows in (29, 41):
        [found, *_] = checked(done, answers, grown=rows)
        assert f"analytics_events grew by {rows} rows, but 30 were acknowledged" in found


def test_a_broken_rule_is_seen(done: Path) -> None:
    connection = connect(done)
    connection.execute("UPDATE products SET status = 'sold' WHERE quantity_available > 0")
    connection.close()
    assert any("status of a product follows its stock" in one for one in checked(done))


# The record


def test_the_record_is_told_as_the_judging_room_takes_it() -> None:
    answers = columns(
        [
            Answer("checkout: 409", 10, 11, 20, 409, GOOD),
            Answer("checkout", 12, 0, 0, 0, UNSENT),
            Answer("products_newest", 14, 15, 50, 503, "status 503"),
        ]
    )
    seen = seen_of(answers, frozenset({"checkout"}))
    assert seen.name.tolist() == ["checkout", "checkout", "products_newest"]
    assert seen.write.tolist() == [True, True, False]
    assert seen.refusals.tolist() == [True, False, False]
    assert seen.answered.tolist() == [True, False, True]
    assert seen.ended_ns.tolist() == [20, 50, 50]


def test_a_schedule_can_be_cut(seeded: Path, tmp_path: Path) -> None:
    due = arrival_times([Step(50, 30)], "even", np.random.default_rng(1))
    mix = RequestMix(HOOKS.service, HOOKS.dataset(seeded), {"products_newest": 1.0})
    schedule = sample_schedule(mix, due, 1)
    stop = tmp_path / "enough"

    def on_second(second: ProgressTick) -> None:
        if second.second == 1:
            stop.touch()

    with null_server() as url:
        played = generator.run_open(schedule, url, tmp_path, on_second=on_second, stop_file=stop)
    assert 50 <= len(played.answers) < 500
    assert played.missed == 0
    assert played.answers.due_ns.tolist() == due[: len(played.answers)].tolist()
    assert played.answers.good.all()


# From end to end


def run_live(source: Path, work: Path, options: Options) -> OnlineMigration:
    work.mkdir(exist_ok=True)
    return live_migration.run_live(options, source, load_study(), work, quiet, quiet)


def test_the_migration_runs_while_the_shop_is_visited(
    command: Command, seeded: Path, tmp_path: Path
) -> None:
    unchanged = seeded.read_bytes()
    code, output, error = command(
        "live", "--db", seeded, "--strategies", "reported", "--rate", "20", "--before", "0.5",
        "--after", "0.3", "--work", "work", "--out", "out",
    )  # fmt: skip
    # 3: invalid, where a busy machine made the generator late.
    assert code in (0, INVALID), error
    document = json.loads((tmp_path / "out" / "live.json").read_text())
    found = OnlineMigration.model_validate(document)
    assert (code == 0) == found.valid
    assert (found.study, found.held) == ("resale", True)
    assert found.dataset.rows["analytics_events"] > 0
    [strategy] = found.ways
    assert [step.sql for step in strategy.statements] == list(statements())
    assert 0.4 <= strategy.begun_s <= strategy.statements[0].asked_s
    assert strategy.statements[-1].ended_s <= strategy.ended_s
    assert (strategy.invariants.held, strategy.invariants.violations) == (True, ())
    assert len(strategy.invariants.checked) > 5
    assert strategy.file_bytes_after > strategy.file_bytes_before
    assert strategy.unserved == 0
    assert {"all", "reads", "writes"} == set(strategy.timeline)
    assert {"track_events", "product_detail"} <= {entry.name for entry in strategy.operations}
    # A second or two of some hundred that were recorded.
    assert strategy.generator.slots < found.plan.slots / 4
    assert found.answer
    assert " ".join(found.answer.split()) in " ".join(output.split())
    assert (tmp_path / "out" / "answers-reported.parquet").is_file()
    assert list((tmp_path / "work").glob("*")) == []
    assert seeded.read_bytes() == unchanged


def slowly(seconds: float) -> Callable[[apsw.Connection, str], None]:
    """Statements that hold the write lock for so long each, for the first three of them."""
    left = [3]

    def execute(connection: apsw.Connection, sql: str) -> None:
        connection.execute(sql).fetchall()
        if left[0]:
            left[0] -= 1
            time.sleep(seconds)

    return execute


def test_a_standstill_is_measured_and_impatient_writes_are_refused(
    seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.engines.sqlite.online_migration._execute", slowly(1.0))
    hasty = replace(PLAIN, busy_timeout_ms=300)
    found = run_live(seeded, tmp_path / "work", replace(QUICK, strategies=(hasty,)))
    [way] = found.ways
    assert way.errors.get("status 503", 0) > 3
    assert way.longest_write_stall_ns > 0.8e9
    assert way.writes_stopped_ns > 2.4e9
    # Reads need no lock: whatever holds them up on a busy machine is no standstill like this.
    assert way.reads_stopped_ns < way.writes_stopped_ns / 2
    assert found.held, way.invariants
    assert "were refused" in found.answer


def test_patience_lets_writes_wait_instead(
    seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.engines.sqlite.online_migration._execute", slowly(0.6))
    patient = replace(STRATEGIES["low_impact"], pause_s=0.3)
    [way] = run_live(seeded, tmp_path / "work", replace(QUICK, strategies=(patient,))).ways
    assert way.errors == {}
    # Each of the slow statements is a standstill of its own: in the pauses writes get through.
    assert 0.4e9 < way.longest_write_stall_ns < 3 * 0.6e9
    assert len(way.write_stalls) >= 3


def test_a_schedule_that_ends_before_the_migration_is_no_result(
    seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, stop = threading.Event(), online_migration.OnlineMigration.stop

    def stop_and_tell(migration: online_migration.OnlineMigration) -> None:
        stopped.set()
        stop(migration)

    # The first statement lasts until the schedule has ended.
    monkeypatch.setattr(online_migration.OnlineMigration, "stop", stop_and_tell)
    monkeypatch.setattr(
        "bench.engines.sqlite.online_migration._execute", lambda *_: stopped.wait(60)
    )
    monkeypatch.setattr(online_migration_options, "schedule_seconds", lambda source, options: 1.0)
    hasty = replace(PLAIN, busy_timeout_ms=100)
    with pytest.raises(BenchError, match="schedule ended before the migration") as caught:
        run_live(seeded, tmp_path / "work", replace(QUICK, strategies=(hasty,)))
    assert exit_code_of(caught.value) == 3
    assert list((tmp_path / "work").glob("*")) == []


def test_a_server_that_dies_meanwhile_is_told(
    seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killing(connection: apsw.Connection, sql: str) -> None:
        for server in who_runs("bench.resale.shop_process"):
            server.kill()
        connection.execute(sql).fetchall()

    monkeypatch.setattr("bench.engines.sqlite.online_migration._execute", killing)
    with pytest.raises(BenchError, match="ended by signal 9") as caught:
        run_live(seeded, tmp_path / "work", QUICK)
    assert exit_code_of(caught.value) == 3
    assert list((tmp_path / "work").glob("*")) == []
    assert who_runs("bench.resale.shop_process") == []


def test_a_migration_that_is_refused_ends_the_visit_at_once(
    seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(connection: apsw.Connection, sql: str) -> None:
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr("bench.engines.sqlite.online_migration._execute", full)
    with pytest.raises(apsw.FullError) as caught:
        run_live(seeded, tmp_path / "work", QUICK)
    assert "disk became full" in sentence_of(caught.value)
    assert list((tmp_path / "work").glob("*")) == []


def test_a_disk_that_is_too_small_is_refused_before_anything_is_copied(
    seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("bench.measure.disk.shutil.disk_usage", lambda _: small)
    with pytest.raises(BenchError, match="of disk at its peak"):
        run_live(seeded, tmp_path / "work", QUICK)


@pytest.mark.parametrize(
    "change",
    [
        {"before_s": 0.0},
        {"after_s": 601.0},
        {"rate_per_second": 0.0},
        {"probes_per_second": -1.0},
        {"families": ("no-such-family",)},
    ],
)
def test_what_cannot_be_offered_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((BenchError, InvalidSchedule)) as caught:
        online_migration_options.validate(replace(QUICK, **change), load_study())
    assert exit_code_of(caught.value) == 2


def test_strategies_are_known_by_name() -> None:
    strategies = online_migration_options.strategies_of(["low_impact", "reported"])
    assert [strategy.name for strategy in strategies] == ["low_impact", "reported"]
    for names in (["slow"], ["reported", "reported"], [""]):
        with pytest.raises(BenchError, match="choose of: reported, low_impact"):
            online_migration_options.strategies_of(names)


def test_ctrl_c_leaves_no_process_and_no_file(seeded: Path, tmp_path: Path) -> None:
    out, work = tmp_path / "out", tmp_path / "work"
    words = [sys.executable, "-m", "bench.cli", "live", "--db", str(seeded), "--before", "30",
             "--work", str(work), "--out", str(out)]  # fmt: skip
    command = subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, preexec_fn=hear_interruptions
    )
    me = psutil.Process(command.pid)
    try:
        until(lambda: who_runs("bench.load.generator_process", me))
        begun = me.children(recursive=True)
        os.kill(command.pid, signal.SIGINT)
        _, said = command.communicate(timeout=60)
    finally:
        command.kill()
    assert command.returncode == 130
    assert "interrupted" in said
    assert [child for child in begun if child.is_running()] == []
    assert not out.exists()
    assert list(work.glob("*")) == []
