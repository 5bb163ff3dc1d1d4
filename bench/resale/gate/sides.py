"""How the gate makes two sides of the shop; see `bench.gate.study_gate.StudyGate`."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.engines.sqlite.files import snapshot
from bench.errors import BenchError
from bench.gate.study_gate import Checkout, Data, Say
from bench.gate.workload import WorkloadItem
from bench.resale.gate import workload
from bench.resale.gate.building import build
from bench.study import Operation
from bench.study.hooks import PARAMETER_SEED, Dataset
from seeds.manifest import manifest_path, read_manifest, rollup_path
from seeds.plan import Plan

DEFAULT_SCALE = 0.1
"""10,000 products and 1 million events."""


class ShopGate:
    """Trees of the shop, each with its own seeds and migrations; or a database that was seeded."""

    package = "reference_app"
    adapter = "bench.resale.gate.tree_adapter:TreeAdapter"
    default_scale = DEFAULT_SCALE

    def require_database(self, database: Path) -> None:
        """Refuse a database that was not seeded.

        Raises:
            BenchError: it has no manifest.
        """
        if not manifest_path(database).is_file():
            raise BenchError(
                f"{database} was not made by `resale-bench seed`; name the operations of a "
                "database of your own with --queries FILE."
            )
        read_manifest(database)

    def copy_database(self, source: Path, target: Path) -> None:
        """Copy a database and what the seeding left beside it."""
        snapshot(source, target)
        for beside in (manifest_path, rollup_path):
            if beside(source).is_file():
                shutil.copy(beside(source), beside(target))

    def build(
        self, base: Checkout | None, head: Checkout, data: Data, scratch: Path, say: Say
    ) -> tuple[Path, Path]:
        """Seed and migrate by each tree's command line; see `bench.resale.gate.building`."""
        if base is None:
            # As large as that run was: it may be minutes and gigabytes.
            rows = Plan(data.scale, data.seed).counts
            say(
                f"the saved run has {rows['products']:,} products and "
                f"{rows['analytics_events']:,} events: so many are seeded"
            )
        return build(base or head, head, data, self.copy_database, scratch, say)

    def workload_item(self, operation: Operation, dataset: Dataset) -> WorkloadItem | None:
        """Sample parameters for one operation of a seeded database."""
        scale = self.default_scale if dataset.scale is None else dataset.scale
        seed = PARAMETER_SEED if dataset.seed is None else dataset.seed
        return workload.workload_item(operation, scale, seed)


GATE = ShopGate()
