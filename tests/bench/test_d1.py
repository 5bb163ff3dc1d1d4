"""Rows read and written are those that D1's own SQLite counts.

The expected numbers of the hand-made table were answered by workerd 1.20261117.1, D1's engine
(rowsRead and rowsWritten of a SQLite-backed Durable Object), for the very same statements.
"""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.engines.records import NotCountable
from bench.engines.sqlite.program_edges import Instruction, NoPath
from bench.engines.sqlite.program_flow import Seen, rows_read_bounds
from bench.engines.sqlite.row_bounds import condition_alone, rows_read
from bench.engines.sqlite.row_counts import rows_written
from bench.engines.sqlite.schema import condition_of


@pytest.fixture
def table() -> Iterator[apsw.Connection]:
    connection = hand_made(100)
    yield connection
    connection.close()


def hand_made(rows: int) -> apsw.Connection:
    """Column a is the last digit of the row's number, b the number."""
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)")
    connection.executemany(
        "INSERT INTO t (a, b) VALUES (?, ?)", ((n % 10, n) for n in range(1, rows + 1))
    )
    connection.execute("CREATE INDEX i ON t (a)")
    connection.execute("CREATE INDEX ip ON t (b) WHERE a = 3")
    return connection


def read(connection: apsw.Connection, sql: str) -> tuple[int, int]:
    found = rows_read(connection, lambda: connection.execute(sql).fetchall(), {})
    return found.low, found.high


def written(connection: apsw.Connection, sql: str) -> int:
    return rows_written(connection, lambda: connection.execute(sql), {}).rows_written


@pytest.mark.parametrize(
    ("sql", "counted"),
    [
        ("SELECT * FROM t", 100),
        ("SELECT count(*) FROM t", 100),
        ("SELECT * FROM t WHERE a = 3", 11),
        ("SELECT a FROM t WHERE a = 3", 11),
        ("SELECT * FROM t WHERE a = 3 LIMIT 4", 4),
        ("SELECT * FROM t WHERE id = 5", 1),
        ("SELECT a, count(*) FROM t GROUP BY a", 100),
        ("SELECT b, count(*) FROM t GROUP BY b", 200),
        ("SELECT * FROM t WHERE a = 3 ORDER BY b + 0 LIMIT 5", 21),
        ("SELECT * FROM t ORDER BY b LIMIT 5", 200),
        ("SELECT count(DISTINCT b) FROM t WHERE a = 4", 11),
    ],
)
def test_rows_read_are_those_of_d1(table: apsw.Connection, sql: str, counted: int) -> None:
    low, high = read(table, sql)
    assert low <= counted <= high
    assert high - low <= 2


@given(rows=st.integers(1, 60), kept=st.integers(0, 60))
def test_a_scan_reads_every_row_and_a_filter_saves_none(rows: int, kept: int) -> None:
    connection = hand_made(rows)
    assert read(connection, "SELECT * FROM t NOT INDEXED") == (rows, rows)
    assert read(connection, f"SELECT * FROM t NOT INDEXED WHERE b <= {kept}") == (rows, rows)
    connection.close()


@given(rows=st.integers(10, 80), digit=st.integers(0, 9), limit=st.integers(1, 9))
def test_a_search_reads_its_entries_and_stops_at_its_limit(
    rows: int, digit: int, limit: int
) -> None:
    connection = hand_made(rows)
    entries = sum(n % 10 == digit for n in range(1, rows + 1))
    low, high = read(connection, f"SELECT * FROM t INDEXED BY i WHERE a = {digit}")
    # The entry after the last one that is equal is looked at as well, where there is one.
    assert low <= entries + (digit < 9) <= high <= low + 1
    if entries > limit:
        sql = f"SELECT * FROM t INDEXED BY i WHERE a = {digit} LIMIT {limit}"
        assert read(connection, sql) == (limit, limit)
    connection.close()


@pytest.mark.parametrize(
    ("sql", "counted"),
    [
        ("INSERT INTO t (a, b) VALUES (4, 1)", 2),
        ("INSERT INTO t (a, b) VALUES (3, 1)", 3),
        ("INSERT INTO t (a, b) VALUES (3, 1), (4, 2), (3, 3)", 8),
        ("UPDATE t SET b = 1 WHERE a = 3", 20),
        ("UPDATE t SET b = 1 WHERE a = 4", 10),
        ("UPDATE t SET a = a WHERE a = 3", 30),
        ("UPDATE t SET a = 4 WHERE a = 3", 20),
        ("DELETE FROM t WHERE a = 3", 10),
    ],
)
def test_rows_written_are_those_of_d1(table: apsw.Connection, sql: str, counted: int) -> None:
    assert written(table, sql) == counted


def test_what_was_counted_is_rolled_back(table: apsw.Connection) -> None:
    before = table.execute("SELECT * FROM t").fetchall()
    written(table, "UPDATE t SET b = 0")
    assert table.execute("SELECT * FROM t").fetchall() == before
    assert not table.in_transaction
    # Nothing watches any longer.
    table.execute("INSERT INTO t (a, b) VALUES (1, 1)")


def test_entries_are_told_by_index(table: apsw.Connection) -> None:
    found = rows_written(
        table, lambda: table.execute("INSERT INTO t (a, b) VALUES (3, 1), (5, 2)"), {}
    )
    assert (found.rows, found.entries) == ({"t": 2}, {"i": 2, "ip": 1})


def test_a_write_that_fails_is_rolled_back_and_told(table: apsw.Connection) -> None:
    with pytest.raises(apsw.ConstraintError):
        written(table, "INSERT INTO t (id, a) VALUES (1, 1)")
    assert not table.in_transaction


def test_rows_written_by_a_trigger_are_counted(table: apsw.Connection) -> None:
    table.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, what)")
    table.execute("CREATE INDEX of_what ON log (what)")
    table.execute(
        "CREATE TRIGGER told AFTER INSERT ON t BEGIN INSERT INTO log (what) VALUES (new.a); END"
    )
    assert written(table, "INSERT INTO t (a, b) VALUES (4, 1)") == 4


def test_the_condition_of_a_partial_index_is_read(table: apsw.Connection) -> None:
    assert condition_of(table, "ip") == "a = 3"
    assert condition_of(table, "i") is None


@pytest.mark.parametrize(
    ("sql", "bare"),
    [
        (
            "SELECT a, count(*) FROM t WHERE b = 'x ORDER BY' GROUP BY a ORDER BY 2 LIMIT 3;",
            "FROM t WHERE b = 'x ORDER BY'",
        ),
        (
            "SELECT (SELECT max(a) FROM t GROUP BY b) FROM t -- FROM here\nLIMIT 2",
            "FROM t",
        ),
    ],
)
def test_the_condition_alone_keeps_what_is_read(sql: str, bare: str) -> None:
    found = condition_alone(sql)
    assert found is not None
    assert found.removeprefix("SELECT 1 ").strip() == bare


def test_a_union_has_no_condition_alone() -> None:
    assert condition_alone("SELECT a FROM t UNION SELECT b FROM t") is None


def test_an_unknown_way_is_refused() -> None:
    program = (Instruction(0, "Program", 0, 0, 0, 0), Instruction(1, "Halt", 0, 0, 0, 0))
    with pytest.raises(NoPath, match="Program"):
        rows_read_bounds(program, Seen(2, 0, 0, 0))


def test_counters_that_fit_no_way_are_refused() -> None:
    program = (Instruction(0, "Init", 0, 1, 0, 0), Instruction(1, "Halt", 0, 0, 0, 0))
    assert rows_read_bounds(program, Seen(2, 0, 0, 0)) == (0, 0)
    with pytest.raises(NoPath, match="fits"):
        rows_read_bounds(program, Seen(3, 0, 0, 0))


def test_a_read_with_a_trigger_is_refused(table: apsw.Connection) -> None:
    table.execute("CREATE TRIGGER told AFTER INSERT ON t BEGIN DELETE FROM t WHERE id = 1; END")
    with pytest.raises(NotCountable):
        read(table, "INSERT INTO t (a, b) VALUES (4, 1)")
