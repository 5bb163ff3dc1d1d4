"""The SQLite side of loading: what is switched off while loading is proved afterwards."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from seeds import files
from seeds.checks import BrokenRules

OFFER = (
    "INSERT INTO customer_offers (product_id, user_id, amount_cents, status) VALUES (?, ?, 1, ?)"
)
USER = (
    "INSERT INTO users (id, email, password_hash, first_name, last_name, role)"
    " VALUES (1, 'a', 'b', 'c', 'd', ?)"
)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    files.create_tables(path)
    return path


def test_a_row_that_refers_to_nothing_is_found(empty: Path) -> None:
    with files.open_for_loading(empty) as connection:
        connection.execute(OFFER, (7, 8, "open"))
    with pytest.raises(BrokenRules, match="customer_offers refers to"):
        files.check_references(empty)


def test_a_row_that_breaks_a_check_is_found(empty: Path) -> None:
    with files.open_for_loading(empty) as connection:
        connection.execute(USER, ("king",))
    with pytest.raises(BrokenRules, match="CHECK constraint failed in users"):
        files.check_constraints(empty, ("users",))


def test_right_rows_pass_and_merge_with_their_indexes(empty: Path, tmp_path: Path) -> None:
    side = tmp_path / "side.db"
    files.create_tables(side)
    with files.open_for_loading(side) as connection:
        connection.execute(USER, ("admin",))
    files.create_indexes(side, ("users",))
    merged: list[int] = []
    files.merge(empty, side, ("users",), merged.append)
    files.check_constraints(empty, ("users",))
    files.check_references(empty)
    assert merged == [1]
    with contextlib.closing(sqlite3.connect(empty)) as connection:
        by_index = connection.execute(
            "SELECT id FROM users INDEXED BY idx_users_role WHERE role='admin'"
        )
        assert by_index.fetchall() == [(1,)]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_every_index_of_the_baseline_belongs_to_a_table() -> None:
    from seeds.scale import ROWS_AT_SCALE_1

    assert len(files.index_statements(tuple(ROWS_AT_SCALE_1))) == len(
        files._baseline("CREATE INDEX")
    )
    assert files.index_statements(("analytics_events",)) == []
