"""The ways in which users gather SQLite's statistics, each tried on a file of the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from bench.engines.records import GatheredStatistics, StatisticsSpec
from bench.engines.sqlite.connection import connect
from bench.engines.sqlite.statistics import NONE, Statistics, capture, put

# What Cloudflare's page on D1 advises after CREATE INDEX is plain `PRAGMA optimize`
# (https://developers.cloudflare.com/d1/best-practices/use-indexes/). Since 3.46 SQLite runs
# it with an analysis limit of 2,000 (mask bit 0x10, on by default), and looks at a table
# that the connection has not queried if one of its indexes has no statistics yet
# (https://www.sqlite.org/pragma.html#pragma_optimize).
STATES: tuple[StatisticsSpec, ...] = (
    StatisticsSpec("none", "no statistics"),
    StatisticsSpec("optimize", "PRAGMA optimize", ("PRAGMA optimize",)),
    StatisticsSpec(
        "limited", "ANALYZE with a limit of 2,000", ("PRAGMA analysis_limit = 2000", "ANALYZE")
    ),
    StatisticsSpec("full", "ANALYZE without samples", ("ANALYZE", "DELETE FROM sqlite_stat4")),
    StatisticsSpec("samples", "ANALYZE with samples of values", ("ANALYZE",)),
)
# What SQLite advises where a long-lived connection is opened: a mask that leaves the limit's
# bit out. It is gathered and held against the states, and not measured again.
BESIDE: tuple[StatisticsSpec, ...] = (
    StatisticsSpec("optimize_on_open", "PRAGMA optimize=0x10002", ("PRAGMA optimize=0x10002",)),
)


def gather(
    path: Path,
    specs: tuple[StatisticsSpec, ...] = STATES,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[GatheredStatistics, ...]:
    """Gather statistics in each way, on a file that may be written to; it has none after.

    Each on a connection of its own: the limit of one must not reach the next, and PRAGMA
    optimize depends on what its connection has asked before.
    """
    return tuple(_gathered(path, specs, progress))


def _gathered(
    path: Path, specs: tuple[StatisticsSpec, ...], progress: Callable[[str], None]
) -> Iterator[GatheredStatistics]:
    for spec in specs:
        progress(f"gathering {spec.title}")
        _forget(path)
        with closing(connect(path)) as connection:
            begun = time.perf_counter_ns()
            for statement in spec.statements:
                connection.execute(statement).fetchall()
            duration_ns = time.perf_counter_ns() - begun
            statistics = capture(connection)
        _forget(path)
        yield _described(spec, statistics, duration_ns if spec.statements else 0)


def _described(
    spec: StatisticsSpec, statistics: Statistics, duration_ns: int
) -> GatheredStatistics:
    # The text in `stat` is a list: rows of the index, then rows for one value of the first column,
    # of the first two, and so on (https://www.sqlite.org/fileformat2.html#stat1tab).
    tables = dict(statistics.rows)
    rows, samples = tables.get("sqlite_stat1", ()), tables.get("sqlite_stat4", ())
    words = {str(index): str(stat).split() for _, index, stat in rows if index is not None}
    per_key = {index: int(text[1]) for index, text in words.items() if len(text) > 1}
    return GatheredStatistics(spec, statistics, duration_ns, len(rows), len(samples), per_key)


def _forget(path: Path) -> None:
    """Leave no row of statistics in the file."""
    with closing(connect(path)) as connection:
        put(connection, NONE)


def gather_states(
    path: Path, progress: Callable[[str], None]
) -> tuple[tuple[GatheredStatistics, ...], tuple[GatheredStatistics, ...]]:
    """Gather those to measure, and those only to hold against them."""
    gathered = gather(path, (*STATES, *BESIDE), progress=progress)
    return gathered[: len(STATES)], gathered[len(STATES) :]
