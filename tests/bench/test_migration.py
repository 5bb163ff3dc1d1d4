"""A database is brought to exactly the state of an arm, whatever state it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from bench.engines.sqlite.statistics import capture, present
from bench.errors import BenchError
from bench.resale import migrating
from bench.study import Study, load_study
from reference_app import migrate
from reference_app.database import connect, tables
from seeds import ledger

MIGRATIONS = list(load_study().arm("recommended").migrations[1:])


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with closing(connect(path, create=True)) as connection:
        migrate.apply(connection, ["0001_baseline"])
        connection.executemany(
            "INSERT INTO system_logs (level, category, message) VALUES ('info', 'x', ?)",
            [(f"message {n}",) for n in range(200)],
        )
    return path


def fill(connection: apsw.Connection) -> None:
    connection.execute(
        "INSERT INTO analytics_daily (date, event_type, events, sessions, users) "
        "VALUES ('2025-10-01', 'view', 1, 1, 1)"
    )


def state(path: Path) -> tuple[list[str], bool, list[str]]:
    """Migrations, whether the planner has statistics, and the statistics tables."""
    with closing(connect(path, query_only=True)) as connection:
        names = [entry.name for entry in migrate.applied(connection)]
        return names, bool(capture(connection).rows), present(connection)


def names_of(steps: list[migrating.Step]) -> list[str]:
    return [step.name for step in steps]


def test_statistics_are_gathered_once_and_dropped_where_the_arm_has_none(
    study: Study, database: Path
) -> None:
    after, analysed = study.arm("after"), study.arm("after_analyzed")
    assert migrating.pending(database, analysed) == ["0002_safe_migration", "ANALYZE"]
    assert names_of(migrating.bring_to(database, analysed))[-1] == "ANALYZE"
    assert state(database)[1]
    assert migrating.pending(database, analysed) == []
    assert migrating.bring_to(database, analysed) == []

    drops = ["DROP TABLE sqlite_stat1", "DROP TABLE sqlite_stat4"]
    assert migrating.pending(database, after) == drops
    assert names_of(migrating.bring_to(database, after)) == drops
    assert state(database) == (list(after.migrations), False, [])
    assert migrating.pending(database, after) == []
    assert migrating.pending(database, analysed) == ["ANALYZE"]


def test_statistics_from_before_a_migration_are_gathered_again(
    study: Study, database: Path
) -> None:
    with closing(connect(database)) as connection:
        connection.execute("ANALYZE")
    recommended = study.arm("recommended")
    assert migrating.pending(database, recommended) == [*MIGRATIONS, *recommended.statistics]
    migrating.bring_to(database, recommended)
    with closing(connect(database, query_only=True)) as connection:
        told = connection.execute("SELECT idx FROM sqlite_stat1 WHERE tbl = 'system_logs'")
        assert ("idx_logs_created",) in told.fetchall()


def test_samples_gathered_since_are_taken_out_again(study: Study, database: Path) -> None:
    recommended = study.arm("recommended")
    migrating.bring_to(database, recommended, fill=fill)
    assert migrating.pending(database, recommended) == []
    with closing(connect(database)) as connection:
        connection.execute("ANALYZE")
    assert migrating.pending(database, recommended) == [*recommended.statistics]
    migrating.bring_to(database, recommended)
    assert migrating.pending(database, recommended) == []


def test_listing_writes_nothing(study: Study, database: Path) -> None:
    before = database.read_bytes()
    for name in ("before", "after", "recommended"):
        migrating.pending(database, study.arm(name), fill=fill)
    assert database.read_bytes() == before


def test_new_tables_are_filled_once_and_where_they_are_empty(study: Study, database: Path) -> None:
    after = study.arm("after")
    assert migrating.pending(database, after, fill=fill) == ["0002_safe_migration"]
    migrating.bring_to(database, after)
    assert migrating.empty_tables(database) == ("stock_moves", "analytics_daily")
    assert migrating.pending(database, after) == []
    assert migrating.pending(database, after, fill=fill) == [migrating.FILL]
    steps = migrating.bring_to(database, after, fill=fill)
    assert names_of(steps) == [migrating.FILL]
    assert steps[0].duration_ns > 0
    assert migrating.empty_tables(database) == ("stock_moves",)
    assert migrating.bring_to(database, after, fill=fill) == []


def test_a_baseline_has_nothing_to_fill(study: Study, database: Path) -> None:
    def never(connection: apsw.Connection) -> None:
        raise AssertionError

    assert migrating.bring_to(database, study.arm("before"), fill=never) == []
    assert migrating.empty_tables(database) == ()


def test_rows_come_before_statistics(study: Study, database: Path) -> None:
    steps = migrating.bring_to(database, study.arm("recommended"), fill=fill)
    names = names_of(steps)
    # At once: a later migration may put rows of its own into the new tables.
    assert names.index(migrating.FILL) == names.index("create_index idx_analytics_daily_type") + 1
    assert names[-2:] == ["ANALYZE", "DELETE FROM sqlite_stat4"]
    with closing(connect(database, query_only=True)) as connection:
        told = connection.execute("SELECT 1 FROM sqlite_stat1 WHERE tbl = 'analytics_daily'")
        assert told.fetchall()


def test_a_seeded_shop_gets_its_ledger_and_rollup(study: Study, shop: Path) -> None:
    assert ledger.can_fill(shop)
    migrating.bring_to(shop, study.arm("after"), fill=ledger.fill_after_tables)
    with closing(connect(shop, query_only=True)) as connection:
        counted, events = (
            connection.execute(sql).fetchall()
            for sql in (
                "SELECT sum(events) FROM analytics_daily",
                "SELECT count(*) FROM analytics_events",
            )
        )
        assert counted == events
        wrong = connection.execute(
            "SELECT p.id FROM products p LEFT JOIN stock_moves m ON m.product_id = p.id "
            "GROUP BY p.id HAVING p.quantity_available IS NOT sum(m.quantity_change)"
        )
        assert wrong.fetchall() == []
    for path in (shop.with_name("shop.db.manifest.json"), shop.with_name("shop.db.rollup.parquet")):
        path.rename(f"{path}.away")
        assert not ledger.can_fill(shop)
        Path(f"{path}.away").rename(path)


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "foreign.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY); ANALYZE")
        yield path


def test_a_database_of_others_is_refused_and_stays(study: Study, foreign: Path) -> None:
    before = foreign.read_bytes()
    for name in ("before", "recommended"):
        with pytest.raises(BenchError, match="not a database of this shop"):
            migrating.bring_to(foreign, study.arm(name), fill=fill)
    assert foreign.read_bytes() == before


def test_a_database_beyond_the_arm_is_refused(study: Study, database: Path) -> None:
    migrating.bring_to(database, study.arm("after"))
    with pytest.raises(BenchError, match="already has 0002_safe_migration"):
        migrating.bring_to(database, study.arm("before"))
    with closing(connect(database, query_only=True)) as connection:
        assert "stock_moves" in tables(connection)
