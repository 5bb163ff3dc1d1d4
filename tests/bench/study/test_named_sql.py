from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from bench.engines.sqlite.connection import connect
from bench.engines.sqlite.engine import ENGINE
from bench.study.hooks import OperationFailed
from bench.study.named_sql import bind
from bench.study.queries import Statement, parse

SCRIPT = """
-- name: lend
-- needs: copies
-- require: 1
UPDATE books SET copies = copies - 1 WHERE id = :book AND copies > 0;
-- require: members
INSERT INTO loans (book, member) SELECT :book, value FROM json_each(:members);
-- needs: ledger
-- needs: we say more of it below
INSERT INTO ledger (book) VALUES (:book);

-- name: ledger_of_book
-- needs: ledger
SELECT * FROM ledger WHERE book = :book;
"""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    path = tmp_path / "library.db"
    with closing(connect(path, create=True)) as opened:
        opened.execute(
            "CREATE TABLE books (id INTEGER PRIMARY KEY, copies INT);"
            "CREATE TABLE loans (book INT, member INT);"
            "CREATE TABLE log (book INT);"
            "CREATE TRIGGER lent AFTER UPDATE ON books BEGIN INSERT INTO log VALUES (new.id); END;"
            "INSERT INTO books VALUES (1, 1), (2, 0)"
        )
        yield opened


def test_needs_and_require_are_of_the_statement_below_them() -> None:
    lend, ledger = parse(SCRIPT.replace("needs: copies", "needs: books.copies"), ENGINE)
    assert [(one.needs, one.require) for one in lend.body] == [
        ("books.copies", 1),
        (None, "members"),
        ("ledger", None),
    ]
    assert lend.needs == frozenset()
    assert ledger.needs == {"ledger"}
    assert len(lend.on({"books.copies"}).statements) == 2


def test_a_bound_operation_leaves_out_what_the_database_has_not(
    connection: apsw.Connection,
) -> None:
    lend, ledger = parse(SCRIPT.replace("needs: copies", "needs: books.copies"), ENGINE)
    parts = ENGINE.parts(connection)
    bound = bind([lend], parts, ENGINE)
    assert len(bound.statements) == 2
    bound.write(connection, {"book": 1, "members": "[7]"})
    assert connection.execute("SELECT member FROM loans").fetchall() == [(7,)]
    with pytest.raises(OperationFailed, match="has no ledger, which ledger_of_book needs"):
        bind([ledger], parts, ENGINE)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"book": 2, "members": "[7]"}, "has to change 1 rows and changed 0: 'UPDATE books"),
        ({"book": 3, "members": "[]"}, "has to change 1 rows and changed 0"),
        ({"book": 1, "members": '{"a": 7}'}, "length of :members, which is no JSON array"),
    ],
)
def test_another_number_of_rows_is_refused_and_nothing_kept(
    connection: apsw.Connection, parameters: dict[str, int | str], said: str
) -> None:
    [lend, _] = parse(SCRIPT.replace("needs: copies", "needs: books.copies"), ENGINE)
    bound = bind([lend], ENGINE.parts(connection), ENGINE)
    with pytest.raises(OperationFailed, match=said):
        bound.write(connection, parameters)
    assert connection.execute("SELECT count(*) FROM loans, log").fetchall() == [(0,)]


def test_order_is_as_the_sql_says_or_as_the_study_does() -> None:
    [lend, ledger] = parse(SCRIPT, ENGINE)
    assert not bind([ledger], {"ledger"}, ENGINE).ordered
    assert bind([ledger], {"ledger"}, ENGINE, ordered=True).ordered
    assert bind([lend], {"ledger"}, ENGINE).body == (
        Statement(lend.body[1].sql, None, "members"),
        Statement(lend.body[2].sql, "ledger"),
    )
