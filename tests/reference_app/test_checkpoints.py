"""The write-ahead log is folded in by a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from reference_app import checkpoints, database
from reference_app.checkpoints import Checkpoints
from reference_app.gate import Gate
from reference_app.pool import PooledDatabase


def write(connection: apsw.Connection, text: str) -> None:
    with database.transaction(connection):
        connection.execute(
            "INSERT INTO system_logs (level, category, message) VALUES ('info', 'test', ?)", (text,)
        )


def test_a_long_log_is_folded_in_without_the_writer(
    shop_after: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()
    plain = Checkpoints._checkpoint

    def look(self: Checkpoints) -> None:
        plain(self)
        done.set()

    monkeypatch.setattr(checkpoints, "LOG_BYTES", 1)
    monkeypatch.setattr(Checkpoints, "_checkpoint", look)
    writer = database.connect(shop_after)
    folding = Checkpoints(shop_after, writer, Gate().held, every_s=0.01)
    size = shop_after.stat().st_size
    write(writer, "x" * 500_000)
    done.clear()
    assert done.wait(10)
    # The page is in the database itself, though nobody closed it.
    assert shop_after.stat().st_size > size + 400_000
    folding.close()
    assert not folding._thread.is_alive()
    writer.close()


def test_a_short_log_is_left_alone(shop_after: Path) -> None:
    writer = database.connect(shop_after)
    folding = Checkpoints(shop_after, writer, Gate().held, every_s=60)
    size = shop_after.stat().st_size
    write(writer, "x" * 500_000)
    folding._checkpoint()
    assert shop_after.stat().st_size == size
    folding.close()
    writer.close()


def test_a_failing_look_is_tried_again(shop_after: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    twice = threading.Event()

    def fails(_: Checkpoints) -> None:
        looks.append(1)
        if len(looks) == 2:
            twice.set()
        raise apsw.IOError("the disk is tired")

    monkeypatch.setattr(Checkpoints, "_checkpoint", fails)
    writer = database.connect(shop_after)
    folding = Checkpoints(shop_after, writer, Gate().held, every_s=0.001)
    assert twice.wait(10)
    folding.close()
    writer.close()


def test_without_checkpoints_all_that_is_written_stands_in_the_log(shop_after: Path) -> None:
    before = shop_after.read_bytes()
    pool = PooledDatabase(shop_after, checkpoints=False)

    async def write_much() -> None:
        # Beyond the threads' threshold and SQLite's own.
        for number in range(20):
            long = {"level": "info", "category": "test", "message": "x" * 500_000}
            rest = {"details": None, "user_id": None, "ip_address": None, "now": f"{number}"}
            await pool.write("write_log", {**long, **rest})
        assert len(await pool.read("logs_recent", {})) >= 20

    asyncio.run(write_much())
    assert shop_after.read_bytes() == before
    pool.close()
    assert shop_after.read_bytes() == before
    log, index = database.beside(shop_after)
    assert log.stat().st_size > 10_000_000
    # Whoever reads it along without folding it in leaves it as it is.
    database.connect(shop_after, query_only=True, checkpoints=False).close()
    assert shop_after.read_bytes() == before
    log.unlink()
    index.unlink()
    with closing(database.connect(shop_after)) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM system_logs WHERE category = 'test'")
        assert count == 0


BOUND = 400_000
WRITTEN = 50_000


class Scan:
    """A slow read that sees one state of the database until it is let go, however often begun."""

    def __init__(self, pool: PooledDatabase) -> None:
        self._begun, self.again, self._go = (threading.Event() for _ in range(3))
        self.runs = 0
        self._answer: Future[int] = Future()
        self._readers = pool._readers
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        assert self._begun.wait(10)

    def _ask(self) -> None:
        try:
            self._answer.set_result(asyncio.run(self._readers.run("scan", self._work)))
        except Exception as error:
            self._answer.set_exception(error)

    def _work(self, reader: apsw.Connection) -> int:
        self.runs += 1
        reader.execute("BEGIN")
        [(count,)] = reader.execute("SELECT count(*) FROM system_logs WHERE category = 'test'")
        (self._begun if self.runs == 1 else self.again).set()
        while not self._go.is_set():
            reader.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
                "SELECT max(i) FROM n"
            ).fetchall()
        return int(str(count))

    def end(self) -> int:
        """Let it go; what it answers."""
        self._go.set()
        self._thread.join()
        return self._answer.result()


@pytest.fixture
def pool(shop_after: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PooledDatabase]:
    """A database whose log is bound, and looked at by the test alone."""
    for name, value in {"LOG_BYTES": 1, "MOST_LOG_BYTES": BOUND, "PATIENCE_S": 0.0}.items():
        monkeypatch.setattr(checkpoints, name, value)
    monkeypatch.setattr(Checkpoints, "_run", lambda _: None)
    made = PooledDatabase(shop_after, inline_ns=0, read_deadline_s=60)
    yield made
    made.close()


def written(pool: PooledDatabase, path: Path) -> int:
    """Write a log entry and let the log be looked at; how long it is then."""
    entry = {"level": "info", "category": "test", "message": "x" * WRITTEN, "details": None,
             "user_id": None, "ip_address": None, "now": "2025-10-05 10:00:00"}  # fmt: skip
    asyncio.run(pool.write("write_log", entry))
    assert pool._checkpoints is not None
    pool._checkpoints._checkpoint()
    return database.beside(path)[0].stat().st_size


def test_overlapping_scans_do_not_let_the_log_grow(pool: PooledDatabase, shop_after: Path) -> None:
    sizes, answers, scans = [], [], [Scan(pool)]
    for _ in range(40):
        # Each begins before the one before it ends, so that somebody always reads from the log.
        sizes.append(written(pool, shop_after))
        scans.append(Scan(pool))
        answers.append(scans.pop(0).end())
    answers.append(scans.pop().end())
    assert max(sizes) < BOUND + 2 * WRITTEN
    assert 0 in sizes
    # A scan that was broken off saw the state of when it was begun again.
    assert all(0 <= count - nth <= 1 for nth, count in enumerate(answers))
    with closing(database.connect(shop_after, query_only=True)) as other:
        [(count,)] = other.execute("SELECT count(*) FROM system_logs WHERE category = 'test'")
    assert count == 40


def test_a_scan_is_broken_off_once_at_most(pool: PooledDatabase, shop_after: Path) -> None:
    scan = Scan(pool)
    while written(pool, shop_after):
        pass
    assert scan.again.wait(10)
    sizes = [written(pool, shop_after) for _ in range(30)]
    # Nothing was lost for it: it goes on, and the log is emptied once it has ended.
    assert min(sizes) > 0
    assert scan.runs == 2
    assert scan.end() in range(5, 15)
    assert pool._checkpoints is not None
    pool._checkpoints._checkpoint()
    pool._checkpoints._checkpoint()
    assert database.beside(shop_after)[0].stat().st_size == 0


def test_a_scan_that_ends_in_time_is_not_broken_off(
    pool: PooledDatabase, shop_after: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "PATIENCE_S", 60.0)
    scan = Scan(pool)
    held = pool._readers.gate._changed
    waiting = held.wait_for

    def let_go(predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        scan._go.set()
        return waiting(predicate, timeout)

    for _ in range(6):
        written(pool, shop_after)
    monkeypatch.setattr(held, "wait_for", let_go)
    while written(pool, shop_after):
        pass
    assert scan.end() == 0
    assert scan.runs == 1


def test_a_reader_elsewhere_is_waited_for_and_harms_nobody(
    pool: PooledDatabase, shop_after: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(pool, shop_after)
    other = database.connect(shop_after, query_only=True)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM system_logs").fetchall()
    sizes = [written(pool, shop_after) for _ in range(20)]
    assert sizes == sorted(sizes)
    assert caplog.text.count("is long and still being read") in (1, 2, 3)
    other.close()
    assert pool._checkpoints is not None
    for _ in range(2):
        pool._checkpoints._checkpoint()
    assert database.beside(shop_after)[0].stat().st_size == 0
