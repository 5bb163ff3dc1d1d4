"""What a study brings besides its names: the SQL and parameters of its operations, and its data."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bench.engines import base
from bench.engines.base import Connection
from bench.engines.registry import engine_named
from bench.results.model import DatasetSummary
from bench.study.models import Study, StudyError

if TYPE_CHECKING:
    from bench.gate.study_gate import StudyGate
    from bench.study.service import Service

Value = base.Value
Parameters = base.Parameters
Answer = list[tuple[Any, ...]]
ParameterSampler = Callable[[str, np.random.Generator], Parameters]
Facts = Mapping[str, int | float | None]
# Told of a stage, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]
Bind = Callable[[str, Collection[str]], "BoundOperation"]

PARAMETER_SEED = 20251005
"""The seed of parameters where nobody asks for another one."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """What one database holds, rows by table.

    `sample_parameters` gives the parameters of an operation, of rows that are there.
    `scale` and `seed` are those it was generated with, None for data that was not.
    """

    rows: Mapping[str, int]
    content_hash: str
    sample_parameters: ParameterSampler
    scale: float | None = None
    seed: int | None = None

    @property
    def summary(self) -> DatasetSummary:
        """What documents say of it."""
        return DatasetSummary(
            scale=self.scale, seed=self.seed, rows=dict(self.rows), content_hash=self.content_hash
        )


@dataclass(frozen=True, slots=True)
class StatementRun:
    """How long one statement of a migration took; `kind` is, for example, create_index."""

    migration: str
    sql: str
    kind: str
    object: str
    duration_ns: int


class OperationFailed(Exception):
    """An operation cannot run on a database, or not in its state; the text says why."""


class BoundOperation(Protocol):
    """The statements of one operation, as they run on one arm.

    What it runs raises an error of the engine, or OperationFailed where a rule of its own
    forbids it.
    """

    @property
    def statements(self) -> tuple[str, ...]:
        """The SQL, in the order in which it runs."""
        ...

    @property
    def ordered(self) -> bool:
        """Whether the order of its rows is asked for; of others any order is right."""
        ...

    def read(self, connection: Connection, parameters: Parameters) -> Answer:
        """Return the answer, all of its rows."""
        ...

    def write(self, connection: Connection, parameters: Parameters) -> None:
        """Run it in a transaction of its own, commit included."""
        ...

    def run(self, connection: Connection, parameters: Parameters) -> None:
        """Run it in the caller's transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Shape:
    """A published figure of real data, and what the dataset has."""

    name: str
    target: float
    actual: float
    tolerance: float
    source: str
    ok: bool
    note: str
    own_target: float | None = None


class Generator(Protocol):
    """Makes databases of any size for a study."""

    def seed(
        self, database: Path, scale: float, seed: int, progress: Progress | None = None
    ) -> None:
        """Make a new database in the state of the base arm."""
        ...

    def size_estimate(self, scale: float, seed: int) -> int:
        """Return about how many bytes it will have."""
        ...

    def planned(self, scale: float, seed: int) -> Dataset:
        """Return the dataset that such a database will hold, without making it."""
        ...

    def shapes(self, database: Path) -> Iterable[Shape]:
        """Hold the data against published figures."""
        ...


class Hooks(Protocol):
    """How a study's operations run, and what is known of its data.

    `request_shares` are the shares of operations among all requests, as far as they are known;
    `service` is what load can be put on, if there is any. `fact_names` are those of `facts`.
    """

    request_shares: Mapping[str, float]
    fact_names: Collection[str]
    service: Service | None
    generator: Generator | None

    @property
    def gate(self) -> StudyGate | None:
        """How the gate makes two sides of the study's code; None where it has none."""
        ...

    def bind(self, operation: str, parts: Collection[str]) -> BoundOperation:
        """Bind an operation to a database with these tables, and columns as `table.column`."""
        ...

    def dataset(self, database: Path) -> Dataset:
        """Return what a database holds; nothing of it changes."""
        ...

    def applied(self, connection: Connection) -> tuple[str, ...]:
        """Return the migrations of the study that a database has had."""
        ...

    def migrate(
        self,
        connection: Connection,
        names: Collection[str],
        observe: Callable[[StatementRun], None],
    ) -> None:
        """Apply those of the migrations that the database has not had yet."""
        ...

    def migration_text(self, name: str) -> str:
        """Return the SQL of a migration."""
        ...

    def fill(self, connection: Connection, source: Path) -> None:
        """Give rows to tables that only a migration brings; `source` is where its data is from."""
        ...

    def facts(
        self, connection: Connection, sample_parameters: ParameterSampler, rng: np.random.Generator
    ) -> Facts:
        """Look up or try what the study's claims state as facts; nothing is kept."""
        ...


def generator_of(study: Study) -> Generator:
    """Return what makes the study's data.

    Raises:
        StudyError: nothing does.
    """
    generator = hooks_of(study).generator
    if generator is None:
        raise StudyError(
            f"The study {study.name} generates no data; name your database with --db FILE."
        )
    return generator


def service_of(study: Study) -> Service:
    """Return what load is put on.

    Raises:
        StudyError: the study has no service.
    """
    service = hooks_of(study).service
    if service is None:
        raise StudyError(f"The study {study.name} has no service to put load on.")
    return service


@lru_cache
def _module(name: str) -> Hooks:
    try:
        hooks: Hooks = importlib.import_module(name).HOOKS
    except (ImportError, AttributeError) as error:
        raise StudyError(
            f"`hooks` names {name!r}, which is no module with a HOOKS ({error}); correct it, or "
            "leave it out to use the folder's SQL."
        ) from error
    return hooks


@lru_cache
def _folder(folder: Path, later: frozenset[str], engine: str) -> Hooks:
    from bench.study.folder import FolderHooks

    return FolderHooks.read(folder, later, engine_named(engine))


def hooks_of(study: Study) -> Hooks:
    """Return what a study brings: its own module's HOOKS, or what its folder holds.

    Raises:
        StudyError: it names no module and has no folder.
    """
    if study.hooks is not None:
        return _module(study.hooks)
    if study.folder is None:
        raise StudyError(f"The study {study.name} has neither `hooks` nor a folder with its SQL.")
    later = frozenset(operation.name for operation in study.operations if operation.needs)
    return _folder(study.folder, later, study.engine)
