from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import apsw
import pytest

from bench.engines.sqlite.sqltext import describe
from reference_app import database, migrate


def count(connection: apsw.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchall()[0][0])


def indexes(connection: apsw.Connection) -> int:
    return count(connection, "SELECT COUNT(*) FROM sqlite_master WHERE type='index'")


def shop_tables(connection: apsw.Connection) -> int:
    return len(database.tables(connection) - {"schema_migrations"})


@pytest.fixture
def empty(tmp_path: Path) -> apsw.Connection:
    return database.connect(tmp_path / "shop.db", create=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations that a test may edit."""
    return Path(shutil.copytree(migrate.MIGRATIONS, tmp_path / "migrations"))


def test_the_report_counts_of_tables_and_indexes(empty: apsw.Connection) -> None:
    migrate.apply(empty, ["0001_baseline"])
    assert (shop_tables(empty), indexes(empty)) == (18, 41)
    migrate.apply(empty, ["0001_baseline", "0002_safe_migration"])
    assert (shop_tables(empty), indexes(empty)) == (20, 55)


def test_the_three_verification_queries_of_the_report(empty: apsw.Connection) -> None:
    migrate.apply(empty, ["0001_baseline", "0002_safe_migration"])
    names = empty.execute(
        "SELECT name FROM sqlite_master"
        " WHERE type='table' AND name IN ('stock_moves', 'analytics_daily')"
    ).fetchall()
    assert sorted(names) == [("analytics_daily",), ("stock_moves",)]
    assert indexes(empty) == 55
    assert empty.execute("PRAGMA foreign_keys;").fetchall() == [(1,)]


def test_the_reports_fourteen_indexes_in_its_order(empty: apsw.Connection) -> None:
    runs: list[migrate.StatementRun] = []
    migrate.apply(empty, ["0001_baseline", "0002_safe_migration"], observe=runs.append)
    made = [describe(run.sql) for run in runs if run.migration == "0002_safe_migration"]
    assert [name for kind, name in made if kind == "create_table"] == [
        "stock_moves",
        "analytics_daily",
    ]
    assert [name for kind, name in made if kind == "create_index"] == [
        "idx_password_resets_user",
        "idx_products_size",
        "idx_sell_submissions_status",
        "idx_sell_submissions_created",
        "idx_sell_items_submission",
        "idx_analytics_event_type",
        "idx_analytics_timestamp",
        "idx_analytics_user",
        "idx_images_entity",
        "idx_logs_created",
        "idx_stock_moves_product",
        "idx_stock_moves_order",
        "idx_analytics_daily_date",
        "idx_analytics_daily_type",
    ]
    assert all(run.duration_ns > 0 for run in runs)


def test_no_index_of_the_baseline_duplicates_a_new_one(empty: apsw.Connection) -> None:
    migrate.apply(empty, ["0001_baseline", "0002_safe_migration"])
    rows = empty.execute(
        "SELECT tbl_name, (SELECT group_concat(name) FROM pragma_index_info(m.name))"
        " FROM sqlite_master AS m WHERE type = 'index'"
    ).fetchall()
    assert len(set(rows)) == len(rows) == 55


def test_applying_twice_changes_nothing(empty: apsw.Connection) -> None:
    first = migrate.apply(empty, ["0001_baseline"])
    assert [migration.name for migration in first] == ["0001_baseline"]
    assert migrate.apply(empty, ["0001_baseline"]) == ()
    assert [(record.number, record.name) for record in migrate.applied(empty)] == [
        (1, "0001_baseline")
    ]


def test_an_edited_file_that_was_applied_is_refused_by_name(
    empty: apsw.Connection, folder: Path
) -> None:
    migrate.apply(empty, ["0001_baseline"], directory=folder)
    baseline = folder / "0001_baseline.sql"
    baseline.write_text(baseline.read_text() + "\n-- a word more\n")
    for use in (migrate.pending, migrate.apply):
        with pytest.raises(migrate.MigrationEdited, match=r"0001_baseline\.sql was edited"):
            use(empty, ["0001_baseline", "0002_safe_migration"], directory=folder)
    assert shop_tables(empty) == 18


def test_a_record_without_its_file_is_told(empty: apsw.Connection, folder: Path) -> None:
    migrate.apply(empty, ["0001_baseline"], directory=folder)
    (folder / "0001_baseline.sql").unlink()
    with pytest.raises(migrate.MigrationMissing, match="0001_baseline"):
        migrate.pending(empty, directory=folder)


def test_listing_what_is_pending_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "plain.db"
    database.connect(path, create=True).close()
    for names in (None, ["0001_baseline"]):
        before = hashlib.sha256(path.read_bytes()).hexdigest()
        other = database.connect(path, create=True)
        version = other.pragma("data_version")
        connection = database.connect(path, create=True)
        waiting = migrate.pending(connection, names)
        assert [migration.name for migration in waiting][:1] == ["0001_baseline"]
        assert migrate.applied(connection) == ()
        assert connection.total_changes() == 0
        assert other.pragma("data_version") == version
        assert database.tables(other) == frozenset()
        connection.close()
        other.close()
        assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_a_migration_and_its_record_commit_together(empty: apsw.Connection, folder: Path) -> None:
    migrate.apply(empty, ["0001_baseline"], directory=folder)
    (folder / "0009_breaks.sql").write_text(
        "CREATE TABLE made (id INTEGER PRIMARY KEY);\nINSERT INTO users (id) VALUES (1);\n"
    )
    with pytest.raises(migrate.MigrationBroken, match=r"0009_breaks\.sql .*INSERT INTO users"):
        migrate.apply(empty, ["0009_breaks"], directory=folder)
    assert "made" not in database.tables(empty)
    assert [record.number for record in migrate.applied(empty)] == [1]


def test_a_broken_observer_leaves_nothing_either(empty: apsw.Connection) -> None:
    def stop(run: migrate.StatementRun) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate.apply(empty, ["0001_baseline"], observe=stop)
    assert database.tables(empty) == frozenset()


def test_migrations_come_by_ascending_number(empty: apsw.Connection) -> None:
    with pytest.raises(migrate.MigrationOrder, match="0001_baseline"):
        migrate.pending(empty, ["0002_safe_migration", "0001_baseline"])
    migrate.apply(empty, ["0001_baseline", "0003_audit_composites"])
    with pytest.raises(migrate.MigrationOrder, match="0002_safe_migration"):
        migrate.pending(empty, ["0001_baseline", "0002_safe_migration"])


def test_an_unknown_name_is_told_with_the_known_ones(empty: apsw.Connection) -> None:
    with pytest.raises(migrate.MigrationMissing, match="0002_safe_migration"):
        migrate.apply(empty, ["0002_unsafe"])


def test_two_files_of_one_number_are_told(folder: Path) -> None:
    (folder / "0002_again.sql").write_text("SELECT 1;")
    with pytest.raises(migrate.MigrationOrder, match="same number"):
        migrate.available(folder)


def test_a_misnamed_file_is_told(folder: Path) -> None:
    (folder / "4_short.sql").write_text("SELECT 1;")
    with pytest.raises(migrate.MigrationBroken, match=r"Rename 4_short\.sql"):
        migrate.available(folder)
