from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.engines.sqlite.ordering import keyed_statement
from bench.gate.worker.answers import Answers
from bench.gate.worker.custom_database import CustomDatabaseAdapter
from bench.judge.gate_answers import Answer, answer_from, difference, literal, parameters_text
from bench.judge.gate_exact import judge_exact
from bench.judge.gate_seen import Schema, Seen
from bench.study.gate_limits import Limits

ROWS = ((1, "a", 5), (2, "b", 5), (3, "C", 5), (4, "c", 4), (5, "d", 1))


def answer_of(folder: Path, sql: str, script: str = "", **values: Any) -> Answer:
    """What a side of these rows answers, on its way over JSON, after a script."""
    database = folder / f"{len(list(folder.iterdir()))}.db"
    with closing(sqlite3.connect(database)) as made:
        made.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, n INT)")
        made.executemany("INSERT INTO t VALUES(?,?,?)", ROWS)
        made.executescript(script)
    queries = database.with_suffix(".json")
    operation = {"statements": [sql], "require": [None], "ordered": "ORDER BY" in sql}
    queries.write_text(json.dumps({"foreign_keys": True, "operations": {"some": operation}}))
    found = Answers(CustomDatabaseAdapter(database, queries)).answer("some", values, None, 60.0)
    assert found is not None
    return answer_from(json.loads(json.dumps(found)))


BY_N = "SELECT id FROM t ORDER BY n DESC LIMIT 2;"
BACKWARDS = "CREATE INDEX t_n ON t(n, id);"


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        (BY_N, "ties"),
        ("SELECT id, n AS much FROM t /* x, y */ ORDER BY much DESC NULLS LAST LIMIT 2", "ties"),
        ("WITH u AS (SELECT * FROM t) SELECT id, n FROM u ORDER BY 2 DESC LIMIT 2", "ties"),
        ("SELECT id FROM t WHERE n >= :n ORDER BY t.n DESC LIMIT :n OFFSET 1", "ties"),
        # A key that is not known decides nothing.
        ("SELECT DISTINCT id FROM t ORDER BY n DESC LIMIT 2", "values"),
    ],
)
def test_ties_that_a_limit_cuts_are_told_by_the_sort_key(
    tmp_path: Path, sql: str, kind: str
) -> None:
    base = answer_of(tmp_path, sql, n=2)
    head = replace(answer_of(tmp_path, sql, BACKWARDS, n=2), rows=((99, 5), (98, 5)))
    assert difference(base, head).kind == kind


def test_texts_tie_by_their_collation(tmp_path: Path) -> None:
    sql = "SELECT id FROM t WHERE n > 3 ORDER BY name LIMIT 3"
    base = answer_of(tmp_path, sql)
    head = answer_of(tmp_path, sql, "UPDATE t SET name = upper(name);")
    exact = answer_of(tmp_path, sql.replace("name", "name COLLATE BINARY"))
    assert base.groups is not None
    assert base.groups == head.groups
    assert len(base.groups) == 3
    assert exact.groups is not None
    assert exact.groups != base.groups


@pytest.mark.parametrize(
    "script",
    [
        # The last of these goes from the tie beyond the LIMIT.
        "UPDATE t SET n = 4 WHERE id = 3;",
        "UPDATE t SET n = 6 WHERE id = 2;",
        "DELETE FROM t WHERE id = 1;",
    ],
)
def test_other_rows_are_no_ties(tmp_path: Path, script: str) -> None:
    found = difference(answer_of(tmp_path, BY_N), answer_of(tmp_path, BY_N, script))
    assert found.kind != "ties"


@pytest.mark.parametrize(
    ("sql", "script", "kind", "told", "first"),
    [
        (
            "SELECT * FROM t ORDER BY id", "ALTER TABLE t ADD COLUMN note TEXT;", "columns",
            "the head has note more",
            ("id 1, name 'a', n 5", "id 1, name 'a', n 5, note NULL"),
        ),
        (
            "SELECT * FROM t", "ALTER TABLE t DROP COLUMN n;", "columns", "the head lacks n",
            ("id 1, name 'a', n 5", "id 1, name 'a'"),
        ),
        (
            "SELECT id, x FROM u ORDER BY id", "DROP TABLE u; CREATE TABLE u(id INT, x TEXT);"
            "INSERT INTO u VALUES(1, '7'), (2, '7.0');", "types", "1 and '1'",
            ("id 1, x 7", "id 1, x '7'"),
        ),
        (
            "SELECT name FROM t ORDER BY id", "UPDATE t SET name = 'it''s' || char(10) "
            "WHERE id = 3;", "values", "as many rows (5)", ("name 'C'", "name 'it''s\n'"),
        ),
        (
            "SELECT id FROM t", "DELETE FROM t WHERE id = 2;", "values", "4 rows instead of 5",
            ("id 2", None),
        ),
        (
            "SELECT name FROM t ORDER BY n", "UPDATE t SET n = 9 - n;", "order",
            "only in the order", ("name 'd'", "name 'a'"),
        ),
    ],
    ids=["column-more", "column-less", "types", "values", "rows", "order"],
)  # fmt: skip
def test_what_differs_is_told_with_the_first_rows(
    tmp_path: Path, sql: str, script: str, kind: str, told: str, first: tuple[str, str | None]
) -> None:
    before = "CREATE TABLE u(id INT, x INT); INSERT INTO u VALUES(1, 7), (2, 7);"
    base, head = answer_of(tmp_path, sql, before), answer_of(tmp_path, sql, before + script)
    found = difference(base, head)
    assert found.kind == kind
    assert told in found.told
    assert (found.rows[0].base, found.rows[0].head) == first
    assert len(found.rows) <= 3


def test_long_answers_and_values_are_bounded_and_stay_unlike(tmp_path: Path) -> None:
    sql = (
        "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1500) "
        "SELECT i, printf('%.*c', 1000, 'x') || {} FROM c ORDER BY i"
    )
    base, head = answer_of(tmp_path, sql.format(1)), answer_of(tmp_path, sql.format(2))
    assert len(json.dumps(base.rows)) < 400_000
    found = difference(base, head)
    assert found.kind == "values"
    assert len(str(found.json_values())) < 1_000


def test_an_answer_that_cannot_be_had_is_none_and_ends_nothing(tmp_path: Path) -> None:
    queries = tmp_path / "q.json"
    endless = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT max(i) FROM c"
    operations = {
        name: {"statements": [sql], "require": [None], "ordered": False}
        for name, sql in (("absent", "SELECT * FROM absent"), ("endless", endless))
    }
    queries.write_text(json.dumps({"foreign_keys": True, "operations": operations}))
    with closing(sqlite3.connect(tmp_path / "t.db")) as made:
        made.execute("CREATE TABLE t(id)")
    answers = Answers(CustomDatabaseAdapter(tmp_path / "t.db", queries))
    assert answers.answer("absent", {}, None, 60.0) is None
    assert answers.answer("endless", {}, None, 0.05) is None


def test_bodies_are_shown_from_where_they_begin_to_differ() -> None:
    base = Answer(body='{"items": [' + "1, " * 100 + '2], "next": null}')
    head = Answer(body='{"items": [' + "1, " * 100 + '3], "next": null}')
    found = difference(base, head)
    assert "from character 312 on" in found.told
    assert '2], "next"' in str(found.rows[0].base)
    assert '3], "next"' in str(found.rows[0].head)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM t UNION SELECT 2 FROM t ORDER BY 1",
        "SELECT id FROM t",
        "SELECT 1 ORDER BY 1",
        "SELECT row_number() OVER (ORDER BY id) FROM t",
        "SELECT lower(name) AS name FROM t ORDER BY name || 'x'",
        "SELECT *, id AS d FROM t ORDER BY d",
    ],
)
def test_a_sort_key_is_not_guessed(sql: str) -> None:
    assert keyed_statement(sql) is None


def test_values_are_written_as_sql_has_them() -> None:
    values = {"a": 5, "b": "it's", "c": b"\0", "d": None, "e": 1.0, "f": "x" * 900}
    told = parameters_text(values)
    assert told.startswith("a = 5, b = 'it''s', c = x'00', d = NULL, e = 1.0, f = 'xxx")
    assert len(told) < 120
    assert literal(10**18) == "1000000000000000000"


def seen(answer: str, *, driver: Any = "sql", **more: Any) -> Seen:
    texts = {"SELECT id FROM t": 1}
    return Seen(driver, 0, 100, 0, 1, 0, 2, 1, answer, ("SCAN t",), texts=texts, **more)


def test_a_route_over_rows_that_tie_is_inconclusive_as_its_sql_is() -> None:
    schemas = (Schema({}, analysed=False), Schema({}, analysed=False))
    tied = [Answer(("id",), ((at,),), 1, groups=("5",)) for at in (1, 2)]
    base = [seen("a", given=tied[0]), seen("x", driver="http", given=Answer(body="1"))]
    head = [seen("b", given=tied[1]), seen("y", driver="http", given=Answer(body="2"))]
    found = judge_exact(base, head, Limits(), schemas)
    assert found is not None
    assert found.verdict == "inconclusive"
    assert "unique last key" in str(found.message)
    # By another order of the sort keys no rows tie, though the same ones came.
    other = [replace(head[0], given=replace(tied[1], groups=("6",)), bag="s"), head[1]]
    found = judge_exact([replace(base[0], bag="s"), base[1]], other, Limits(), schemas)
    assert found is not None
    assert found.verdict == "regression"
