"""Seeding whole files: content, refusals, and what a failed run leaves."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from bench.measure import scratch
from seeds import checks, events, load, manifest, tables
from seeds.load import SeedReport, seed
from seeds.verify import hash_database

SCALE = 0.0005


@pytest.fixture(scope="module")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> SeedReport:
    return seed(tmp_path_factory.mktemp("one") / "shop.db", scale=SCALE)


@pytest.mark.parametrize(("workers", "chunk_rows"), [(2, 30_000), (4, 777), (1, 13)])
def test_same_content_for_any_workers_and_chunks(
    tmp_path: Path, smallest: SeedReport, workers: int, chunk_rows: int
) -> None:
    other = seed(tmp_path / "shop.db", scale=SCALE, workers=workers, chunk_rows=chunk_rows)
    assert other.content_hash == smallest.content_hash


def test_another_seed_is_other_content(tmp_path: Path, smallest: SeedReport) -> None:
    assert seed(tmp_path / "shop.db", scale=SCALE, seed=1).content_hash != smallest.content_hash


def test_the_hash_can_be_taken_again_from_the_file(seeded: tuple[Path, SeedReport]) -> None:
    db, report = seeded
    assert hash_database(db) == report.content_hash
    assert manifest.read_manifest(db).content_hash == report.content_hash


def test_a_changed_value_changes_the_hash(tmp_path: Path, seeded: tuple[Path, SeedReport]) -> None:
    copy = shutil.copy(seeded[0], tmp_path / "copy.db")
    with contextlib.closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE sell_items SET brand = 'X' WHERE id = 1")
    assert hash_database(Path(copy)) != seeded[1].content_hash


def test_the_file_is_whole_and_alone(seeded: tuple[Path, SeedReport]) -> None:
    db, report = seeded
    names = {path.name for path in db.parent.iterdir()}
    assert names - {"shop.db-wal", "shop.db-shm"} == {
        "shop.db", "shop.db.manifest.json", "shop.db.rollup.parquet"
    }  # fmt: skip
    counts = manifest.read_manifest(db).counts
    with contextlib.closing(sqlite3.connect(db)) as connection:
        for table, count in counts.items():
            found, least, most = connection.execute(
                f"SELECT count(*), min(id), max(id) FROM {table}"
            ).fetchone()
            assert (found, least, most) == (count, 1, count), table
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchone() is None
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        indexes = "SELECT count(*) FROM sqlite_master WHERE type = 'index'"
        assert connection.execute(indexes).fetchone() == (41,)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    assert report.bytes == db.stat().st_size == pages * 4096
    assert report.events == counts["analytics_events"]


def test_the_report_has_the_keys_that_scripts_read(seeded: tuple[Path, SeedReport]) -> None:
    assert set(seeded[1].to_json()) >= {
        "products", "events", "seconds", "events_per_second", "limit_rows_per_second",
        "peak_rss_bytes", "content_hash",
    }  # fmt: skip


def test_the_limit_is_measured_and_leaves_nothing(tmp_path: Path) -> None:
    report = seed(tmp_path / "shop.db", scale=SCALE, measure_limit=True)
    assert report.limit_rows_per_second is not None
    assert report.limit_rows_per_second > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "shop.db", "shop.db.manifest.json", "shop.db.rollup.parquet"
    ]  # fmt: skip


def test_progress_reaches_every_table(tmp_path: Path) -> None:
    stages: dict[str, tuple[int, int]] = {}
    seed(tmp_path / "shop.db", scale=SCALE, progress=lambda s, d, t: stages.update({s: (d, t)}))
    assert set(tables.MAKERS) | {"analytics_events", "merge", "finish"} <= set(stages)
    assert all(done == total for done, total in stages.values())


def test_wrong_use_is_told_and_changes_nothing(tmp_path: Path) -> None:
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    with pytest.raises(load.DatabaseExists, match="choose another name"):
        seed(taken, scale=SCALE)
    with pytest.raises(load.DirectoryMissing, match="make it"):
        seed(tmp_path / "no" / "shop.db", scale=SCALE)
    with pytest.raises(load.BadSetting, match="at least 1"):
        seed(tmp_path / "shop.db", scale=SCALE, workers=0)
    assert taken.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [taken]


@pytest.mark.parametrize("left", ["-wal", "-shm", "-journal", ".outbox.db"])
def test_what_is_left_of_an_earlier_database_is_told(left: str, tmp_path: Path) -> None:
    file = tmp_path / f"shop.db{left}"
    file.write_text("mine")
    with pytest.raises(load.DatabaseExists, match=f"{left} exists already"):
        seed(tmp_path / "shop.db", scale=SCALE)
    assert list(tmp_path.iterdir()) == [file]


def test_a_small_disk_is_told_before_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(load.DiskTooSmall, match="smaller scale"):
        seed(tmp_path / "shop.db", scale=SCALE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["events", "side"])
def test_a_failed_run_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def fails(*arguments: object) -> object:
        raise LookupError("broken on purpose")

    if where == "events":
        whole = events.block
        monkeypatch.setattr(
            load.events, "block",
            lambda plan, known, day: fails() if day == 200 else whole(plan, known, day),
        )  # fmt: skip
    else:
        monkeypatch.setattr(load.tables, "block", fails)
    with pytest.raises(LookupError, match="on purpose"):
        seed(tmp_path / "shop.db", scale=SCALE)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_dead_runs_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    """Process ids say nothing: another container's mean other processes, and ids come again."""
    db = tmp_path / "shop.db"
    dead = tmp_path / f"shop.db.partial-{os.getpid()}-abc"
    others = tmp_path / f"others.db.partial-{os.getpid()}-abc"
    for path in (dead, others):
        with scratch.held(lambda path=path: made(path)):
            (path / "shop.db").write_text("")
    # What it holds is kept, under the id of a process that does not live here.
    held = tmp_path / "shop.db.partial-999999999-xyz"
    with scratch.held(lambda: made(held)), checks.partial_folder(db) as mine:
        assert {path.name for path in tmp_path.iterdir()} == {held.name, others.name, mine.name}
    assert {path.name for path in tmp_path.iterdir()} == {held.name, others.name}
    with checks.partial_folder(db) as mine:
        assert {path.name for path in tmp_path.iterdir()} == {others.name, mine.name}


def made(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_lost_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(load.ManifestMissing, match=r"gate --base .*shop\.db --migration"):
        load.read_manifest(tmp_path / "shop.db")
    manifest.manifest_path(tmp_path / "shop.db").write_text("{}")
    with pytest.raises(load.ManifestMissing, match="cannot be read"):
        load.read_manifest(tmp_path / "shop.db")
