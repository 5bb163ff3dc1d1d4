"""Reads: on the event loop while they are cheap, in threads when they are not."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from reference_app.reader import THREADED_RUNS, Readers, TooSlow

# Counts to ten million: far beyond the budget of the event loop.
SLOW = (
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000)"
    " SELECT count(*) FROM n"
)


@pytest.fixture
def readers(shop_after: Path) -> Iterator[Readers]:
    made = Readers(shop_after, threads=1, busy_timeout_ms=1000, deadline_s=30, inline_ns=10**9)
    yield made
    made.close()


def thread_of(_: apsw.Connection) -> str:
    return threading.current_thread().name


def test_a_cheap_read_runs_on_the_event_loop(readers: Readers) -> None:
    assert asyncio.run(readers.run("cheap", thread_of)) == threading.current_thread().name


def test_without_a_budget_every_read_goes_to_a_thread(shop_after: Path) -> None:
    made = Readers(shop_after, threads=1, busy_timeout_ms=1000, deadline_s=30, inline_ns=0)
    assert asyncio.run(made.run("cheap", thread_of)).startswith("reader")
    made.close()


def test_a_read_beyond_the_budget_is_answered_by_a_thread_and_its_like_after_it(
    shop_after: Path,
) -> None:
    made = Readers(shop_after, threads=1, busy_timeout_ms=1000, deadline_s=30, inline_ns=10**10)
    tried: list[str] = []

    def slow(connection: apsw.Connection) -> int:
        tried.append(threading.current_thread().name)
        rows = connection.execute(SLOW.replace("10000000", "100000")).fetchall()
        return int(str(rows[0][0]))

    async def ask() -> None:
        here = threading.current_thread().name
        assert await made.run("slow", slow) == 100_000
        assert tried == [here, tried[1]]
        assert tried[1].startswith("reader")
        assert await made.run("slow", slow) == 100_000
        assert len(tried) == 3
        # The loop tries it again in the end: the data may have become less.
        made._threaded_runs_left["slow"] = 1
        await made.run("slow", slow)
        await made.run("slow", slow)
        assert tried.count(here) == 2
        assert made._threaded_runs_left["slow"] == THREADED_RUNS

    asyncio.run(ask())
    made.close()


def test_a_read_that_only_took_long_is_tried_on_the_event_loop_again(shop_after: Path) -> None:
    made = Readers(
        shop_after, threads=1, busy_timeout_ms=1000, deadline_s=30, inline_ns=1, inline_steps=10**9
    )
    tried: list[str] = []

    def work(connection: apsw.Connection) -> None:
        tried.append(threading.current_thread().name)
        connection.execute(SLOW.replace("10000000", "10000")).fetchall()

    async def ask() -> None:
        await made.run("waits", work)
        await made.run("waits", work)

    asyncio.run(ask())
    assert [name.startswith("reader") for name in tried] == [False, True, False, True]
    made.close()


def test_a_slow_read_holds_up_no_cheap_one(readers: Readers) -> None:
    """The slow one ends only when the cheap one was answered."""
    answered = threading.Event()

    def waits(_: apsw.Connection) -> bool:
        return answered.wait(10)

    async def both() -> bool:
        readers._threaded_runs_left["slow"] = 1
        reading = asyncio.ensure_future(readers.run("slow", waits))
        await asyncio.sleep(0)
        await readers.run("cheap", thread_of)
        answered.set()
        return await reading

    assert asyncio.run(both())


def test_a_read_beyond_the_deadline_is_broken_off(shop_after: Path) -> None:
    made = Readers(shop_after, threads=1, busy_timeout_ms=1000, deadline_s=0.5, inline_ns=0)
    endless = SLOW.replace("10000000", "10000000000")
    with pytest.raises(TooSlow, match="too long to answer"):
        asyncio.run(made.run("slow", lambda connection: connection.execute(endless).fetchall()))
    made.close()


def test_a_read_that_waited_too_long_is_not_begun(shop_after: Path) -> None:
    made = Readers(shop_after, threads=1, busy_timeout_ms=1000, deadline_s=0, inline_ns=0)
    begun: list[object] = []
    with pytest.raises(TooSlow, match="are waiting"):
        asyncio.run(made.run("slow", begun.append))
    assert begun == []
    made.close()


def test_a_read_begins_only_with_half_of_its_time_left(readers: Readers) -> None:
    """Or else, among too many, each would begin late and be broken off."""
    now_ns = time.monotonic_ns()
    begun: list[object] = []
    with pytest.raises(TooSlow, match="are waiting"):
        readers._in_thread(begun.append, now_ns + 14 * 10**9, None)
    assert begun == []
    readers._in_thread(begun.append, now_ns + 29 * 10**9, None)
    assert len(begun) == 1


def test_a_broken_off_read_leaves_no_transaction_open(readers: Readers) -> None:
    readers._inline_ns = 1

    def work(connection: apsw.Connection) -> bool:
        before = connection.in_transaction
        connection.execute("BEGIN")
        connection.execute(SLOW.replace("10000000", "50000")).fetchall()
        return before

    assert asyncio.run(readers.run("slow", work)) is False
    assert not readers._inline.connection.in_transaction
