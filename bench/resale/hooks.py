"""What the built-in study brings: the shop's SQL and migrations, and its seeded data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.engines.base import Connection
from bench.engines.sqlite.connection import sqlite_connection
from bench.engines.sqlite.files import describe
from bench.resale import facts, queries, user_profiles
from bench.resale.dataset import dataset_of, planned
from bench.resale.service import SERVICE
from bench.study.hooks import (
    Dataset,
    Facts,
    ParameterSampler,
    Progress,
    Shape,
    StatementRun,
)
from bench.study.named_sql import NamedSql
from reference_app import migrate
from seeds import checks, ledger, load, plan, realism
from seeds.manifest import read_manifest

if TYPE_CHECKING:
    from bench.gate.study_gate import StudyGate


class ShopGenerator:
    """Seeds shops of any scale; 1 is 100,000 products and 10 million events."""

    def seed(
        self, database: Path, scale: float, seed: int, progress: Progress | None = None
    ) -> None:
        """Make a new database in the state of the base arm."""
        load.seed(database, scale=scale, seed=seed, progress=progress)

    def size_estimate(self, scale: float, seed: int) -> int:
        """Return about how many bytes it will have.

        Raises:
            BadScale, BadSeed: there is no such shop.
        """
        return checks.size_estimate(plan.Plan(scale, seed))

    def planned(self, scale: float, seed: int) -> Dataset:
        """Return the dataset that such a database will hold.

        Raises:
            BadScale, BadSeed: there is no such shop.
        """
        return planned(plan.Plan(scale, seed))

    def shapes(self, database: Path) -> Iterable[Shape]:
        """Hold the data against published figures."""
        shapes = map(asdict, realism.check(database))
        return [Shape(own_target=shape.pop("shop_target"), **shape) for shape in shapes]


class ShopHooks:
    """See `bench.study.hooks.Hooks`."""

    def __init__(self) -> None:
        self.request_shares = user_profiles.shares()
        self.fact_names = facts.NAMES
        self.service = SERVICE
        self.generator = ShopGenerator()

    @property
    def gate(self) -> StudyGate:
        """Trees of the shop, or a seeded database."""
        from bench.resale.gate.sides import GATE

        return GATE

    def bind(self, operation: str, parts: Collection[str]) -> NamedSql:
        """Bind the operation's queries without what needs tables or columns an arm lacks."""
        return queries.bound(queries.OPERATIONS[operation], parts)

    def dataset(self, database: Path) -> Dataset:
        """Return what the manifest beside a database says.

        Raises:
            ManifestMissing: there is none.
        """
        return dataset_of(read_manifest(database))

    def applied(self, connection: Connection) -> tuple[str, ...]:
        """Return the migrations that a database records."""
        return tuple(entry.name for entry in migrate.applied(sqlite_connection(connection)))

    def migrate(
        self,
        connection: Connection,
        names: Collection[str],
        observe: Callable[[StatementRun], None],
    ) -> None:
        """Apply what is pending of the migrations, each in a transaction of its own."""

        def observe_run(run: migrate.StatementRun) -> None:
            observe(StatementRun(run.migration, run.sql, *describe(run.sql), run.duration_ns))

        migrate.apply(sqlite_connection(connection), tuple(names), observe=observe_run)

    def migration_text(self, name: str) -> str:
        """Return the SQL of a migration."""
        return migrate.find(name).sql

    def fill(self, connection: Connection, source: Path) -> None:
        """Fill the ledger and the rollup, as the seeds leave them."""
        ledger.fill_after_tables(sqlite_connection(connection), source)

    def facts(
        self, connection: Connection, sample_parameters: ParameterSampler, rng: np.random.Generator
    ) -> Facts:
        """Try the promises on races with the report's own statements."""
        return facts.tried(
            connection,
            offer=sample_parameters("respond_to_offer", rng),
            purchase=sample_parameters("checkout", rng),
        )


HOOKS = ShopHooks()
