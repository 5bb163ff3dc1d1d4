from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_app.sqltext import Piece, ScriptError, pieces

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


def test_a_trigger_stays_whole() -> None:
    assert [piece.sql for piece in pieces(f"{TRIGGER}\nSELECT 1;")] == [TRIGGER, "SELECT 1;"]


def test_a_statement_without_an_end_is_refused() -> None:
    with pytest.raises(ScriptError, match="SELECT 2"):
        list(pieces("SELECT 1; SELECT 2"))


@given(st.lists(st.text(alphabet="ab;'-\n \"[/*").map(lambda text: text.replace("'", "''"))))
def test_strings_never_cut_a_statement(texts: list[str]) -> None:
    statements = [f"INSERT INTO t VALUES ('{text}');" for text in texts]
    assert [piece.sql for piece in pieces("\n".join(statements))] == statements
