"""A migration, statement by statement, on a file that a server has open: one connection beside it.

Each statement is a transaction of its own, as it is where a file of statements is sent to an
edge database; the record of the migration is the last one.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import apsw

from bench.engines.sqlite.connection import connect, transaction
from bench.engines.sqlite.files import beside, describe
from bench.engines.sqlite.migration_strategies import LONG_S, MigrationStrategy, Order
from bench.engines.sqlite.rewind import size_of
from bench.errors import BenchError
from bench.study.service import PendingMigration

SAMPLE_S = 0.05
"""How often the sizes of the log and of the file are looked at."""
# Long enough for any write of a service, so that the migration itself is never refused.
_LOCK_MS = 60_000
_INDEXED = re.compile(r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+.*?\bON\s+[\"`\[]?(\w+)", re.I | re.S)
_SETTINGS = (
    "page_size", "cache_size", "mmap_size", "synchronous", "threads", "temp_store",
    "wal_autocheckpoint",
)  # fmt: skip


class StepsStopped(Exception):
    """The migration was stopped before its end."""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement that ran; times are `time.perf_counter_ns`.

    From `requested_ns` it waited for the write lock, which it held from `begun_ns` to its commit;
    until `ended_ns` SQLite may have folded the log into the file, where the strategy lets it.
    `file_growth_bytes` is what it added to the database, whether that stood in the file or
    still in its log; `wal_peak_bytes` is the longest that the log was meanwhile.
    """

    object: str
    kind: str
    sql: str
    requested_ns: int
    begun_ns: int
    ended_ns: int
    file_growth_bytes: int
    wal_peak_bytes: int


@dataclass(frozen=True, slots=True)
class Size:
    """How long the log and the file were at one moment."""

    at_ns: int
    wal_bytes: int
    file_bytes: int


class Sizes:
    """A thread that looks at a database's files every SAMPLE_S until it is closed."""

    def __init__(self, database: Path, every_s: float = SAMPLE_S) -> None:
        self._file, self._log = database, beside(database)[0]
        self._every_s = every_s
        self._ended = threading.Event()
        self.seen: list[Size] = []
        self._thread = threading.Thread(target=self._run, name="sizes", daemon=True)
        self._thread.start()

    def measure(self) -> Size:
        """Look now as well."""
        size = Size(time.perf_counter_ns(), size_of(self._log), size_of(self._file))
        self.seen.append(size)
        return size

    def wal_peak(self, begun_ns: int, ended_ns: int) -> int:
        """The longest that the log was between two moments, in bytes; 0 if nobody looked then."""
        return max(
            (size.wal_bytes for size in tuple(self.seen) if begun_ns <= size.at_ns <= ended_ns),
            default=0,
        )

    @property
    def wal_peak_bytes(self) -> int:
        """The longest that the log was in all."""
        return max((size.wal_bytes for size in tuple(self.seen)), default=0)

    def close(self) -> None:
        """Stop looking."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        self.measure()
        while not self._ended.wait(self._every_s):
            self.measure()


class OnlineMigration:
    """Runs migrations on a thread of its own, once it is begun.

    Args:
        database: the file; others may have it open.
        migrations: what is to be applied, in this order.
        strategy: in which manner.
        statistics: statements that follow the migrations.
        cores: on which cores it may run; all if None.
        on_step: is called with what begins, on that thread.
    """

    def __init__(
        self,
        database: Path,
        migrations: Sequence[PendingMigration],
        strategy: MigrationStrategy,
        *,
        statistics: Sequence[str] = (),
        cores: Collection[int] | None = None,
        on_step: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._database, self._migrations = database, tuple(migrations)
        self._strategy = strategy
        self._statistics, self._cores, self._on_step = tuple(statistics), cores, on_step
        self._stopping = threading.Event()
        self._connection: apsw.Connection | None = None
        self.sizes = Sizes(database)
        self.steps: list[Step] = []
        self.settings: dict[str, int | str] = {}
        self.begun_ns = self.ended_ns = 0
        self.error: Exception | None = None
        self.cut_short = False
        self._thread: threading.Thread | None = None

    def begin(self, at_ns: int, then: Callable[[], None]) -> None:
        """Begin at `at_ns` of `time.perf_counter_ns`; call `then` when it is through, or failed."""
        self._thread = threading.Thread(
            target=self._run, args=(at_ns, then), name="migration", daemon=True
        )
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether every statement ran."""
        return self.ended_ns > 0

    @property
    def made(self) -> tuple[str, ...]:
        """The tables and indexes that it has made."""
        return tuple(step.object for step in self.steps if step.kind.startswith("create_"))

    def wait(self, seconds: float) -> bool:
        """Let time pass; whether it was cut short by `stop`."""
        return self._stopping.wait(seconds)

    def stop(self) -> None:
        """End it wherever it stands; what the running statement did is undone.

        `cut_short` tells afterwards that this ended it, and that its `error` is no other.
        """
        self.cut_short = not self.done and self.error is None
        self._stopping.set()
        while self._thread is not None and self._thread.is_alive():
            connection = self._connection
            if connection is not None:
                # It may have been closed since.
                with suppress(apsw.ConnectionClosedError):
                    connection.interrupt()
            # A statement that begins just now has not seen the interruption.
            self._thread.join(0.05)
        self.sizes.close()

    def _run(self, at_ns: int, then: Callable[[], None]) -> None:
        try:
            if self._cores is not None:
                # Of this thread, and of the sorters that SQLite starts from it.
                os.sched_setaffinity(0, self._cores)
            self._open()
            if not self._stopping.wait(max(0.0, (at_ns - time.perf_counter_ns()) / 1e9)):
                self._migrate()
        except Exception as error:
            self.error = error
        finally:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()
            then()

    def _open(self) -> None:
        connection = connect(self._database, busy_timeout_ms=_LOCK_MS)
        self._connection = connection
        for name, value in self._strategy.pragmas.items():
            connection.pragma(name, value)
        self.settings = {name: connection.pragma(name) for name in _SETTINGS}

    def _migrate(self) -> None:
        assert self._connection is not None
        connection = self._connection
        self.begun_ns = time.perf_counter_ns()
        for migration in self._migrations:
            for sql in ordered(connection, migration.statements, self._strategy.order):
                self._step(connection, sql)
            with transaction(connection):
                for sql, parameters in migration.record:
                    connection.execute(sql, parameters)
        for sql in self._statistics:
            self._step(connection, sql)
        self.ended_ns = time.perf_counter_ns()

    def _step(self, connection: apsw.Connection, sql: str) -> None:
        if self._stopping.is_set():
            raise StepsStopped("The migration was stopped between two statements.")
        kind, name = describe(sql)
        self._on_step(f"{kind} {name}")
        page_size = int(connection.pragma("page_size"))
        requested_ns = time.perf_counter_ns()
        with transaction(connection):
            begun_ns = time.perf_counter_ns()
            pages = _pages(connection)
            _execute(connection, sql)
            grown = (_pages(connection) - pages) * page_size
        ended_ns = time.perf_counter_ns()
        # At the end of a commit the log is at its longest, and that may be between two looks.
        seen = self.sizes.measure().wal_bytes
        peak = max(seen, self.sizes.wal_peak(begun_ns, ended_ns))
        self.steps.append(Step(name, kind, sql, requested_ns, begun_ns, ended_ns, grown, peak))
        if ended_ns - begun_ns >= LONG_S * 1e9:
            self._pause(connection, ended_ns + round(self._strategy.pause_s * 1e9))

    def _pause(self, connection: apsw.Connection, until_ns: int) -> None:
        """Leave the write lock alone until then, and fold in what can be folded."""
        folded = not self._strategy.checkpoint_between
        while (left_s := (until_ns - time.perf_counter_ns()) / 1e9) > 0:
            # What readers still need of the log can be folded in once they are through.
            folded = folded or _fold(connection)
            if self._stopping.wait(left_s if folded else min(left_s, SAMPLE_S)):
                return


def _fold(connection: apsw.Connection) -> bool:
    """Fold the log into the file, as far as nobody needs it; whether that is all of it."""
    try:
        length, done = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    except apsw.BusyError:
        # The server is at it.
        return False
    return length == done


def _execute(connection: apsw.Connection, sql: str) -> None:
    try:
        connection.execute(sql).fetchall()
    except (apsw.SQLError, apsw.ConstraintError) as error:
        raise BenchError(
            f"The migration failed at {sql.splitlines()[0][:80]!r}: {error}; mend its file."
        ) from error


def _pages(connection: apsw.Connection) -> int:
    return int(connection.pragma("page_count")) - int(connection.pragma("freelist_count"))


def ordered(
    connection: apsw.Connection, statements: Sequence[str], order: Order
) -> tuple[str, ...]:
    """The statements in the order of a strategy.

    Only what makes tables and indexes can change places: tables first, then indexes by the
    greatest rowid of their table. With anything else among them they stay as written.
    """
    kinds = {describe(sql)[0] for sql in statements}
    if order == "as written" or not kinds <= {"create_table", "create_index"}:
        return tuple(statements)
    return tuple(sorted(statements, key=lambda sql: _rows(connection, sql)))


def _rows(connection: apsw.Connection, sql: str) -> int:
    """The greatest rowid of the table that an index is made on; 0 of a new one, -1 of a table."""
    matched = _INDEXED.match(sql)
    if matched is None:
        return -1
    known = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (matched[1],)
    ).fetchall()
    if not known:
        return 0
    row = connection.execute(f'SELECT coalesce(max(rowid), 0) FROM "{matched[1]}"').fetchall()
    return int(str(row[0][0]))
