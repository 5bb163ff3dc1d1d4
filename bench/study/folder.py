"""A study that is a folder: study.toml, queries.sql and migrations/*.sql, on a user's database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.engines.base import Connection, Engine
from bench.errors import BenchError
from bench.study.files import QUERIES
from bench.study.hooks import (
    PARAMETER_SEED,
    Dataset,
    Facts,
    Generator,
    Parameters,
    ParameterSampler,
    StatementRun,
)
from bench.study.named_sql import NamedSql, bind
from bench.study.parameters import parameter_sets, parameters_of
from bench.study.queries import BadQueries, NamedOperation, read_queries
from bench.study.service import Service

# Enough that a write which uses up a row finds a new one in each sample of a round.
PARAMETER_SETS = 1000


@dataclass(slots=True)
class FolderHooks:
    """See `bench.study.hooks.Hooks`; the base arm is the database as it is.

    `later` names operations that only a migration makes possible: those that need a table.
    """

    folder: Path
    operations: Mapping[str, NamedOperation]
    engine: Engine
    later: frozenset[str] = frozenset()
    request_shares: Mapping[str, float] = field(default_factory=dict)
    fact_names: Collection[str] = ()
    service: Service | None = None
    generator: Generator | None = None

    @property
    def gate(self) -> None:
        """None: its operations are SQL, which the gate is given as files."""

    @classmethod
    def read(cls, folder: Path, later: frozenset[str], engine: Engine) -> FolderHooks:
        """Read the queries of a folder.

        Raises:
            BadQueries: there are none, or one cannot be used.
        """
        operations = read_queries(folder / QUERIES, engine)
        return cls(folder, {operation.name: operation for operation in operations}, engine, later)

    def bind(self, operation: str, parts: Collection[str]) -> NamedSql:
        """Return the statements of an operation."""
        return bind([self.operations[operation]], parts, self.engine)

    def dataset(self, database: Path) -> Dataset:
        """Count the rows of a database and choose parameters from them.

        Raises:
            BadQueries: an operation's parameters cannot be had from it.
        """
        engine = self.engine
        with engine.reading(database) as connection:
            names = sorted(engine.tables(connection))
            rows = {table: engine.row_count(connection, table) for table in names}
            sets = {
                name: self._parameter_sets(operation, connection)
                for name, operation in self.operations.items()
            }

        def sample_parameters(operation: str, rng: np.random.Generator) -> Parameters:
            known = sets[operation]
            return known[int(rng.integers(len(known)))]

        return Dataset(rows, _content_hash(self.engine.files(database)), sample_parameters)

    def _parameter_sets(
        self, operation: NamedOperation, connection: Connection
    ) -> tuple[Parameters, ...]:
        try:
            here = operation.on(self.engine.parts(connection))
            forms = [("base", here)]
            needed = None
            # A statement that only another arm has may take more of them.
            if operation.name not in self.later and here == operation:
                needed, _ = parameters_of(self.engine, forms, {"base": connection})
            return parameter_sets(
                self.engine, forms, needed, (connection,), PARAMETER_SEED, PARAMETER_SETS
            )
        except BadQueries as error:
            raise BadQueries(f"{self.folder / QUERIES}: {error}") from error

    def applied(self, connection: Connection) -> tuple[str, ...]:
        """Return nothing: what a database has had already belongs to its base arm."""
        return ()

    def migrate(
        self,
        connection: Connection,
        names: Collection[str],
        observe: Callable[[StatementRun], None],
    ) -> None:
        """Run the statements of migrations, one after another, as their files have them."""
        for name in names:

            def executed(sql: str, duration_ns: int, name: str = name) -> None:
                observe(StatementRun(name, sql, *self.engine.describe(sql), duration_ns))

            migration = self.engine.read_migration(self._path(name))
            self.engine.run_migration(connection, migration, executed)

    def migration_text(self, name: str) -> str:
        """Return the SQL of a migration that is run."""
        return "\n\n".join(self.engine.read_migration(self._path(name)).statements)

    def _path(self, name: str) -> Path:
        path = self.folder / "migrations" / f"{name}.sql"
        if not path.is_file():
            raise BenchError(f"There is no migration {path}; write it, or correct its arm.")
        return path

    def fill(self, connection: Connection, source: Path) -> None:
        """Leave tables as the migration leaves them."""

    def facts(
        self, connection: Connection, sample_parameters: ParameterSampler, rng: np.random.Generator
    ) -> Facts:
        """Return nothing beyond what every migration tells."""
        return {}


def _content_hash(files: Iterable[Path]) -> str:
    """The sha256 of a database's files."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
