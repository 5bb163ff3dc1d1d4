"""Counters and plans against a database small enough to count by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from bench.engines.answers import answer_hash
from bench.engines.sqlite.counters import (
    count,
    count_pages,
    plan,
    program,
)


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    opened = apsw.Connection(":memory:")
    opened.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT)")
    opened.executemany(
        "INSERT INTO t VALUES (?, ?, ?)", [(n, n % 10, f"x{n}") for n in range(1, 1001)]
    )
    yield opened
    opened.close()


def test_a_full_scan_counts_its_steps(connection: apsw.Connection) -> None:
    counters, rows = count(
        connection, lambda: connection.execute("SELECT id FROM t WHERE b = 'x7'").fetchall()
    )
    assert rows == [(7,)]
    assert counters.fullscan_steps == 999
    assert counters.sorts == 0
    assert counters.vm_steps > 1000


def test_a_sort_is_counted_and_a_search_is_no_scan(connection: apsw.Connection) -> None:
    sort, _ = count(connection, lambda: connection.execute("SELECT b FROM t ORDER BY b").fetchall())
    search, _ = count(
        connection, lambda: connection.execute("SELECT b FROM t WHERE id = 5").fetchall()
    )
    assert sort.sorts == 1
    assert (search.fullscan_steps, search.sorts) == (0, 0)


def test_statements_add_up_and_counting_ends(connection: apsw.Connection) -> None:
    def scan() -> list[tuple[int]]:
        return connection.execute("SELECT count(b) FROM t").fetchall()

    once, _ = count(connection, scan)
    twice, _ = count(connection, lambda: [scan(), scan()])
    scan()
    assert twice.vm_steps == 2 * once.vm_steps


def test_counting_ends_after_an_error(connection: apsw.Connection) -> None:
    with pytest.raises(apsw.SQLError):
        count(connection, lambda: connection.execute("SELECT nothing FROM t").fetchall())
    counters, _ = count(connection, lambda: None)
    assert counters.vm_steps == 0


def test_the_plan_names_the_index_and_its_nesting(connection: apsw.Connection) -> None:
    connection.execute("CREATE INDEX idx_a ON t (a)")
    lines = plan(connection, ["SELECT b FROM t WHERE a = :a ORDER BY b"], {"a": 3})
    assert lines == ("SEARCH t USING INDEX idx_a (a=?)", "USE TEMP B-TREE FOR ORDER BY")


def test_a_program_changes_with_the_plan_only(connection: apsw.Connection) -> None:
    question = "SELECT b FROM t WHERE a = :a"
    scanning = program(connection, [question], {"a": 3})
    assert scanning == program(connection, [question], {"a": 4})
    assert scanning != program(connection, [question, question], {"a": 3})
    connection.execute("CREATE INDEX idx_a ON t (a)")
    assert scanning != program(connection, [question], {"a": 3})


def test_answers_differ_by_value_order_and_type() -> None:
    same = answer_hash([(1, "a"), (2, None)])
    assert same == answer_hash([(1, "a"), (2, None)])
    others = [[(2, None), (1, "a")], [(1, "a")], [("1", "a"), (2, None)], [(1, "a"), (2, "None")]]
    assert same not in {answer_hash(rows) for rows in others}
    assert len({answer_hash(rows) for rows in others}) == len(others)


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[apsw.Connection]:
    """A file of 4096-byte pages with 20,000 rows, opened anew, its log folded in."""
    path = str(tmp_path / "a.db")
    made = apsw.Connection(path)
    made.execute("PRAGMA journal_mode = WAL")
    made.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
    with made:
        made.executemany("INSERT INTO t VALUES (?, ?)", [(n, f"{n:020d}") for n in range(20_000)])
    made.close()
    opened = apsw.Connection(path)
    opened.execute("PRAGMA wal_autocheckpoint = 0")
    yield opened
    opened.close()


FRAME = 4096 + 24


def test_a_write_reads_the_way_to_its_leaf_and_writes_that_to_the_log(
    logged: apsw.Connection,
) -> None:
    logged.execute("SELECT 1 FROM t LIMIT 1").fetchall()
    change = "UPDATE t SET a = ? || substr(a, 2) WHERE id = 10000"
    first, _ = count_pages(logged, lambda: logged.execute(change, ("1",)))
    assert 0 < first["pages_read"] <= 3
    assert (first["pages_written"], first["log_bytes"]) == (1, FRAME)
    second, _ = count_pages(logged, lambda: logged.execute(change, ("2",)))
    assert second == {"pages_read": 0, "pages_written": 1, "log_bytes": FRAME}
    assert Path(f"{logged.filename}-wal").stat().st_size == 32 + 2 * FRAME


def test_an_index_costs_pages_of_its_own(logged: apsw.Connection) -> None:
    def insert() -> int:
        return len(list(logged.execute("INSERT INTO t (a) VALUES ('00000000000000009999')")))

    bare, rows = count_pages(logged, insert)
    logged.execute("CREATE INDEX by_a ON t (a)")
    # A new index has full leaves, which the first row splits.
    insert()
    taxed, _ = count_pages(logged, insert)
    assert rows == 0
    assert (bare["pages_written"], taxed["pages_written"]) == (1, 2)
    assert taxed["log_bytes"] - bare["log_bytes"] == FRAME


def test_what_writes_nothing_leaves_the_log_alone(logged: apsw.Connection) -> None:
    counted, rows = count_pages(logged, lambda: logged.execute("SELECT count(a) FROM t").fetchall())
    assert rows == [(20_000,)]
    assert (counted["pages_written"], counted["log_bytes"]) == (0, 0)
    assert counted["pages_read"] > 100


def test_a_log_that_is_partly_folded_in_is_refused(logged: apsw.Connection) -> None:
    logged.execute("INSERT INTO t (a) VALUES ('x')")
    logged.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    with pytest.raises(ValueError, match="open the file anew"):
        count_pages(logged, lambda: None)
