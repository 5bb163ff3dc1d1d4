"""Two databases after the same writes: alike, or in which table they differ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import apsw
import pytest

from bench.engines.sqlite.state_digest import TouchedRows, difference, equal_tables

SCHEMA = """
CREATE TABLE "order" (id INTEGER PRIMARY KEY, "group" TEXT, "a.b" INT, rowid TEXT);
INSERT INTO "order" VALUES (1, 'x', 1, 'r'), (2, 'y', 2, 's');
CREATE TABLE tally (n INT);
INSERT INTO tally VALUES (0);
CREATE TABLE tags (name TEXT PRIMARY KEY, uses INT) WITHOUT ROWID;
INSERT INTO tags VALUES ('a', 1);
"""
TRIGGER = """
CREATE TRIGGER counts AFTER UPDATE ON "order" BEGIN UPDATE tally SET n = n + 1; END;
"""
UPDATE = 'UPDATE "order" SET "group" = \'z\' WHERE id = 1'


@pytest.fixture
def two() -> Iterator[tuple[apsw.Connection, apsw.Connection]]:
    with closing(apsw.Connection("")) as one, closing(apsw.Connection("")) as other:
        for connection in (one, other):
            connection.execute(SCHEMA)
        yield one, other


def after(two: tuple[apsw.Connection, apsw.Connection], sql: str, other: str = "") -> str | None:
    before = equal_tables(two)
    touched = [TouchedRows(connection) for connection in two]
    two[0].execute(sql)
    two[1].execute(other or sql)
    return difference(two, [one.rows for one in touched], before)


@pytest.mark.parametrize(
    "sql",
    [UPDATE, 'DELETE FROM "order"', "INSERT INTO tags VALUES ('b', 2)", "UPDATE tally SET n = 3"],
)
def test_equal_writes_leave_equal_states(
    two: tuple[apsw.Connection, apsw.Connection], sql: str
) -> None:
    assert after(two, sql) is None


@pytest.mark.parametrize(
    ("sql", "other", "table"),
    [
        (UPDATE, UPDATE.replace("'z'", "'w'"), "order"),
        ('DELETE FROM "order" WHERE id = 2', "SELECT 1", "order"),
        ("UPDATE tags SET uses = 2", "UPDATE tags SET uses = 3", "tags"),
        ("UPDATE tally SET n = 1", "UPDATE tally SET n = 2", "tally"),
    ],
)
def test_what_differs_is_named(
    two: tuple[apsw.Connection, apsw.Connection], sql: str, other: str, table: str
) -> None:
    assert after(two, sql, other) == f"the arms are no longer in the same state ({table})"


def test_what_a_trigger_changes_counts_where_only_one_side_has_it(
    two: tuple[apsw.Connection, apsw.Connection],
) -> None:
    two[0].execute(TRIGGER)
    assert after(two, UPDATE) == "the arms are no longer in the same state (tally)"
