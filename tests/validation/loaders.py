"""Ways to load rows, compared on the seeds' own events.

    python -m tests.validation.loaders --rows 500000 [--json]

The choice of ADBC in seeds rests on this table. Every way writes the same rows into a new file
with the same pragmas, extended ahead alike. The seeds make columns, so executemany is measured
twice: with the rows made from the columns while they are written, and with rows that stand ready.
Faker's rows are made while they are written: that is what is compared there.
No result of a run and no claim may enter.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import pyarrow as pa
from faker import Faker

from seeds import calendar, events, files, load, vocabulary
from seeds.plan import EVENT_TYPES, Plan

TABLE = "analytics_events"
DEFAULT_ROWS = 500_000
FAKER_ROWS = 5_000
"""The part on which Faker is measured; its rate does not depend on the number of rows."""
_COLUMNS = 9
INSERT = f"INSERT INTO {TABLE} VALUES ({', '.join('?' * _COLUMNS)})"
Row = tuple[int | str | None, ...]


@dataclass(frozen=True)
class LoaderRate:
    """One way to load: how many rows it wrote and how long that took."""

    name: str
    rows: int
    duration_ns: int

    @property
    def rows_per_second(self) -> float:
        """Rows a second; infinite if the clock did not move."""
        return self.rows / self.duration_ns * 1e9 if self.duration_ns else float("inf")


def batches_of(rows: int) -> list[pa.RecordBatch]:
    """The first ``rows`` events of the full-size data."""
    plan = Plan(1.0)
    known = events.prepare(plan, vocabulary.build(plan.seed))
    held: list[pa.RecordBatch] = []
    missing = rows
    for day in itertools.takewhile(lambda day: day < calendar.YEAR_DAYS, itertools.count()):
        batch = events.block(plan, known, day).rows.slice(0, missing)
        held.append(batch)
        missing -= batch.num_rows
        if missing <= 0:
            break
    return held


@contextlib.contextmanager
def _new_file(folder: Path, rows: int) -> Iterator[Path]:
    path = folder / "loaders.db"
    files.create_tables(path)
    os.truncate(path, 1_000_000 + rows * 260)
    try:
        yield path
    finally:
        path.unlink()


def _timed(name: str, rows: int, work: Callable[[], None]) -> LoaderRate:
    started_ns = time.perf_counter_ns()
    work()
    return LoaderRate(name, rows, time.perf_counter_ns() - started_ns)


def rows_of(batches: Sequence[pa.RecordBatch]) -> Iterator[Row]:
    """Rows as tuples, made from columns one batch at a time."""
    for batch in batches:
        yield from zip(*batch.to_pydict().values(), strict=True)


def with_sqlite3(path: Path, name: str, rows: Iterable[Row], count: int) -> LoaderRate:
    """The standard library's executemany."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for pragma in files.PRAGMAS:
            connection.execute(pragma)

        def work() -> None:
            connection.executemany(INSERT, rows)
            connection.commit()

        return _timed(name, count, work)


def with_apsw(path: Path, name: str, rows: Iterable[Row], count: int) -> LoaderRate:
    """Executemany of apsw."""
    with files.open_for_loading(path) as connection:

        def work() -> None:
            with connection:
                connection.executemany(INSERT, rows)

        return _timed(name, count, work)


def with_adbc(path: Path, batches: Sequence[pa.RecordBatch]) -> LoaderRate:
    """ADBC's ingest of Arrow batches: what seeds does."""
    rows = sum(batch.num_rows for batch in batches)
    sent = [batch.drop_columns(["id"]) for batch in batches]
    stream = pa.RecordBatchReader.from_batches(sent[0].schema, iter(sent))
    with load.connected(path) as connection, connection.cursor() as cursor:
        return _timed("ADBC ingest", rows, lambda: cursor.adbc_ingest(TABLE, stream, mode="append"))


def with_insert_select(path: Path, rows: int) -> LoaderRate:
    """SQLite's own INSERT ... SELECT of the rows in ``path``: the limit."""
    rate = files.insert_select_rate(path, rows, 1_000_000 + rows * 260)
    return LoaderRate("INSERT ... SELECT (the limit)", rows, round(rows / rate * 1e9))


def faker_rows(count: int) -> Iterator[Row]:
    """Rows made the usual way: Faker called for every value."""
    fake = Faker("en_IE")
    fake.seed_instance(1)
    for number in range(1, count + 1):
        product = fake.random_int(1, 100_000)
        yield (
            number,
            fake.random_element(EVENT_TYPES),
            orjson.dumps(
                {"product_id": product, "price_cents": fake.random_int(1000, 99999)}
            ).decode(),
            fake.random_int(1, 50_000),
            fake.hexify("^" * 16),
            fake.ipv4_public(),
            fake.user_agent(),
            f"/products/{product}",
            fake.date_time_this_year().strftime("%Y-%m-%d %H:%M:%S"),
        )


def with_faker(path: Path, rows: int) -> LoaderRate:
    """Faker row by row into executemany."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for pragma in files.PRAGMAS:
            connection.execute(pragma)

        def work() -> None:
            connection.executemany(INSERT, faker_rows(rows))
            connection.commit()

        return _timed("Faker row by row, executemany", rows, work)


def with_seeds(path: Path, rows: int) -> LoaderRate:
    """The seeds' own generation and ingest together: what stands against Faker."""
    plan = Plan(1.0)
    known = events.prepare(plan, vocabulary.build(plan.seed))
    ends = events.rows_per_day(plan).cumsum()
    days = int((ends < rows).sum()) + 1
    count = int(ends[days - 1])

    def made(day: int) -> pa.RecordBatch:
        return events.block(plan, known, day).rows.drop_columns(["id"])

    stream = pa.RecordBatchReader.from_batches(made(0).schema, map(made, range(days)))
    with load.connected(path) as connection, connection.cursor() as cursor:
        return _timed(
            "seeds: generate and ingest, one thread",
            count,
            lambda: cursor.adbc_ingest(TABLE, stream, mode="append"),
        )


def compare(rows: int, faker: int = FAKER_ROWS, folder: Path | None = None) -> list[LoaderRate]:
    """Measure every way, each in a new file under ``folder`` (the system's own, if None)."""
    batches = batches_of(rows)
    count = sum(batch.num_rows for batch in batches)
    ready = list(rows_of(batches))
    found = []
    with tempfile.TemporaryDirectory(dir=folder) as name:
        ways: tuple[Callable[[Path], LoaderRate], ...] = (
            lambda path: with_sqlite3(
                path, "sqlite3 executemany, from columns", rows_of(batches), count
            ),
            lambda path: with_sqlite3(path, "sqlite3 executemany, rows ready", ready, count),
            lambda path: with_apsw(path, "apsw executemany, from columns", rows_of(batches), count),
            lambda path: with_apsw(path, "apsw executemany, rows ready", ready, count),
            lambda path: with_faker(path, faker),
            lambda path: with_seeds(path, rows),
        )
        for way in ways:
            with _new_file(Path(name), count) as path:
                found.append(way(path))
        with _new_file(Path(name), count) as path:
            found.append(with_adbc(path, batches))
            found.append(with_insert_select(path, count))
    return found


def lines(rates: Sequence[LoaderRate]) -> Iterator[str]:
    """The table: each way, its rate, and its share of the limit."""
    limit = max(rate.rows_per_second for rate in rates if "limit" in rate.name)
    yield f"{'way':40} {'rows':>10} {'rows a second':>14} {'of the limit':>13}"
    for rate in sorted(rates, key=lambda rate: rate.rows_per_second):
        share = rate.rows_per_second / limit
        yield f"{rate.name:40} {rate.rows:10,} {rate.rows_per_second:14,.0f} {share:13.1%}"


def main(arguments: Sequence[str]) -> None:
    """Parse, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.validation.loaders", description=__doc__)
    parser.add_argument("--rows", type=int, default=DEFAULT_ROWS, help="rows for every fast way")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    if not 1 <= options.rows <= 10_000_000:
        parser.error("give --rows from 1 to 10000000")
    rates = compare(options.rows)
    if options.json:
        told = [asdict(rate) | {"rows_per_second": round(rate.rows_per_second)} for rate in rates]
        print(json.dumps(told, indent=1))
    else:
        print("\n".join(lines(rates)))


if __name__ == "__main__":
    main(sys.argv[1:])
