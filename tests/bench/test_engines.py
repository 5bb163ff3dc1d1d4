"""The engine protocol: found by a study's name for it, refused where unknown, asked what it can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from bench.analysis.job import check_parts, parts_of
from bench.engines.base import Connection
from bench.engines.registry import engine_of
from bench.engines.sqlite.connection import sqlite_connection
from bench.engines.sqlite.engine import ENGINE, Sqlite
from bench.errors import BenchError
from bench.measure.failures import explained
from bench.study import BUILT_IN, StudyError, load_study
from bench.study.hooks import OperationFailed


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    path = tmp_path / "a.db"
    path.touch()
    with closing(ENGINE.connect(path)) as opened:
        opened.execute("CREATE TABLE t (a)")
        yield opened


def rows(connection: Connection) -> int:
    return ENGINE.row_count(connection, "t")


def test_a_study_is_on_sqlite_unless_it_says_otherwise() -> None:
    assert engine_of(load_study()) is ENGINE


def test_an_unknown_engine_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    text = BUILT_IN.read_text(encoding="utf-8")
    path.write_text(text.replace("[study]\n", '[study]\nengine = "oracle"\n', 1))
    with pytest.raises(StudyError, match=r"needs `engine` to be .*: sqlite, not 'oracle'"):
        load_study(path)


@pytest.mark.parametrize(
    ("part", "capability"),
    [("ablation", "hide_index"), ("statistics", "statistics"), ("cost", "row_bill")],
)
def test_what_an_engine_cannot_do_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, part: str, capability: str
) -> None:
    study = load_study()
    assert part in parts_of(study, of_run=True)
    kept = Sqlite.capabilities - {capability}
    monkeypatch.setattr(Sqlite, "capabilities", kept)
    assert part not in parts_of(study, of_run=True)
    with pytest.raises(BenchError, match=rf"{part}: not measured on this engine \(sqlite\)"):
        check_parts(study, (part,), of_run=True)


def test_a_transaction_is_kept_and_a_rolled_back_one_is_not(connection: Connection) -> None:
    with ENGINE.transaction(connection):
        connection.execute("INSERT INTO t VALUES (1)")
    with ENGINE.rolled_back(connection):
        connection.execute("INSERT INTO t VALUES (2)")
        assert rows(connection) == 2
    assert rows(connection) == 1
    for block in (ENGINE.transaction, ENGINE.rolled_back):
        with pytest.raises(ZeroDivisionError), block(connection):
            connection.execute("INSERT INTO t VALUES (3)")
            raise ZeroDivisionError
        assert rows(connection) == 1
        assert not sqlite_connection(connection).in_transaction


def test_a_failing_statement_and_a_broken_rule_are_said_alike(connection: Connection) -> None:
    def fail(error: bool) -> None:
        if error:
            connection.execute("SELECT missing FROM t")
        raise OperationFailed("sold out")

    for error, why in ((True, "no such column: missing"), (False, "sold out")):
        with (
            pytest.raises(BenchError, match=f"It fails: {why}; check the query") as raised,
            explained(ENGINE, "It fails", "the query"),
        ):
            fail(error)
        assert raised.value.exit_code == 3


def test_another_engines_connection_is_no_sqlite_one() -> None:
    class Other:
        def execute(self, *_: object) -> None:
            pass

        def close(self) -> None:
            pass

    with pytest.raises(TypeError, match="Other is no connection of SQLite"):
        sqlite_connection(cast(Connection, Other()))
