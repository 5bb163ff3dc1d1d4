"""A study that is a folder: study.toml, queries.sql and migrations/*.sql, on a user's database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import numpy as np

from bench.engines.sqlite.connection import tables, transaction
from bench.engines.sqlite.files import beside, describe, reading
from bench.engines.sqlite.migration_file import read_migration, run_migration
from bench.engines.sqlite.state_digest import quoted
from bench.errors import BenchError
from bench.study.files import QUERIES
from bench.study.hooks import (
    DRAW_SEED,
    Answer,
    Dataset,
    Draw,
    Facts,
    Generator,
    OperationFailed,
    Parameters,
    StatementRun,
)
from bench.study.parameters import drawn, parameters_of
from bench.study.queries import BadQueries, NamedOperation, read_queries

# Enough that a write which uses up a row finds a new one in each sample of a round.
PARAMETER_SETS = 1000


@dataclass(frozen=True, slots=True)
class NamedSql:
    """The statements of an operation, the same on every arm."""

    statements: tuple[str, ...]
    ordered: bool

    def read(self, connection: apsw.Connection, parameters: Parameters) -> Answer:
        """Return the answer, all of its rows."""
        rows: Answer = []
        try:
            for sql in self.statements:
                rows.extend(connection.execute(sql, parameters).fetchall())
        except UnicodeDecodeError as error:
            raise OperationFailed(
                "its answer holds text that is not UTF-8, which only the gate compares"
            ) from error
        return rows

    def write(self, connection: apsw.Connection, parameters: Parameters) -> None:
        """Run it in a transaction of its own, commit included."""
        with transaction(connection):
            self.run(connection, parameters)

    def run(self, connection: apsw.Connection, parameters: Parameters) -> None:
        """Run it in the caller's transaction."""
        for sql in self.statements:
            connection.execute(sql, parameters).fetchall()


@dataclass(slots=True)
class FolderHooks:
    """See `bench.study.hooks.Hooks`; the base arm is the database as it is.

    `later` names operations that only a migration makes possible: those that need a table.
    """

    folder: Path
    operations: Mapping[str, NamedOperation]
    later: frozenset[str] = frozenset()
    request_shares: Mapping[str, float] = field(default_factory=dict)
    serves: bool = False
    generator: Generator | None = None

    @property
    def gate(self) -> None:
        """None: its operations are SQL, which the gate is given as files."""

    @classmethod
    def read(cls, folder: Path, later: frozenset[str]) -> FolderHooks:
        """Read the queries of a folder.

        Raises:
            BadQueries: there are none, or one cannot be used.
        """
        found = read_queries(folder / QUERIES)
        return cls(folder, {operation.name: operation for operation in found}, later)

    def bind(self, operation: str, parts: Collection[str]) -> NamedSql:
        """Return the statements of an operation."""
        named = self.operations[operation]
        return NamedSql(named.statements, named.ordered)

    def dataset(self, database: Path) -> Dataset:
        """Count the rows of a database and choose parameters from them.

        Raises:
            BadQueries: an operation's parameters cannot be had from it.
        """
        with reading(database) as connection:
            rows = {table: _rows(connection, table) for table in sorted(tables(connection))}
            sets = {
                name: self._parameter_sets(operation, connection)
                for name, operation in self.operations.items()
            }

        def draw(operation: str, rng: np.random.Generator) -> Parameters:
            known = sets[operation]
            return known[int(rng.integers(len(known)))]

        return Dataset(rows, _content_hash(database), draw)

    def _parameter_sets(
        self, operation: NamedOperation, connection: apsw.Connection
    ) -> tuple[Parameters, ...]:
        try:
            forms = [("base", operation)]
            needed = None
            if operation.name not in self.later:
                needed, _ = parameters_of(forms, {"base": connection})
            return drawn(forms, needed, (connection,), DRAW_SEED, PARAMETER_SETS)
        except BadQueries as error:
            raise BadQueries(f"{self.folder / QUERIES}: {error}") from error

    def applied(self, connection: apsw.Connection) -> tuple[str, ...]:
        """Return nothing: what a database has had already belongs to its base arm."""
        return ()

    def migrate(
        self,
        connection: apsw.Connection,
        names: Collection[str],
        observe: Callable[[StatementRun], None],
    ) -> None:
        """Run the statements of migrations, one after another, as their files have them."""
        for name in names:

            def told(sql: str, duration_ns: int, name: str = name) -> None:
                observe(StatementRun(name, sql, *describe(sql), duration_ns))

            run_migration(connection, read_migration(self._path(name)), told)

    def migration_text(self, name: str) -> str:
        """Return the SQL of a migration that is run."""
        return "\n\n".join(read_migration(self._path(name)).statements)

    def _path(self, name: str) -> Path:
        path = self.folder / "migrations" / f"{name}.sql"
        if not path.is_file():
            raise BenchError(f"There is no migration {path}; write it, or correct its arm.")
        return path

    def fill(self, connection: apsw.Connection, source: Path) -> None:
        """Leave tables as the migration leaves them."""

    def facts(self, connection: apsw.Connection, draw: Draw, rng: np.random.Generator) -> Facts:
        """Return nothing beyond what every migration tells."""
        return {}


def _rows(connection: apsw.Connection, table: str) -> int:
    # Not by an index, which may be ordered by a collation that only the application has.
    sql = f"SELECT count(*) FROM {quoted(table)} NOT INDEXED"
    [(rows,)] = connection.execute(sql).fetchall()
    return int(str(rows))


def _content_hash(database: Path) -> str:
    """The sha256 of a database's file and of its log."""
    digest = hashlib.sha256()
    for path in (database, beside(database)[0]):
        if path.is_file():
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
    return digest.hexdigest()
