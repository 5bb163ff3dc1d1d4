"""recommended.json: the migration that follows from what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bench.results.comparison import Verdict
from bench.results.model import DatasetSummary, Document, Measured, Model

Action = Literal["added", "dropped", "kept"]


class MigrationText(Model):
    """One migration, as a user reads and runs it."""

    name: str
    sql: str


class IndexAction(Model):
    """What becomes of one index, and which operations go through it."""

    name: str
    table: str
    sql: str
    action: Action
    reason: str
    serves: tuple[str, ...]


class Recommended(Document):
    """The whole document.

    `migrations` are what `arm` runs after the judged arm's, `statistics` the statements after
    them. `against` gives for each arm that it was compared with the operations by verdict.
    `bytes` are each arm's pages in use beyond those of the base arm.
    """

    schema_version: int = 2
    study: str
    dataset: DatasetSummary
    arm: str
    migrations: tuple[MigrationText, ...]
    statistics: tuple[str, ...]
    indexes: tuple[IndexAction, ...]
    against: Mapping[str, Mapping[Verdict, tuple[str, ...]]]
    bytes: Mapping[str, int]
    verdict: str
    details: tuple[str, ...] = ()
    limits: tuple[str, ...]
    measured: Measured | None = None
