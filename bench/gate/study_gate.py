"""What a study brings so that the gate can make two sides of it: see `bench.study.hooks.Hooks`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.errors import BenchError
from bench.gate.trees import Tree
from bench.gate.workload import WorkloadItem
from bench.study import Operation, Study
from bench.study.hooks import Dataset, Hooks

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Checkout:
    """A side that makes its database: its code, its interpreter, and the file."""

    name: str
    tree: Tree
    python: Path
    database: Path


@dataclass(frozen=True, slots=True)
class Data:
    """The state and the size of the databases that both sides make."""

    arm: str
    scale: float
    seed: int


class StudyGate(Protocol):
    """Sides of a study whose operations are code: checkouts, or a database and a migration.

    `package` is the folder that a checkout of it has; `adapter` is the worker's, as MODULE:CLASS.
    """

    package: str
    adapter: str
    default_scale: float

    def require_database(self, database: Path) -> None:
        """Refuse a database that the study did not make. Raises BenchError."""

    def copy_database(self, source: Path, target: Path) -> None:
        """Copy a database of the study and what belongs to it; the source does not change."""

    def build(
        self, base: Checkout | None, head: Checkout, data: Data, scratch: Path, say: Say
    ) -> tuple[Path, Path]:
        """Make both sides' databases, one where nothing tells them apart.

        `base` is None where that is a saved run. Raises BenchError: a side's code cannot do it.
        """

    def workload_item(self, operation: Operation, dataset: Dataset) -> WorkloadItem | None:
        """Sample parameters for one operation; None where the study has none for it."""


def study_gate(study: Study, hooks: Hooks) -> StudyGate:
    """Return how the gate makes sides of a study.

    Raises:
        BenchError: the study's operations are no code that a checkout could change.
    """
    if hooks.gate is None:
        raise BenchError(
            f"The study {study.name} has no code of its own to gate; gate its database and its SQL "
            "with --base DATABASE --queries FILE."
        )
    return hooks.gate
