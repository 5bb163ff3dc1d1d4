"""Load a seeded database: write under a temporary name, check, rename.

Events stream into the main file; another thread makes and hashes them. Then the other tables fill
two files at once, and the smaller is merged into the main one. Files are preallocated, because a
write that extends a file costs several times more than one inside it. Ids are not sent to the
driver: rows come in order from 1, and SQLite numbers them the same with less work.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import adbc_driver_sqlite.dbapi as adbc
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seeds import calendar, events, files, manifest, pipeline, tables, vocabulary
from seeds.calendar import YEAR_DAYS
from seeds.checks import (
    BadSetting,
    BrokenRules,
    DatabaseExists,
    DirectoryMissing,
    DiskTooSmall,
    SeedError,
    check_before_work,
    partial_folder,
    size_estimate,
)
from seeds.hashing import ContentHash
from seeds.manifest import Manifest, ManifestMissing, read_manifest
from seeds.past import Ints
from seeds.plan import DEFAULT_SEED, EVENT_TYPES, Plan

__all__ = [
    "BadSetting",
    "BrokenRules",
    "DatabaseExists",
    "DirectoryMissing",
    "DiskTooSmall",
    "Manifest",
    "ManifestMissing",
    "SeedError",
    "SeedReport",
    "read_manifest",
    "seed",
]

Progress = Callable[[str, int, int], None]
CHUNK_ROWS = 30_000
QUEUE_DEPTH = 4
SIDE_TABLES = ("system_logs", "images", "notifications")
"""Half the work after the events, and cheap to merge: few columns, few indexes."""
MAIN_TABLES = tuple(table for table in tables.MAKERS if table not in SIDE_TABLES)


@dataclass(frozen=True)
class SeedReport:
    """The result of a seeding and its speed."""

    scale: float
    seed: int
    products: int
    events: int
    seconds: float
    events_per_second: float
    limit_rows_per_second: float | None
    peak_rss_bytes: int
    content_hash: str
    bytes: int
    stages: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values under the names of the fields."""
        return asdict(self)


def seed(
    db: Path,
    *,
    scale: float,
    seed: int = DEFAULT_SEED,
    workers: int = 1,
    chunk_rows: int = CHUNK_ROWS,
    measure_limit: bool = False,
    progress: Progress | None = None,
) -> SeedReport:
    """Make a full database at ``db``, its manifest and its daily rollup next to it.

    ``workers`` threads make blocks ahead of the one that writes; neither their number nor
    ``chunk_rows`` changes the content. ``progress(stage, done, total)`` may be called from
    either of two threads. ``measure_limit`` also times SQLite's own
    INSERT ... SELECT of the events into a scratch file. A run that fails or is killed leaves
    nothing under the final name. Raises BadScale, BadSeed and the kinds of SeedError.
    """
    plan = Plan(scale, seed)
    check_before_work(db, plan, workers, chunk_rows, measure_limit=measure_limit)
    with partial_folder(db) as folder:
        return _Run(db, folder / db.name, plan, workers, chunk_rows, progress).make(measure_limit)


class _Stopped(Exception):
    """The other thread of the run has failed, so this one stops."""


class _Run:
    """One seeding: the stages in order, each timed."""

    def __init__(
        self,
        db: Path,
        partial: Path,
        plan: Plan,
        workers: int,
        chunk_rows: int,
        progress: Progress | None,
    ) -> None:
        self.db, self.partial, self.plan = db, partial, plan
        self.side = partial.with_name(partial.name + ".side")
        self.workers, self.chunk_rows = workers, chunk_rows
        self.progress = progress or (lambda stage, done, total: None)
        self.hash = ContentHash()
        self.stages: dict[str, float] = {}
        self.views: Ints = np.zeros(plan.counts["products"], dtype=np.int64)
        self.daily: list[Ints] = []
        self.failed = threading.Event()

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.stages[name] = round(time.perf_counter() - started, 3)

    def make(self, measure_limit: bool) -> SeedReport:
        started = time.perf_counter()
        with self.stage("vocabulary"):
            words = vocabulary.build(self.plan.seed)
        with self.stage("schema"):
            for path, share in ((self.partial, 1.0), (self.side, 0.3)):
                files.create_tables(path)
                os.truncate(path, int(size_estimate(self.plan) * share))
        self._fill(tables.Context(self.plan, words, self.views))
        with self.stage("checks"):
            self.progress("checks", 0, 1)
            files.record_baseline(self.partial)
            files.check_references(self.partial)
            self.progress("checks", 1, 1)
        limit, count = None, self.plan.counts["analytics_events"]
        if measure_limit:
            with self.stage("limit"):
                limit = files.insert_select_rate(self.partial, count, size_estimate(self.plan))
        with self.stage("finish"):
            self._finish(words)
        seconds = time.perf_counter() - started - self.stages.get("limit", 0.0)
        return SeedReport(
            scale=self.plan.scale,
            seed=self.plan.seed,
            products=self.plan.counts["products"],
            events=count,
            seconds=round(seconds, 3),
            events_per_second=round(count / self.stages["events"], 1),
            limit_rows_per_second=limit,
            peak_rss_bytes=peak_rss_bytes(),
            content_hash=self.hash.hexdigest(),
            bytes=self.db.stat().st_size,
            stages=dict(self.stages),
        )

    def _fill(self, context: tables.Context) -> None:
        """Load the events, then the other tables into two files at once, and merge these."""
        with self.stage("events"):
            self._ingest_events(context.words)
        with (
            self.stage("tables"),
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="side") as other,
        ):
            side_load = other.submit(self._fill_file, self.side, SIDE_TABLES, context)
            with contextlib.suppress(_Stopped):
                self._fill_file(self.partial, MAIN_TABLES, context)
            side_load.result()
        with self.stage("merge"):
            total = len(SIDE_TABLES)
            files.merge(
                self.partial, self.side, SIDE_TABLES, lambda n: self.progress("merge", n, total)
            )
            self.side.unlink()

    def _fill_file(self, path: Path, names: tuple[str, ...], context: tables.Context) -> None:
        try:
            self._ingest_tables(path, names, context)
            files.create_indexes(path, names)
            files.check_constraints(path, names)
        except BaseException:
            self.failed.set()
            raise

    def _ingest_events(self, words: vocabulary.Vocabulary) -> None:
        known = events.prepare(self.plan, words)

        def rows() -> Iterator[pa.RecordBatch]:
            days = pipeline.in_order(
                lambda day: events.block(self.plan, known, day), YEAR_DAYS, self.workers
            )
            for block in days:
                self.views += np.bincount(block.viewed, minlength=len(self.views))
                self.daily.append(block.daily)
                if block.rows.num_rows:
                    yield block.rows

        with connected(self.partial) as connection:
            self._ingest(connection, "analytics_events", rows())

    def _ingest_tables(self, path: Path, names: tuple[str, ...], context: tables.Context) -> None:
        with connected(path) as connection:
            for table in names:
                count = tables.blocks(self.plan, table)
                self._ingest(
                    connection, table, (tables.block(context, table, n) for n in range(count))
                )

    def _ingest(self, connection: Any, table: str, blocks: Iterator[pa.RecordBatch]) -> None:
        """Stream one table; a background thread makes and hashes its batches."""
        total = self.plan.counts[table]

        def hashed() -> Iterator[pa.RecordBatch]:
            done = 0
            for batch in pipeline.regroup(blocks, self.chunk_rows):
                if self.failed.is_set():
                    raise _Stopped
                self.hash.update(table, batch)
                yield batch.drop_columns(["id"])
                done += batch.num_rows
                self.progress(table, done, total)

        ahead = pipeline.Background(hashed(), QUEUE_DEPTH)
        try:
            first = next(ahead)
            stream = pa.RecordBatchReader.from_batches(first.schema, _chain(first, ahead))
            with connection.cursor() as cursor:
                cursor.adbc_ingest(table, stream, mode="append")
        except adbc.Error:
            if ahead.error is not None:
                raise ahead.error from None
            raise
        finally:
            ahead.close()

    def _finish(self, words: vocabulary.Vocabulary) -> None:
        self.progress("finish", 0, 1)
        files.settle(self.partial)
        rollup = self.partial.with_name(self.partial.name + ".rollup")
        pq.write_table(rollup_table(self.daily), rollup)
        record = self.partial.with_name(self.partial.name + ".manifest")
        record.write_bytes(manifest.to_bytes(self._manifest(words)))
        if os.path.lexists(self.db):
            raise DatabaseExists(f"{self.db} appeared meanwhile: remove it, or choose another.")
        os.replace(rollup, manifest.rollup_path(self.db))
        os.replace(record, manifest.manifest_path(self.db))
        os.replace(self.partial, self.db)
        self.progress("finish", 1, 1)

    def _manifest(self, words: vocabulary.Vocabulary) -> Manifest:
        return Manifest(
            format=manifest.FORMAT,
            scale=self.plan.scale,
            seed=self.plan.seed,
            now=self.plan.now,
            content_hash=self.hash.hexdigest(),
            vocabulary_hash=words.digest,
            counts=dict(self.plan.counts),
            tables=dict(self.hash.tables()),
            versions=manifest.versions(),
        )


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


@contextlib.contextmanager
def connected(path: Path) -> Iterator[Any]:
    """An ADBC connection with the loading pragmas; closed at the end."""
    with contextlib.closing(adbc.connect(str(path), autocommit=True)) as connection:
        with connection.cursor() as cursor:
            for pragma in files.PRAGMAS:
                cursor.execute(pragma)
        yield connection


def rollup_table(daily: list[Ints]) -> pa.Table:
    """Columns of analytics_daily from the blocks' counts; types without an event are left out."""
    rows = [
        (calendar.date_of(day), EVENT_TYPES[kind], *map(int, counts[kind]))
        for day, counts in enumerate(daily)
        for kind in range(len(EVENT_TYPES))
        if counts[kind, 0]
    ]
    names = ("date", "event_type", "events", "sessions", "users", "revenue_cents")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def peak_rss_bytes() -> int:
    """The peak memory of this process; 0 where the system does not report it."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024
