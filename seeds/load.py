"""Room: seeds, batches into a database file. Writes under a temporary name, checks, renames.

Foreign keys are off while rows stream in, since referenced rows may come later; the whole
file passes ``foreign_key_check`` before it gets its name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import adbc_driver_sqlite.dbapi as adbc
import apsw
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from reference_app import migrate
from reference_app.database import connect
from seeds import calendar, events, manifest, pipeline, tables, vocabulary
from seeds.calendar import YEAR_DAYS
from seeds.hashing import ContentHash
from seeds.past import Ints
from seeds.plan import DEFAULT_SEED, EVENT_TYPES, Plan

Progress = Callable[[str, int, int], None]

BASELINE = "0001_baseline"
CHUNK_ROWS = 30_000
QUEUE_DEPTH = 6
BYTES_AT_SCALE_1 = 2_300_000_000
"""The finished file at scale 1 and a reserve; disk is checked against it before work begins."""
SMALLEST_FILE = 4_000_000
_PRAGMAS = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA cache_size = -65536",
    "PRAGMA foreign_keys = OFF",
)


class SeedError(Exception):
    """Seeding cannot begin or cannot be finished; the text says what to do."""


class DatabaseExists(SeedError):
    """There is already a file under the name asked for."""


class DirectoryMissing(SeedError):
    """The directory for the database does not exist."""


class DiskTooSmall(SeedError):
    """The disk has not enough room for the database."""


class BadSetting(SeedError):
    """Workers or chunk size are not usable numbers."""


class BrokenReferences(SeedError):
    """Some row refers to one that is not there: a defect of the generators."""


@dataclass(frozen=True)
class SeedReport:
    """What was made, and how fast."""

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
    """Make a full database at ``db``, its manifest and its daily rollup beside it.

    ``workers`` threads make blocks ahead of the one that writes; neither their number nor
    ``chunk_rows`` changes the content. ``measure_limit`` also times SQLite's own
    INSERT ... SELECT of the events into a scratch file. A run that fails or is killed leaves
    nothing under the final name. Raises BadScale, BadSeed and the kinds of SeedError.
    """
    plan = Plan(scale, seed)
    check_before_work(db, plan, workers, chunk_rows, measure_limit=measure_limit)
    remove_stale_partials(db)
    partial = db.with_name(f"{db.name}.partial-{os.getpid()}")
    try:
        return _Run(db, partial, plan, workers, chunk_rows, progress).make(measure_limit)
    finally:
        for leftover in db.parent.glob(f"{partial.name}*"):
            leftover.unlink(missing_ok=True)


def check_before_work(
    db: Path, plan: Plan, workers: int, chunk_rows: int, *, measure_limit: bool
) -> None:
    """Refuse what cannot succeed. Raises the kinds of SeedError; changes nothing."""
    if workers < 1 or chunk_rows < 1:
        raise BadSetting(
            f"{workers} workers and chunks of {chunk_rows} rows cannot be used: "
            "give at least 1 of each."
        )
    if not db.parent.is_dir():
        raise DirectoryMissing(f"There is no directory {db.parent}: make it, or choose another.")
    for path in (db, *(db.with_name(db.name + end) for end in ("-wal", "-shm", "-journal"))):
        if os.path.lexists(path):
            raise DatabaseExists(f"{path} exists already: remove it, or choose another name.")
    need = size_estimate(plan) * (2 if measure_limit else 1)
    free = shutil.disk_usage(db.parent).free
    if free < need:
        raise DiskTooSmall(
            f"Seeding needs {need / 1e9:.1f} GB in {db.parent} and {free / 1e9:.1f} GB are free: "
            "make room, or give a smaller scale."
        )


def size_estimate(plan: Plan) -> int:
    """Bytes that the finished file needs at most."""
    return SMALLEST_FILE + int(BYTES_AT_SCALE_1 * plan.scale)


def remove_stale_partials(db: Path) -> None:
    """Remove what killed runs left beside ``db``; files of living processes stay."""
    for path in db.parent.glob(f"{db.name}.partial-*"):
        owner = path.name.removeprefix(f"{db.name}.partial-").split(".")[0].split("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            path.unlink(missing_ok=True)


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
        self.workers, self.chunk_rows = workers, chunk_rows
        self.progress = progress or (lambda stage, done, total: None)
        self.hash = ContentHash()
        self.stages: dict[str, float] = {}
        self.views: Ints = np.zeros(plan.counts["products"], dtype=np.int64)
        self.daily: list[Ints] = []

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.stages[name] = round(time.perf_counter() - started, 3)

    def make(self, measure_limit: bool) -> SeedReport:
        started = time.perf_counter()
        with self.stage("vocabulary"):
            self.progress("vocabulary", 0, 1)
            words = vocabulary.build(self.plan.seed)
            self.progress("vocabulary", 1, 1)
        with self.stage("schema"):
            indexes = create_tables(self.partial)
            os.truncate(self.partial, size_estimate(self.plan))
        with contextlib.closing(adbc.connect(str(self.partial), autocommit=True)) as connection:
            with connection.cursor() as cursor:
                for pragma in _PRAGMAS:
                    cursor.execute(pragma)
            with self.stage("events"):
                self._ingest_events(connection, words)
            with self.stage("tables"):
                self._ingest_tables(connection, words)
        with self.stage("indexes"):
            self._create_indexes(indexes)
        limit = None
        if measure_limit:
            with self.stage("limit"):
                limit = insert_select_rate(self.partial, self.plan)
        with self.stage("finish"):
            self._finish(words)
        seconds = time.perf_counter() - started - self.stages.get("limit", 0.0)
        count = self.plan.counts["analytics_events"]
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

    def _ingest_events(self, connection: Any, words: vocabulary.Vocabulary) -> None:
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

        self._ingest(connection, "analytics_events", rows())

    def _ingest_tables(self, connection: Any, words: vocabulary.Vocabulary) -> None:
        context = tables.Context(self.plan, words, self.views)
        for table in tables.MAKERS:
            blocks = pipeline.in_order(
                lambda number, table=table: tables.block(context, table, number),  # type: ignore[misc]
                tables.blocks(self.plan, table),
                self.workers,
            )
            self._ingest(connection, table, blocks)

    def _ingest(self, connection: Any, table: str, blocks: Iterator[pa.RecordBatch]) -> None:
        """Stream one table: made and hashed in the background, bound by the driver here."""
        total = self.plan.counts[table]

        def hashed() -> Iterator[pa.RecordBatch]:
            done = 0
            for batch in pipeline.regroup(blocks, self.chunk_rows):
                self.hash.update(table, batch)
                yield batch
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

    def _create_indexes(self, statements: list[str]) -> None:
        with contextlib.closing(apsw.Connection(str(self.partial))) as connection:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            for done, statement in enumerate(statements, start=1):
                connection.execute(statement)
                self.progress("indexes", done, len(statements))
            connection.execute("BEGIN")
            migrate.record(connection, migrate.find(BASELINE))
            connection.execute("COMMIT")
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
            if broken is not None:
                raise BrokenReferences(
                    f"Row {broken[1]} of {broken[0]} refers to a {broken[2]} that is not there: "
                    "report this with the seed and the scale."
                )

    def _finish(self, words: vocabulary.Vocabulary) -> None:
        self.progress("finish", 0, 1)
        with contextlib.closing(connect(self.partial)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            used = _used_bytes(connection)
        os.truncate(self.partial, used)
        sync(self.partial)
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

    def _manifest(self, words: vocabulary.Vocabulary) -> manifest.Manifest:
        return manifest.Manifest(
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


def _used_bytes(connection: apsw.Connection) -> int:
    pages = connection.execute("PRAGMA page_count").fetchone()
    size = connection.execute("PRAGMA page_size").fetchone()
    assert pages is not None and size is not None
    return int(str(pages[0])) * int(str(size[0]))


def create_tables(path: Path) -> list[str]:
    """Create the baseline's tables in a new file; returns its CREATE INDEX statements.

    The indexes come after the rows: sorting once is faster than inserting in random order.
    """
    later = []
    with contextlib.closing(apsw.Connection(str(path))) as connection:
        for pragma in _PRAGMAS[:2]:
            connection.execute(pragma)
        for statement in migrate.statements(migrate.find(BASELINE)):
            if migrate.describe(statement)[0].startswith("create_table"):
                connection.execute(statement)
            else:
                later.append(statement)
    return later


def insert_select_rate(source: Path, plan: Plan) -> float:
    """Rows a second of SQLite's own INSERT ... SELECT of the events into a scratch file.

    Same pragmas, same table, a file extended ahead as the load's is; the scratch file is removed.
    """
    scratch = source.with_name(source.name + ".limit")
    try:
        create_tables(scratch)
        os.truncate(scratch, size_estimate(plan))
        with contextlib.closing(apsw.Connection(str(scratch))) as connection:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            connection.execute("ATTACH ? AS source", (str(source),))
            started = time.perf_counter()
            connection.execute("INSERT INTO analytics_events SELECT * FROM source.analytics_events")
            seconds = time.perf_counter() - started
        return round(plan.counts["analytics_events"] / seconds, 1)
    finally:
        scratch.unlink(missing_ok=True)


def rollup_table(daily: list[Ints]) -> pa.Table:
    """Columns of analytics_daily from the blocks' counts; types that had no event are left out."""
    rows = [
        (calendar.date_of(day), EVENT_TYPES[kind], *map(int, counts[kind]))
        for day, counts in enumerate(daily)
        for kind in range(len(EVENT_TYPES))
        if counts[kind, 0]
    ]
    names = ("date", "event_type", "events", "sessions", "users", "revenue_cents")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def sync(path: Path) -> None:
    """Have the disk hold the file before it gets its name."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def peak_rss_bytes() -> int:
    """The most memory that this process has held; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024
