"""One measurer for the reads and the writes of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bench.judge.records import ArmFacts
from bench.measure import arms
from bench.measure.facts import schema_facts
from bench.measure.paired import in_passes
from bench.measure.reads import Reads
from bench.measure.series import Measured, tables_of_arms
from bench.measure.writes import Writes
from bench.study import Operation, Study
from bench.study.hooks import ParameterSampler, hooks_of


class Measurer:
    """Measures the operations of a study; every file is afterwards what it was."""

    def __init__(
        self, study: Study, files: arms.ArmFiles, sample_parameters: ParameterSampler, *, seed: int
    ) -> None:
        self._study = study
        self._files = files
        self._sample_parameters = sample_parameters
        self._seed = seed
        self._tables = tables_of_arms(files)
        self._reads = Reads(study, files, sample_parameters, seed=seed)
        self._writes = Writes(study, files, sample_parameters, seed=seed)

    def measure(
        self, operations: Sequence[Operation], progress: Callable[[str], None]
    ) -> dict[str, Measured]:
        """Measure operations, which take turns; what a round writes is gone after it.

        Raises:
            BenchError: an arm cannot run one.
        """
        measure = {"read": self._reads.measure, "write": self._writes.measure}
        under_way = {each.name: measure[each.kind](each) for each in operations}
        return in_passes(under_way, self._study.quick_rounds, progress)

    def pragmas(self) -> Mapping[str, object]:
        """Return the settings of a measured connection."""
        connection = self._files.open(self._study.base)
        try:
            return self._files.engine.settings(connection)
        finally:
            connection.close()

    def facts(self) -> dict[str, int | float | None]:
        """Return what the report states as fact, as the judged arm has it."""
        rng = np.random.default_rng(self._seed)
        connection = self._files.open(self._study.judged, query_only=False)
        try:
            of_schema = schema_facts(
                self._files.engine, connection, self._files.arms[self._study.judged]
            )
            return {
                **of_schema,
                **hooks_of(self._study).facts(connection, self._sample_parameters, rng),
            }
        finally:
            connection.close()

    def arm_facts(self) -> dict[str, ArmFacts]:
        """Return what each arm holds, with the indexes that UNIQUE constraints make."""
        by_arm: dict[str, ArmFacts] = {}
        for name, arm in self._files.arms.items():
            connection = self._files.open(name)
            try:
                tables = self._files.engine.tables_by_index(connection)
            finally:
                connection.close()
            indexes: dict[str, list[str]] = {}
            for index, table in tables.items():
                indexes.setdefault(table, []).append(index)
            by_arm[name] = ArmFacts(self._tables[name], indexes, arm.statistics.has_samples)
        return by_arm

    def close(self) -> None:
        """Close every file."""
        self._files.close()
