"""The files of a study's arms while they are measured: opened, switched, copied, removed.

All of them were made by the run that measures them, so they may be written to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.engines.base import Connection, Engine, OpenDatabase
from bench.engines.records import Statistics
from bench.measure import page_cache
from bench.results.migration import StatementCost


@dataclass(frozen=True, slots=True)
class ArmBuilt:
    """One arm, ready to be measured."""

    name: str
    path: Path
    statistics: Statistics
    statements: tuple[StatementCost, ...]
    duration_ns: int
    checkpoint_ns: int
    statistics_ns: int
    bytes_before: int
    bytes_after: int


class ArmFiles:
    """The files of a study's arms, and which statistics each file holds right now.

    `switch` is the only way by which statistics change, so that a connection
    opened after it sees the state of the arm it was opened for. Each file is kept open
    throughout (see `bench.engines.base.Engine.keep_open`).

    `control` is the file of an arm made a second time, in the same way: what both differ by is
    what two files of one content differ by.
    """

    def __init__(
        self,
        engine: Engine,
        arms: Mapping[str, ArmBuilt],
        current: Mapping[Path, Statistics],
        *,
        control: ArmBuilt | None = None,
    ) -> None:
        self.engine = engine
        self.arms = dict(arms)
        self.control = control
        self._current = dict(current)
        self._open: dict[Path, OpenDatabase] = {}

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file, each once."""
        built = [*self.arms.values(), *([self.control] if self.control else [])]
        return tuple(dict.fromkeys(arm.path for arm in built))

    def _kept_open(self, path: Path) -> OpenDatabase:
        if path not in self._open:
            self._open[path] = self.engine.keep_open(path)
        return self._open[path]

    def switch(self, name: str) -> ArmBuilt:
        """Put the file of arm `name` into that arm's state."""
        arm = self.arms[name]
        database = self._kept_open(arm.path)
        if self._current[arm.path] != arm.statistics:
            database.put(arm.statistics)
            self._current[arm.path] = arm.statistics
        return arm

    def open(self, name: str, *, control: bool = False, query_only: bool = True) -> Connection:
        """Open a new connection to arm `name`, or to its control where it has one.

        The caller closes it.
        """
        if control and self.control is not None and self.control.name == name:
            self._kept_open(self.control.path)
            return self.engine.connect(self.control.path, query_only=query_only)
        return self.engine.connect(self.switch(name).path, query_only=query_only)

    def reload(self) -> bool:
        """Bring all files into the page cache in one way; False where they do not fit."""
        self.close()
        return page_cache.reload(file for path in self.paths for file in self.engine.files(path))

    def without(self, names: Collection[str]) -> ArmFiles:
        """Return the other arms without a control; files that no other arm needs are removed."""
        self.close()
        kept = {name: arm for name, arm in self.arms.items() if name not in names}
        kept_paths = {arm.path for arm in kept.values()}
        for path in self.paths:
            if path not in kept_paths:
                self.engine.remove(path)
        return ArmFiles(self.engine, kept, self._current)

    def close(self) -> None:
        """Close what is kept open."""
        for database in self._open.values():
            database.close()
        self._open.clear()
