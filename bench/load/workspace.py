"""Where a load job takes its database from, and where everything goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.measure import arms, disk
from bench.progress import bars
from bench.study import Study
from bench.study.hooks import Dataset, generator_of, hooks_of

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Workspace:
    """A study's source database and the folders; `database` None: generate one of this size."""

    study: Study
    out: Path
    work: Path
    scale: float
    seed: int
    database: Path | None = None

    def with_arms(self, names: Sequence[str]) -> Workspace:
        """The same for these arms only, and the base that they are built from."""
        study = self.study
        wanted = {study.base, *names}
        kept = tuple(arm for arm in study.arms if arm.name in wanted)
        judged = study.judged if study.judged in wanted else names[-1]
        return replace(self, study=replace(study, arms=kept, judged=judged))

    def dataset(self) -> Dataset:
        """The dataset of the source, as it is or will be.

        Raises:
            BenchError: the database is not in the state of the base arm.
        """
        if self.database is None:
            return generator_of(self.study).planned(self.scale, self.seed)
        arms.check_source(self.database, self.study)
        return hooks_of(self.study).dataset(self.database)

    def source_bytes(self) -> int:
        """How large the source is or will be."""
        if self.database is None:
            return generator_of(self.study).size_estimate(self.scale, self.seed)
        return self.database.stat().st_size

    def check_disk(self, say: Say) -> None:
        """Say and check what the files of the study's arms need of disk at their peak.

        Raises:
            BenchError: that much is not free.
        """
        source_bytes, copies = self.source_bytes(), arms.files_needed(self.study)
        if self.database is None:
            needed = disk.need(source_bytes, copies=copies, plain=1).total_bytes
        else:
            needed = disk.need(source_bytes, copies=copies, plain=2).total_bytes - source_bytes
        say(f"disk needed at the peak: {disk.amount(needed)} in {self.work}")
        disk.require_free_space(self.work, needed, sized=self.database is None)

    def source(self, folder: Path) -> Path:
        """The database that arms are built from: as given, or generated into `folder`."""
        if self.database is not None:
            return self.database
        path = folder / "source.db"
        with bars() as bar:
            generator_of(self.study).seed(path, self.scale, self.seed, bar)
        return path
