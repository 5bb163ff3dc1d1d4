"""What the harness asks of a database engine: the protocol, its capabilities and its values.

A database is named by a path in the run's work folder. That is SQLite's file; for an engine with a
server of its own it is the name of a database there, for D1 the folder that workerd keeps it in.
What an engine cannot do is a capability that it lacks: the report says so, and nothing fails.
docs/contributing.md tells how each method is done on SQLite, PostgreSQL and D1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from bench.engines.records import (
    GatheredStatistics,
    Index,
    MigrationFile,
    Piece,
    RowsRead,
    RowsWritten,
    StatementInfo,
    Statistics,
)

Value = int | str | float | bytes | None
Parameters = Mapping[str, Value]
Result = TypeVar("Result")
Program = tuple[tuple[Value, ...], ...]
"""What one execution does, step by step: equal programs on one database do the same work."""
Syntax = Literal["right", "unfinished", "wrong"]
Capability = Literal["hide_index", "row_bill", "statistics"]
"""`hide_index`: a query can be planned as if an index were not there. `statistics`: the planner's
statistics can be captured and exchanged. `row_bill`: rows read and written can be counted as D1
bills them."""


class Cursor(Protocol):
    """The rows of an answer."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all remaining rows."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]: ...


class Connection(Protocol):
    """An open connection; statements take parameters by name (`:customer`)."""

    def execute(
        self, sql: str, parameters: Mapping[str, Value] | Sequence[Value] | None = None, /
    ) -> Cursor:
        """Run a statement up to its first row."""

    def close(self) -> None:
        """Close it."""


class Counters(Protocol):
    """What an engine counted during one execution: the same every time on the same data."""

    @property
    def work(self) -> int:
        """The counter that stands for the work done: VM steps, blocks, rows read."""

    def by_name(self) -> dict[str, int]:
        """Return every counter."""


class OpenDatabase(Protocol):
    """A database of the run that is kept ready between measurements."""

    def put(self, statistics: Statistics) -> None:
        """Let connections opened from now on have these statistics (capability `statistics`)."""

    def close(self) -> None:
        """Release it."""


class WriteSession(Protocol):
    """Two connections to one database: the one that is timed, and the one that warms up for it."""

    @property
    def timed(self) -> Connection:
        """The connection whose commits are timed."""

    @property
    def warming(self) -> Connection:
        """The connection that runs each write first and rolls it back."""


class WriteComparison(Protocol):
    """Watches write sessions on databases of the same content."""

    def difference(self) -> str | None:
        """Say in which table the databases differ now; None where they hold the same."""


class DatabaseState(Protocol):
    """One state of a private copy: which indexes are hidden, and what the planner knows."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def statistics(self) -> Statistics:
        """What the planner knows in it."""

    def open(self, *, query_only: bool = True) -> Connection:
        """Enter the state and open a connection, which keeps it; the caller closes it."""

    def objects_opened(self, programs: Sequence[Program]) -> frozenset[str]:
        """Name the tables and indexes that programs open."""


class PrivateCopy(Protocol):
    """A database of the run whose indexes and statistics are exchanged at will."""

    @property
    def path(self) -> Path:
        """The database."""

    @property
    def indexes(self) -> tuple[Index, ...]:
        """All of its indexes, hidden or not."""

    def state(
        self, name: str, hidden: Collection[str] = (), statistics: Statistics | None = None
    ) -> DatabaseState:
        """Return a state; without `statistics` it has those that the copy came with.

        Raises:
            BenchError: there is no such index, or it cannot be left out.
        """

    def bytes_of(self, index: str) -> int | None:
        """Return the size of an index; None where the engine cannot tell."""


class Engine(Protocol):
    """A database engine.

    Methods below a capability are called only where the engine has it.
    """

    @property
    def name(self) -> str:
        """What study.toml calls it."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do beyond the core."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its statements and connections raise."""

    @property
    def statement_errors(self) -> tuple[type[Exception], ...]:
        """Those of `errors` that are the fault of the statement, not of a disk or a lock."""

    # Databases

    def version(self) -> str:
        """Return the engine's version; runs of different ones are not compared."""

    def environment(self) -> dict[str, Any]:
        """Return the version and how the engine was built, as a run records it."""

    def settings(self, connection: Connection) -> dict[str, Any]:
        """Return the settings of a connection that change times."""

    def reading(self, path: Path, /) -> AbstractContextManager[Connection]:
        """Open anybody's database for a block in which nothing of it changes."""

    def clone(self, source: Path, target: Path, /) -> None:
        """Copy a database into a new one; the source stays as it is."""

    def connect(self, path: Path, /, *, query_only: bool = False) -> Connection:
        """Open a database of the run."""

    def keep_open(self, path: Path, /) -> OpenDatabase:
        """Get a database of the run ready, so that all connections to it find it alike."""

    def files(self, path: Path, /) -> tuple[Path, ...]:
        """Return the files that hold a database and its log now."""

    def size_bytes(self, path: Path, /) -> int:
        """Return the size of a database."""

    def remove(self, path: Path, /) -> None:
        """Remove a database of the run."""

    def flush(self, connection: Connection, /) -> None:
        """Bring what was written into the files of the database."""

    def page_bytes(self, connection: Connection, /) -> int:
        """Return the size of a page."""

    def used_bytes(self, connection: Connection, /) -> int:
        """Return the size of the pages that hold something, free ones left out."""

    # Statements

    def transaction(self, connection: Connection, /) -> AbstractContextManager[None]:
        """Run a block in one write transaction: all of it is kept, or nothing."""

    def rolled_back(self, connection: Connection, /) -> AbstractContextManager[None]:
        """Run a block in a write transaction of which nothing is kept."""

    def count(
        self, connection: Connection, execute: Callable[[], Result], /
    ) -> tuple[Counters, Result]:
        """Run `execute` once; return what the engine counted meanwhile, and its result."""

    def count_commit(
        self, connection: Connection, execute: Callable[[], Result], /
    ) -> tuple[dict[str, int], Result]:
        """Run `execute` once, which commits; return what it read and wrote, by name."""

    def changes(self, connection: Connection, /) -> int:
        """Return how many rows the connection has changed so far, those of triggers too."""

    def changed_rows(self, connection: Connection, /) -> int:
        """Return how many rows the last statement changed, those of triggers left out."""

    def plan(
        self, connection: Connection, statements: Iterable[str], parameters: Parameters, /
    ) -> tuple[str, ...]:
        """Return the plan of statements, a line for each step, indented as it nests."""

    def program(
        self, connection: Connection, statements: Iterable[str], parameters: Parameters, /
    ) -> Program:
        """Return what statements would do; nothing is run."""

    def inspect(self, connection: Connection, sql: str, /) -> StatementInfo:
        """Prepare one statement and tell what it is; nothing is run.

        Raises:
            StatementRefused: the connection may not run such a statement.
        """

    def named_rows(self, connection: Connection, sql: str, /) -> Iterator[dict[str, Any] | None]:
        """Yield the rows of a SELECT by column; None for one that cannot be a parameter."""

    # Scripts

    def pieces(self, script: str, /) -> Iterator[Piece]:
        """Cut a script into its statements; raises ScriptError where it ends within one."""

    def syntax(self, sql: str, /) -> Syntax:
        """Tell what the parser says of a statement, whatever tables it names."""

    def describe(self, sql: str, /) -> tuple[str, str]:
        """Return the kind of a statement and what it is about: ("create_index", "idx_due")."""

    def read_migration(self, path: Path, /) -> MigrationFile:
        """Read a migration, or its part below Up; raises BenchError where it cannot be run."""

    def run_migration(
        self, connection: Connection, migration: MigrationFile, observe: Callable[[str, int], None]
    ) -> None:
        """Run a migration's statements, held to their own database; tell each with its time in ns.

        Raises:
            BenchError: a statement fails or is refused, or a transaction is left open.
        """

    # Schema

    def tables(self, connection: Connection, /) -> frozenset[str]:
        """Return the names of all tables, the engine's own left out."""

    def parts(self, connection: Connection, /) -> frozenset[str]:
        """Return the names of all tables, and of their columns as `table.column`."""

    def indexes(self, connection: Connection, /) -> tuple[Index, ...]:
        """Return the indexes that a CREATE INDEX made, in the order of the schema."""

    def tables_by_index(self, connection: Connection, /) -> dict[str, str]:
        """Return the table of each index, those of constraints included."""

    def row_count(self, connection: Connection, table: str, /) -> int:
        """Count the rows of a table."""

    # Writes, compared

    def write_session(self, path: Path, /) -> AbstractContextManager[WriteSession]:
        """Open a database of the run for a round of writes, which are gone after the block.

        Nobody else may have it open.
        """

    def watch_writes(self, sessions: Sequence[WriteSession], /) -> WriteComparison:
        """Begin to note the rows that these sessions write."""

    # Capability `statistics`

    def capture_statistics(self, connection: Connection, /) -> Statistics:
        """Read the statistics that a database holds."""

    def put_statistics(self, connection: Connection, statistics: Statistics, /) -> None:
        """Let a database hold exactly these statistics."""

    def gather_statistics(
        self, path: Path, /, progress: Callable[[str], None]
    ) -> tuple[tuple[GatheredStatistics, ...], tuple[GatheredStatistics, ...]]:
        """Gather statistics in each way that users do; the database has none afterwards.

        Returns those to measure, and those only to hold against them.
        """

    # Capabilities `hide_index` and `statistics`

    def private_copy(self, path: Path, /) -> AbstractContextManager[PrivateCopy]:
        """Take a database of the run, to be exchanged at will; afterwards it is as it was."""

    def sought_columns(
        self, connection: Connection, statements: Iterable[str], parameters: Parameters, /
    ) -> set[tuple[str, str]]:
        """Return the tables and columns that statements look for, sort by or group by."""

    # Capability `row_bill`

    def rows_read(
        self, connection: Connection, execute: Callable[[], object], parameters: Parameters, /
    ) -> RowsRead:
        """Run `execute` once; return how many rows D1 would bill as read.

        Raises:
            NotCountable: it cannot be told.
        """

    def rows_written(
        self, connection: Connection, execute: Callable[[], object], parameters: Parameters, /
    ) -> RowsWritten:
        """Run `execute` and roll it back; return what D1 would bill as written.

        Raises:
            NotCountable: it cannot be told.
        """

    def rows_of_index(self, connection: Connection, index: str, /) -> int:
        """Count the entries of an index."""
