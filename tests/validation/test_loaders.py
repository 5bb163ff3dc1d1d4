"""The comparison of loaders: each way writes the same rows."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from seeds import files
from tests.validation import loaders


def _rows(path: Path) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {loaders.TABLE} ORDER BY id").fetchall()


def test_every_way_writes_the_same_rows(tmp_path: Path) -> None:
    batches = loaders.batches_of(500)
    tuples = list(loaders.rows_of(batches))
    paths = [tmp_path / name for name in ("a.db", "b.db", "c.db")]
    for path in paths:
        files.create_tables(path)
    rates = (
        loaders.with_sqlite3(paths[0], "a", tuples, 500),
        loaders.with_apsw(paths[1], "b", loaders.rows_of(batches), 500),
        loaders.with_adbc(paths[2], batches),
    )
    assert [rate.rows for rate in rates] == [500] * 3
    assert all(_rows(path) == tuples for path in paths)


def test_the_comparison_names_every_way_and_cleans_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = loaders.compare(300, faker=20, folder=tmp_path)
    assert len({rate.name for rate in rates}) == 8
    assert list(tmp_path.iterdir()) == []
    told = list(loaders.lines(rates))
    assert len(told) == 9
    assert any("100.0%" in line for line in told)


def test_rates_are_rows_by_time() -> None:
    assert loaders.LoaderRate("x", 10, 2_000_000_000).rows_per_second == 5.0
    assert loaders.LoaderRate("x", 10, 0).rows_per_second == float("inf")
