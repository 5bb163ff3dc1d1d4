"""The write-ahead log is folded in by a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from reference_app import checkpoints, database
from reference_app.checkpoints import Checkpoints
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
    plain = Checkpoints._look

    def look(self: Checkpoints) -> None:
        plain(self)
        done.set()

    monkeypatch.setattr(checkpoints, "LOG_BYTES", 1)
    monkeypatch.setattr(Checkpoints, "_look", look)
    writer = database.connect(shop_after)
    folding = Checkpoints(shop_after, writer, every_s=0.01)
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
    folding = Checkpoints(shop_after, writer, every_s=60)
    size = shop_after.stat().st_size
    write(writer, "x" * 500_000)
    folding._look()
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

    monkeypatch.setattr(Checkpoints, "_look", fails)
    writer = database.connect(shop_after)
    folding = Checkpoints(shop_after, writer, every_s=0.001)
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
