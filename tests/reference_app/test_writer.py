"""The writer: groups of work in one commit, each piece of it whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import apsw
import pytest

from reference_app import database
from reference_app.database import DatabaseBusy
from reference_app.errors import Conflict
from reference_app.port import Transaction
from reference_app.queryset import QuerySet
from reference_app.writer import Writer, WriterClosed

LOG = {"level": "info", "category": "test", "details": None, "user_id": None, "ip_address": None,
       "now": "2025-10-05 10:00:00"}  # fmt: skip


@pytest.fixture
def connection(shop_after: Path) -> Iterator[apsw.Connection]:
    made = database.connect(shop_after)
    yield made
    made.close()


@pytest.fixture
def queries(shop_after: Path, connection: apsw.Connection) -> QuerySet:
    return QuerySet(connection, database.parts(connection), shop_after)


@pytest.fixture
def writer(connection: apsw.Connection, queries: QuerySet) -> Iterator[Writer]:
    made = Writer(connection, queries.find, deadline_s=10)
    yield made
    made.close()


def writing(message: str) -> Any:
    return lambda transaction: transaction.insert("write_log", {**LOG, "message": message})


def messages(path: Path) -> list[str]:
    other = database.connect(path, query_only=True)
    rows = other.execute("SELECT message FROM system_logs WHERE category = 'test' ORDER BY id")
    found = [str(message) for (message,) in rows]
    other.close()
    return found


class Group:
    """Holds the writer back until everything that belongs to one group is queued."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._begun, self._go = threading.Event(), threading.Event()

    def __enter__(self) -> Group:
        def first(_: Transaction) -> None:
            self._begun.set()
            assert self._go.wait(10)

        self.first: Future[Any] = self._writer.submit(first)
        assert self._begun.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._go.set()


def test_work_is_there_for_others_once_its_future_is_done(writer: Writer, shop_after: Path) -> None:
    assert writer.submit(writing("one")).result(10) > 3
    assert messages(shop_after) == ["one"]


def test_what_waits_is_committed_together(
    writer: Writer, connection: apsw.Connection, shop_after: Path
) -> None:
    commits: list[int] = []
    connection.set_commit_hook(lambda: bool(commits.append(1)))
    with Group(writer):
        waiting = [writer.submit(writing(str(number))) for number in range(9)]
    assert len({future.result(10) for future in waiting}) == 9
    assert messages(shop_after) == [str(number) for number in range(9)]
    assert len(commits) == 2  # of the piece that was waited for, and of the nine


def test_a_refused_piece_undoes_itself_and_nothing_else(writer: Writer, shop_after: Path) -> None:
    def refused(transaction: Transaction) -> None:
        writing("undone")(transaction)
        raise Conflict("No.")

    with Group(writer):
        kept = [writer.submit(writing("kept"))]
        lost = writer.submit(refused)
        kept.append(writer.submit(writing("kept too")))
    with pytest.raises(Conflict):
        lost.result(10)
    for future in kept:
        future.result(10)
    assert messages(shop_after) == ["kept", "kept too"]


def test_work_alone_is_undone_too(writer: Writer, shop_after: Path) -> None:
    def refused(transaction: Transaction) -> None:
        writing("undone")(transaction)
        raise Conflict("No.")

    with pytest.raises(Conflict):
        writer.submit(refused).result(10)
    assert messages(shop_after) == []


def test_a_failed_commit_fails_all_of_its_work(
    writer: Writer, connection: apsw.Connection, shop_after: Path
) -> None:
    connection.set_commit_hook(lambda: True)
    with Group(writer):
        waiting = [writer.submit(writing(str(number))) for number in range(3)]
    for future in waiting:
        with pytest.raises(apsw.ConstraintError):
            future.result(10)
    connection.set_commit_hook(None)
    assert messages(shop_after) == []
    writer.submit(writing("later")).result(10)
    assert messages(shop_after) == ["later"]


def test_a_lock_held_by_another_process_is_told(
    connection: apsw.Connection, queries: QuerySet, shop_after: Path
) -> None:
    writer = Writer(connection, queries.find, deadline_s=0.02)
    other = database.connect(shop_after)
    with database.transaction(other), pytest.raises(DatabaseBusy):
        writer.submit(writing("late")).result(10)
    other.close()
    writer.close()


def test_work_that_waited_too_long_is_not_begun(
    connection: apsw.Connection, queries: QuerySet, shop_after: Path
) -> None:
    writer = Writer(connection, queries.find, deadline_s=0)
    with pytest.raises(DatabaseBusy, match="waiting"):
        writer.submit(writing("late")).result(10)
    writer.close()
    assert messages(shop_after) == []


def test_work_that_nobody_waits_for_any_more_is_not_begun(writer: Writer, shop_after: Path) -> None:
    with Group(writer):
        gone, kept = writer.submit(writing("gone")), writer.submit(writing("kept"))
        assert gone.cancel()
    kept.result(10)
    assert messages(shop_after) == ["kept"]


def test_closing_finishes_what_is_queued_and_takes_no_more(
    writer: Writer, shop_after: Path
) -> None:
    with Group(writer):
        waiting = [writer.submit(writing(str(number))) for number in range(5)]
    writer.close()
    assert all(future.done() for future in waiting)
    assert len(messages(shop_after)) == 5
    with pytest.raises(WriterClosed):
        writer.submit(writing("more"))
