from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.engines.records import Piece, ScriptError
from bench.engines.sqlite.sqltext import describe, pieces

TRIGGER = """CREATE TRIGGER t AFTER INSERT ON a BEGIN
  UPDATE a SET x = ';'; DELETE FROM a WHERE x = 2;
END;"""


def test_comments_stay_with_the_statement_after_them() -> None:
    script = (
        "-- one; two\n\n-- name: x\nSELECT 1;\nSELECT 2 -- tail; of it\n;\n-- the end; really\n"
    )
    assert list(pieces(script)) == [
        Piece(("one; two", "name: x"), "SELECT 1;"),
        Piece((), "SELECT 2 -- tail; of it\n;"),
    ]


SEPARATORS = ["\r\n", "\r", "\f", "\v", "\x85", "\u2028", "\u2029", "\x1c", "\u00a0", "  \n\n"]


@pytest.mark.parametrize("separator", SEPARATORS, ids=ascii)
def test_a_literal_keeps_every_character(separator: str) -> None:
    sql = f"UPDATE t SET a = '{separator}one{separator}two{separator}';"
    assert [piece.sql for piece in pieces(f"-- why\r\n{sql}\r\n{sql}")] == [sql, sql]


@pytest.mark.parametrize(
    ("before", "comments"),
    [
        ("/* Licence:\n-- none. */ ", ()),
        ("/* a */\n-- name: x\n/* b; */ -- y\n", ("name: x", "y")),
        ("\f\r\n-- name: x\r\n", ("name: x",)),
    ],
)
def test_comments_of_either_kind_come_before_a_statement(
    before: str, comments: tuple[str, ...]
) -> None:
    assert list(pieces(f"{before}SELECT 1;")) == [Piece(comments, "SELECT 1;")]


def test_a_script_of_comments_has_no_statement() -> None:
    assert list(pieces("-- one;\n/* two; */ /* without an end")) == []


def test_a_character_that_ends_sql_is_refused() -> None:
    with pytest.raises(ScriptError, match="NUL"):
        list(pieces("SELECT 'a\0b';"))


def test_a_trigger_stays_whole() -> None:
    assert [piece.sql for piece in pieces(f"{TRIGGER}\nSELECT 1;")] == [TRIGGER, "SELECT 1;"]


def test_a_statement_without_an_end_is_refused() -> None:
    with pytest.raises(ScriptError, match="SELECT 2"):
        list(pieces("SELECT 1; SELECT 2"))


@given(st.lists(st.text(alphabet="ab;'-\n \"[/*").map(lambda text: text.replace("'", "''"))))
def test_strings_never_cut_a_statement(texts: list[str]) -> None:
    statements = [f"INSERT INTO t VALUES ('{text}');" for text in texts]
    assert [piece.sql for piece in pieces("\n".join(statements))] == statements


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a);", ("create_index", "i")),
        ('create table "t" (a);', ("create_table", "t")),
        ("CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;", ("create_trigger", "g")),
        ("DROP TABLE IF EXISTS t;", ("drop_table", "t")),
        ("ALTER TABLE t DROP COLUMN a;", ("alter_table", "t")),
        ("INSERT OR IGNORE INTO t VALUES (1);", ("insert", "t")),
        ("UPDATE t SET a = 1;", ("update", "t")),
        ("DELETE FROM t;", ("delete", "t")),
        ("ANALYZE;", ("analyze", "")),
    ],
)
def test_a_statement_says_what_it_is_about(sql: str, expected: tuple[str, str]) -> None:
    assert describe(sql) == expected
