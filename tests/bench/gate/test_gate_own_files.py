"""What comes from a user's files: held to the copies, read byte for byte, any value on its way."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.engines.sqlite.custom import connect_custom
from bench.engines.sqlite.engine import ENGINE
from bench.engines.sqlite.migration_file import read_migration
from bench.engines.sqlite.values import drain, from_json, to_json, with_bytes
from bench.errors import BenchError
from bench.gate.built_sides import Measurements
from bench.gate.databases import migrated
from bench.gate.exact import observe
from bench.gate.options import GateOptions
from bench.gate.sides import build_sides
from bench.gate.timing import Timings
from bench.gate.verdict_input import judge_sides
from bench.results.gate import ExactComparison, Gate
from bench.study.queries import BadQueries, parse, read_queries


def made(path: Path, script: str) -> Path:
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("synchronous", "off")
        connection.execute(script)
    return path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return made(
        tmp_path / "my.db", "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (2, 'y')"
    )


def file(folder: Path, text: str | bytes, name: str = "file.sql") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def gated(database: Path, queries: str, migration: str = "SELECT 1;") -> Gate:
    folder = database.parent
    options = GateOptions(
        base=str(database), head=folder, work=folder / "work",
        queries=file(folder, queries, "queries.sql"),
        migration=file(folder, migration, "migration.sql"),
    )  # fmt: skip
    with build_sides(options) as built:
        assert built.base is not None
        about, seen = observe([built.base, built.head], built.workload_items, lambda _: None)
        measured = Measurements(about, seen, Timings((), {}, 0), 0.0, (0.0, 0.0, 0.0))
        return judge_sides(built, measured)


def exact(document: Gate, name: str) -> ExactComparison:
    found = next(one.exact for one in document.operations if one.name == name)
    assert found is not None
    return found


# Nothing beyond the copies

BEYOND = {
    "ATTACH 'OTHER' AS other;": "ATTACH",
    "ATTACH 'file:OTHER?mode=rwc' AS other;": "ATTACH",
    "ATTACH (SELECT 'OTHER') AS other;": "ATTACH",
    "CREATE TABLE u (a); ATTACH 'OTHER' AS other; DELETE FROM other.t; DETACH other;": "ATTACH",
    "VACUUM INTO 'OTHER';": "VACUUM INTO",
    "DETACH main;": "DETACH",
    "SELECT load_extension('OTHER');": "load_extension",
    "PRAGMA temp_store_directory = 'FOLDER';": "temp_store_directory",
    "PRAGMA hard_heap_limit = 1000000;": "hard_heap_limit",
}


@pytest.mark.parametrize(("script", "named"), BEYOND.items())
def test_a_migration_that_reaches_beyond_its_copy_is_refused(
    database: Path, tmp_path: Path, script: str, named: str
) -> None:
    other = made(tmp_path / "other.db", "CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    before = other.read_bytes()
    path = file(tmp_path, script.replace("OTHER", str(other)).replace("FOLDER", str(tmp_path)))
    with pytest.raises(BenchError) as raised:
        migrated(database, path)
    assert named in str(raised.value)
    assert str(path) in str(raised.value)
    assert other.read_bytes() == before


def test_what_a_migration_needs_is_allowed(database: Path, tmp_path: Path) -> None:
    script = """
        PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON; PRAGMA user_version = 7;
        BEGIN; CREATE TABLE u (id INTEGER PRIMARY KEY, a); INSERT INTO u (a) SELECT a FROM t;
        DROP TABLE t; ALTER TABLE u RENAME TO t; CREATE INDEX t_a ON t (a); COMMIT;
        CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES ('x');
        CREATE TEMP TABLE w (a); PRAGMA foreign_key_check; VACUUM; ANALYZE; PRAGMA optimize;
        PRAGMA journal_mode = WAL;
    """
    migrated(database, file(tmp_path, script))
    with closing(connect_custom(database)) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("draws", "told"),
    [
        ("SELECT a FROM t; DELETE FROM t", "one SELECT that changes nothing"),
        ("SELECT a FROM t) ; DELETE FROM t; SELECT (1", "syntax error"),
        ("DELETE FROM t RETURNING a", "one SELECT that changes nothing"),
        ("VACUUM INTO 'OTHER'", "one SELECT that changes nothing"),
        ("ATTACH 'OTHER' AS other", "ATTACH"),
        ("PRAGMA query_only = 0", "PRAGMA query_only"),
        ("SELECT load_extension('OTHER') AS a", "load_extension"),
        ("EXPLAIN SELECT 1 AS a", "one SELECT that changes nothing"),
    ],
)
def test_draws_are_one_select(database: Path, tmp_path: Path, draws: str, told: str) -> None:
    other = tmp_path / "other.db"
    queries = f"-- name: q\n-- draws: {draws.replace('OTHER', str(other))}\nSELECT :a FROM t;"
    with pytest.raises(BadQueries) as raised:
        gated(database, queries)
    assert told in str(raised.value)
    assert not other.exists()


def test_an_operation_that_loads_code_is_refused(database: Path) -> None:
    with pytest.raises(BadQueries, match="q has a statement that is not run"):
        gated(database, "-- name: q\nSELECT load_extension('x');")


# Byte for byte


def test_a_migration_stores_its_text_as_it_stands(database: Path, tmp_path: Path) -> None:
    text = "one\r\ntwo\u2028three\x0cfour\x85\r "
    migrated(database, file(tmp_path, f"\ufeff-- why\r\nUPDATE t SET b = '{text}';\r\n"))
    with closing(connect_custom(database)) as connection:
        assert connection.execute("SELECT DISTINCT b FROM t").fetchall() == [(text,)]


@pytest.mark.parametrize(
    "content",
    ["-- é\n".encode("latin-1"), "SELECT 1;".encode("utf-16"), "SELECT 1;".encode("utf-16-le")],
)
@pytest.mark.parametrize("read", [read_migration, partial(read_queries, engine=ENGINE)])
def test_another_encoding_is_told_in_plain_words(
    tmp_path: Path, content: bytes, read: Callable[[Path], object]
) -> None:
    path = file(tmp_path, content)
    with pytest.raises(BenchError) as raised:
        read(path)
    assert str(raised.value).startswith(f"{path} is not UTF-8 text")
    assert "codec" not in str(raised.value)
    assert "save it as UTF-8." in str(raised.value)


@pytest.mark.parametrize(
    ("below", "draws"),
    [
        ("-- The list on the page.", "SELECT id FROM t"),
        ("-- From the customer's page.", "SELECT id FROM t"),
        ("-- WHERE id > 2", "SELECT id FROM t WHERE id > 2"),
        (
            "--   , u\n-- JOIN w USING (id)\n-- Why it is so.\n-- WHERE x",
            "SELECT id FROM t , u JOIN w USING (id)",
        ),
        ("-- why\n-- WHERE id > 2", "SELECT id FROM t"),
    ],
)
def test_comments_below_draws_go_on_where_they_are_sql(below: str, draws: str) -> None:
    [query] = parse(f"-- name: a\n-- draws: SELECT id FROM t\n{below}\nSELECT :id;", ENGINE)
    assert query.parameters_sql == draws


def test_draws_that_are_unfinished_go_on_in_any_words() -> None:
    [query] = parse(
        "-- name: a\n-- draws: SELECT id FROM (SELECT\n-- id FROM t)\nSELECT :id;", ENGINE
    )
    assert query.parameters_sql == "SELECT id FROM (SELECT id FROM t)"


def test_a_comment_below_draws_that_is_broken_sql_is_pointed_at() -> None:
    with pytest.raises(BadQueries, match="'WHERE id = = 2' below `parameters`"):
        parse("-- name: a\n-- draws: SELECT id FROM t\n-- WHERE id = = 2\nSELECT :id;", ENGINE)


def test_an_operation_may_begin_with_comments() -> None:
    script = "\ufeff/* licence\n-- name: not_this */\n-- name: a\n/* app:web */ SELECT/**/1;;"
    [query] = parse(script.removeprefix("\ufeff"), ENGINE)
    assert (query.name, query.statements) == ("a", ("SELECT/**/1;",))


# Tools' markers


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        (
            "-- +goose Up\n-- +goose StatementBegin\nA;\n-- +goose StatementEnd\n"
            "-- +goose Down\nB;",
            ["A;"],
        ),
        ("-- +goose NO TRANSACTION\n-- +goose Up\nA;\nC;\n-- +goose Down\nB;", ["A;", "C;"]),
        ("-- +migrate Up notransaction\nA;\n-- +migrate Down\nB;", ["A;"]),
        ("-- migrate:up transaction:false\nA;\n\n-- migrate:down\nB;", ["A;"]),
        ("-- Up\nA;\n-- Down\nB;", ["A;"]),
        ("-- +goose Down\nB;\n-- +goose Up\nA;", ["A;"]),
    ],
)
def test_only_what_migrates_up_is_run_and_told(
    tmp_path: Path, script: str, statements: list[str]
) -> None:
    found = read_migration(file(tmp_path, script))
    assert list(found.statements) == statements
    assert found.notes[0].endswith("was run, and 1 statement below Down left out.")


@pytest.mark.parametrize(
    "script", ["-- up to the top\nA;\n-- down to earth\nB;", "A;--> statement-breakpoint\nB;"]
)
def test_other_comments_part_nothing(tmp_path: Path, script: str) -> None:
    found = read_migration(file(tmp_path, script))
    assert (found.statements, found.notes) == (("A;", "B;"), ())


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("", "has no statement"),
        ("-- nothing to do\n/* nor here */;", "has no statement"),
        ("-- +goose Up\n-- +goose Down\nB;", "has no statement below"),
        ("-- migrate:down\nB;", "has no statement below"),
        ("C;\n-- +goose Up\nA;", "has a statement before its first marker"),
    ],
)
def test_a_migration_without_a_statement_is_refused(tmp_path: Path, script: str, told: str) -> None:
    with pytest.raises(BenchError, match=told):
        read_migration(file(tmp_path, script))


# Values

VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary()


@given(st.dictionaries(st.from_regex(r"\A\w+\Z"), VALUES))
def test_every_value_comes_out_of_json_as_it_went_in(values: dict[str, Any]) -> None:
    back = json.loads(json.dumps({"p": [values]}, default=to_json), object_hook=from_json)
    assert repr(back) == repr({"p": [values]})


@given(st.lists(st.binary(), min_size=1, max_size=5))
def test_text_that_is_not_utf8_is_read_as_its_bytes(texts: list[bytes]) -> None:
    with closing(apsw.Connection(":memory:")) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
        connection.executemany(
            "INSERT INTO t (a) VALUES (CAST(? AS TEXT))", [(one,) for one in texts]
        )
        drain(connection.execute("SELECT a FROM t"))
        sql = with_bytes(connection, "SELECT a, id, NULL FROM t -- all\n ORDER BY id;")
        assert sql is not None
        assert [row[0] for row in connection.execute(sql)] == texts


def test_keys_that_are_blobs_and_null_are_parameters(tmp_path: Path) -> None:
    script = "CREATE TABLE t (k BLOB, v); INSERT INTO t VALUES (x'00ff', 1), (x'01', 2), (NULL, 3)"
    document = gated(
        made(tmp_path / "my.db", script),
        "-- name: q\n-- draws: SELECT k FROM t\nSELECT v, k FROM t WHERE k IS :k;",
    )
    assert exact(document, "q").answers_equal is True
    assert exact(document, "q").head.rows == 1


INVALID = """
    CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
    INSERT INTO t VALUES (1, CAST(x'61e9' AS TEXT)), (2, 'b'), (3, CAST(x'61ea' AS TEXT));
"""


@pytest.mark.parametrize(
    ("migration", "equal"),
    [
        ("CREATE INDEX i ON t (a);", True),
        ("UPDATE t SET a = CAST(x'61eb' AS TEXT) WHERE id = 1;", False),
    ],
)
def test_answers_of_other_text_than_utf8_are_compared(
    tmp_path: Path, migration: str, equal: bool
) -> None:
    queries = (
        "-- name: q\nSELECT id, a FROM t ORDER BY id;\n-- name: w\nUPDATE t SET a = a RETURNING a;"
    )
    document = gated(made(tmp_path / "my.db", INVALID), queries, migration)
    assert exact(document, "q").answers_equal is equal
    assert exact(document, "w").head.rows == 3


def test_rows_whose_text_is_not_utf8_are_no_parameters(tmp_path: Path) -> None:
    queries = "-- name: q\n-- draws: SELECT a FROM t\nSELECT id FROM t WHERE a = :a;"
    document = gated(made(tmp_path / "my.db", INVALID), queries)
    assert exact(document, "q").head.rows == 1
    made(tmp_path / "my.db", "DELETE FROM t WHERE id = 2")
    with pytest.raises(BadQueries, match="text in UTF-8"):
        gated(tmp_path / "my.db", queries)


# What only the application knows


def test_a_collation_of_the_application_is_stood_in_for(tmp_path: Path) -> None:
    path = tmp_path / "my.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.create_collation("LOCAL", lambda a, b: (a > b) - (a < b))
        connection.execute("CREATE TABLE t (a TEXT COLLATE LOCAL UNIQUE, b)")
        connection.execute("INSERT INTO t VALUES ('x', 1), ('y', 2)")
    queries = (
        "-- name: plain\nSELECT count(b) FROM t WHERE b = 1;\n"
        "-- name: by_a\nSELECT b FROM t WHERE a = 'x';"
    )
    document = gated(path, queries, "CREATE INDEX i ON t (b); ANALYZE;")
    verdicts = {one.name: one for one in document.operations}
    assert exact(document, "plain").answers_equal is True
    assert verdicts["by_a"].verdict == "inconclusive"
    assert "LOCAL" in str(verdicts["by_a"].message)
    assert any("The collation LOCAL is the application's" in note for note in document.notes)
