from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from reference_app import database, migrate
from tests.files_in_use import FRAMELESS, WHOLE, content, in_state


def test_every_connection_has_its_pragmas(shop_before: Path) -> None:
    for query_only in (False, True):
        connection = database.connect(shop_before, query_only=query_only)
        assert connection.pragma("foreign_keys") == 1
        assert connection.pragma("journal_mode") == "wal"
        assert connection.pragma("synchronous") == 1
        assert connection.pragma("query_only") == int(query_only)
        connection.close()


def test_a_broken_reference_is_refused(shop: apsw.Connection) -> None:
    with pytest.raises(apsw.ConstraintError, match="FOREIGN KEY"):
        shop.execute("INSERT INTO sessions (token_hash, user_id, expires_at) VALUES ('t', 99, 'x')")


def test_a_query_only_connection_writes_nothing(shop_before: Path) -> None:
    connection = database.connect(shop_before, query_only=True)
    with pytest.raises(apsw.ReadOnlyError):
        connection.execute("DELETE FROM images")
    connection.close()


def test_a_missing_file_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(database.DatabaseMissing, match="There is no database"):
        database.connect(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_another_kind_of_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database at all, only words. " * 100)
    with pytest.raises(database.NotADatabase, match="not a SQLite database"):
        database.connect(path)


@pytest.mark.parametrize("state", FRAMELESS)
def test_a_killed_server_starts_again_whatever_its_log_lacks(shop_before: Path, state: str) -> None:
    with in_state(shop_before, state):
        connection = database.connect(shop_before)
        assert connection.pragma("user_version") == WHOLE
        connection.close()


def test_a_log_that_sqlite_gives_up_on_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(database.DatabaseBusy, match="stop the other processes"),
        database.in_sentences(tmp_path),
    ):
        raise apsw.ProtocolError("locking protocol")


FOREIGN = {
    "no tables": "SELECT 1",
    "a table": "CREATE TABLE notes (id INTEGER PRIMARY KEY)",
    "a record of another shape": "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY)",
}


@pytest.mark.parametrize("state", ["clean", "rollback mode", "unflushed log", "written"])
@pytest.mark.parametrize("schema", FOREIGN)
def test_a_foreign_file_is_refused_and_stays_as_it_is(
    tmp_path: Path, schema: str, state: str
) -> None:
    path = tmp_path / "foreign.db"
    foreign = apsw.Connection(str(path))
    foreign.execute(FOREIGN[schema])
    foreign.close()
    with in_state(path, state):
        before = content(tmp_path)
        for query_only in (False, True):
            with pytest.raises(database.NotOurSchema, match="is not one of this shop"):
                database.connect(path, query_only=query_only)
        if schema != "no tables":
            with pytest.raises(database.NotOurSchema, match="is not one of this shop"):
                database.connect(path, create=True)
        assert content(tmp_path) == before


def test_an_empty_file_is_refused_and_stays_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    before = content(tmp_path)
    for query_only in (False, True):
        with pytest.raises(database.NotADatabase, match="is empty"):
            database.connect(path, query_only=query_only)
    assert content(tmp_path) == before


def test_a_file_of_ours_is_put_into_wal_mode_by_its_first_writer(shop_before: Path) -> None:
    foreign = apsw.Connection(str(shop_before))
    foreign.pragma("journal_mode", "delete")
    foreign.close()
    before = content(shop_before.parent)
    database.connect(shop_before, query_only=True).close()
    assert content(shop_before.parent) == before
    writer = database.connect(shop_before)
    assert writer.pragma("journal_mode") == "wal"
    writer.close()


def test_a_database_in_the_making_is_ours_to_others(tmp_path: Path) -> None:
    """Its tables may still stand in the log only."""
    path = tmp_path / "new.db"
    first = database.connect(path, create=True)
    migrate.apply(first, ["0001_baseline"])
    assert database.has_log(path)
    second = database.connect(path)
    second.execute("INSERT INTO system_logs (level, category, message) VALUES ('info', 'a', 'b')")
    second.close()
    first.close()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(database.NotADatabase, match="cannot be opened"):
        database.connect(tmp_path / "no" / "folder.db", create=True)


def test_a_transaction_is_all_or_nothing(shop: apsw.Connection) -> None:
    def logs() -> int:
        return int(shop.execute("SELECT count(*) FROM system_logs").fetchall()[0][0])

    insert = "INSERT INTO system_logs (level, category, message) VALUES ('info', 'a', 'b')"
    with database.transaction(shop):
        shop.execute(insert)
    assert logs() == 4
    with pytest.raises(apsw.ConstraintError), database.transaction(shop):
        shop.execute(insert + "; INSERT INTO users (id) VALUES (1)")
    assert logs() == 4
    assert not shop.in_transaction


def test_a_second_writer_is_told_that_the_database_is_busy(shop_before: Path) -> None:
    first = database.connect(shop_before)
    second = database.connect(shop_before, busy_timeout_ms=1)
    with (
        database.transaction(first),
        pytest.raises(database.DatabaseBusy, match="try again"),
        database.transaction(second),
    ):
        pass
    first.close()
    second.close()


def test_tables_are_those_of_the_schema(shop_before: Path, shop: apsw.Connection) -> None:
    before = database.connect(shop_before)
    assert database.tables(shop) - database.tables(before) == {"stock_moves", "analytics_daily"}
    before.close()


def test_plans_are_kept_stable_unless_the_planner_has_samples_of_values(shop_after: Path) -> None:
    def plans_anew() -> bool:
        connection = database.connect(shop_after)
        stable = connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, -1)
        connection.close()
        return not stable

    assert not plans_anew()
    connection = database.connect(shop_after)
    connection.execute("ANALYZE")
    connection.close()
    assert plans_anew()
    connection = database.connect(shop_after)
    connection.execute("DELETE FROM sqlite_stat4")
    connection.close()
    assert not plans_anew()
