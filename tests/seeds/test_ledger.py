"""The two tables that come with the migration, against brute force."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from reference_app import migrate
from reference_app.database import connect
from seeds import past
from seeds.ledger import NotMigrated, RollupMissing, fill_after_tables
from seeds.load import SeedReport, read_manifest


@pytest.fixture
def migrated(tmp_path: Path, seeded: tuple[Path, SeedReport]) -> Iterator[apsw.Connection]:
    copy = Path(shutil.copy(seeded[0], tmp_path / "copy.db"))
    with contextlib.closing(connect(copy)) as connection:
        migrate.apply(connection, ["0001_baseline", "0002_safe_migration"])
        fill_after_tables(connection, seeded[0])
        yield connection


def test_the_ledger_sums_to_the_stock(migrated: apsw.Connection) -> None:
    wrong = migrated.execute(
        """SELECT p.id FROM products p LEFT JOIN stock_moves m ON m.product_id = p.id
        GROUP BY p.id HAVING p.quantity_available IS NOT sum(m.quantity_change)"""
    ).fetchall()
    assert wrong == []


def test_what_came_in_is_what_the_plan_says(
    migrated: apsw.Connection, seeded: tuple[Path, SeedReport]
) -> None:
    pieces = past.catalogue(read_manifest(seeded[0]).plan()).pieces
    intake = migrated.execute(
        "SELECT product_id, quantity_change FROM stock_moves WHERE reason = 'intake' ORDER BY 1"
    ).fetchall()
    assert intake == [(number + 1, int(count)) for number, count in enumerate(pieces)]


def test_stock_never_falls_below_nothing(migrated: apsw.Connection) -> None:
    below = migrated.execute(
        """SELECT product_id, stock FROM (SELECT product_id, sum(quantity_change) OVER
        (PARTITION BY product_id ORDER BY id) AS stock FROM stock_moves) WHERE stock < 0"""
    ).fetchall()
    assert below == []


def test_every_kind_of_move_is_told_in_time_order(migrated: apsw.Connection) -> None:
    reasons = {row[0] for row in migrated.execute("SELECT DISTINCT reason FROM stock_moves")}
    assert {"intake", "sale", "return", "reservation", "reservation_expired"} == reasons
    times = [row[0] for row in migrated.execute("SELECT created_at FROM stock_moves ORDER BY id")]
    assert times == sorted(times)  # type: ignore[type-var]


def test_the_rollup_is_a_count_of_the_raw_rows(migrated: apsw.Connection) -> None:
    counted = migrated.execute(
        """SELECT substr(timestamp, 1, 10), event_type, count(*), count(DISTINCT session_id),
        count(DISTINCT user_id),
        sum(CASE WHEN event_type = 'purchase' THEN event_data ->> 'total_cents' ELSE 0 END)
        FROM analytics_events GROUP BY 1, 2 ORDER BY 1, 2"""
    ).fetchall()
    daily = migrated.execute(
        """SELECT date, event_type, events, sessions, users, revenue_cents
        FROM analytics_daily ORDER BY 1, 2"""
    ).fetchall()
    assert daily == counted


def test_twice_is_once(migrated: apsw.Connection, seeded: tuple[Path, SeedReport]) -> None:
    before = migrated.execute("SELECT * FROM stock_moves ORDER BY id").fetchall()
    fill_after_tables(migrated, seeded[0])
    assert migrated.execute("SELECT * FROM stock_moves ORDER BY id").fetchall() == before


def test_an_unmigrated_file_is_told(seeded: tuple[Path, SeedReport]) -> None:
    with (
        contextlib.closing(connect(seeded[0])) as connection,
        pytest.raises(NotMigrated, match="migrate first"),
    ):
        fill_after_tables(connection)


def test_a_lost_rollup_is_told(migrated: apsw.Connection) -> None:
    with pytest.raises(RollupMissing, match="put the file back"):
        fill_after_tables(migrated)
