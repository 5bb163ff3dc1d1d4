"""Counters and plans against a database small enough to count by hand."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest

from bench.measure.counters import answer_hash, count, plan, program


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
