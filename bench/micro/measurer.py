"""One measurer for a study: reads on every arm, then writes on the files that may be written to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import arms, environment, facts
from bench.micro.lanes import TWIN, Draw, Measured, lanes_of, tables_of_arms
from bench.micro.paired import Reads
from bench.micro.writes import Writes
from bench.study import Operation, Study


class Measurer:
    """Measures the operations of a study; writes have to come after all reads.

    `read_only` is None where the source may be written to; otherwise it names
    the source, which is left alone, and the folder for a copy of it.
    """

    def __init__(
        self,
        study: Study,
        files: arms.ArmFiles,
        draw: Draw,
        *,
        seed: int,
        read_only: tuple[Path, Path] | None,
    ) -> None:
        self._study, self._files, self._draw = study, files, draw
        self._seed, self._read_only = seed, read_only
        self._tables = tables_of_arms(files)
        self._reads = Reads(study, files, draw, seed=seed)
        self._writes: Writes | None = None

    def lanes(self, operation: Operation) -> tuple[str, ...]:
        """Return the lanes that an operation will have."""
        base = self._study.base
        if operation.kind == "read":
            return lanes_of(operation, self._tables)
        return (base, TWIN, *(arm for arm in self._written_arms() if arm != base))

    def _written_arms(self) -> list[str]:
        judged = self._files.arms[self._study.judged].path
        seen: dict[Path, str] = {}
        for name, arm in self._files.arms.items():
            if self._read_only is None or arm.path in (judged, self._read_only[0]):
                seen.setdefault(arm.path, name)
        return list(seen.values())

    def measure(self, operation: Operation) -> Measured:
        """Measure one operation.

        Raises:
            MeasurementError: an arm cannot run it.
        """
        if operation.kind == "read":
            return self._reads.measure(operation)
        if self._writes is None:
            if self._read_only is not None:
                self._files = self._files.writable(
                    self._study.base, self._study.judged, self._read_only[1]
                )
            self._writes = Writes(self._study, self._files, self._draw, seed=self._seed)
        return self._writes.measure(operation)

    def pragmas(self) -> dict[str, Any]:
        """Return the settings of a measured connection."""
        connection = self._files.open(self._study.base)
        try:
            return environment.pragmas(connection)
        finally:
            connection.close()

    def facts(self) -> dict[str, int | float | None]:
        """Return what the report states as fact, as the judged arm has it."""
        rng = np.random.default_rng(self._seed)
        connection = self._files.open(self._study.judged, query_only=False)
        try:
            return facts.facts(
                connection,
                self._files.arms[self._study.judged],
                offer=self._draw("respond_to_offer", rng),
                purchase=self._draw("checkout", rng),
            )
        finally:
            connection.close()

    def arm_facts(self) -> dict[str, dict[str, Any]]:
        """Return what each arm holds: tables, indexes by table, and whether it has statistics.

        Indexes that SQLite makes for UNIQUE constraints are counted in.
        """
        found: dict[str, dict[str, Any]] = {}
        for name, arm in self._files.arms.items():
            connection = self._files.open(name)
            try:
                rows = connection.execute(
                    "SELECT tbl_name, name FROM sqlite_master WHERE type = 'index' ORDER BY 1, 2"
                ).fetchall()
            finally:
                connection.close()
            indexes: dict[str, list[str]] = {}
            for table, index in rows:
                indexes.setdefault(str(table), []).append(str(index))
            found[name] = {
                "tables": sorted(self._tables[name]),
                "indexes": indexes,
                "samples": arm.statistics.has_samples,
            }
        return found

    def close(self) -> None:
        """Close every file."""
        self._files.close()
