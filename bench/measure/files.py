"""The files of a study's arms while they are measured: opened, switched, copied, removed.

All of them were made by the run that measures them, so they may be written to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import apsw

from bench.engines.sqlite.connection import connect, transaction
from bench.engines.sqlite.statistics import NONE, Statistics, put
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
    opened after it sees the state of the arm it was opened for. One connection
    a file is kept open throughout: otherwise every closing of a measured
    connection would be the last one, and checkpoint and delete the WAL.

    `control` is the file of an arm made a second time, in the same way: what both differ by is
    what two files of one content differ by.
    """

    def __init__(
        self,
        arms: Mapping[str, ArmBuilt],
        current: Mapping[Path, Statistics] | None = None,
        *,
        control: ArmBuilt | None = None,
    ) -> None:
        self.arms = dict(arms)
        self.control = control
        self._current = dict(current or {})
        self._keepers: dict[Path, apsw.Connection] = {}

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file, each once."""
        built = [*self.arms.values(), *([self.control] if self.control else [])]
        return tuple(dict.fromkeys(arm.path for arm in built))

    def keeper(self, path: Path) -> apsw.Connection:
        """Return the connection that stays open on a file."""
        if path not in self._keepers:
            connection = connect(path)
            # A copy that one run makes and removes need not survive a power cut, and
            # switching must not wait for the disk.
            connection.pragma("synchronous", "off")
            begin_log(connection)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._keepers[path] = connection
        return self._keepers[path]

    def switch(self, name: str) -> ArmBuilt:
        """Put the file of arm `name` into that arm's state."""
        arm = self.arms[name]
        keeper = self.keeper(arm.path)
        if self._current.get(arm.path, NONE) != arm.statistics:
            put(keeper, arm.statistics)
            self._current[arm.path] = arm.statistics
        return arm

    def open(self, name: str, *, control: bool = False, query_only: bool = True) -> apsw.Connection:
        """Open a new connection to arm `name`, or to its control where it has one.

        The caller closes it.
        """
        if control and self.control is not None and self.control.name == name:
            self.keeper(self.control.path)
            return connect(self.control.path, query_only=query_only)
        return connect(self.switch(name).path, query_only=query_only)

    def reload(self) -> bool:
        """Bring all files into the page cache in one way; False where they do not fit."""
        self.close()
        return page_cache.reload(self.paths)

    def without(self, names: Collection[str]) -> ArmFiles:
        """Return the other arms without a control; files that no other arm needs are removed."""
        self.close()
        kept = {name: arm for name, arm in self.arms.items() if name not in names}
        kept_paths = {arm.path for arm in kept.values()}
        for path in self.paths:
            if path not in kept_paths:
                _remove(path)
        return ArmFiles(kept, self._current)

    def close(self) -> None:
        """Close what is kept open."""
        for connection in self._keepers.values():
            connection.close()
        self._keepers.clear()


def begin_log(connection: apsw.Connection) -> None:
    """Commit one page as it is, so that the write-ahead log has been written to.

    While nothing was ever written, SQLite learns the number of pages from the file
    system at the start of each read transaction, and from the log's index afterwards
    (sqlite3PagerPagecount): 0.6 µs, or 5 %, of a query that takes 14 µs. Arms would
    differ by that if some had been written to and others not.

    A savepoint takes the change back: the page then has the bytes that it had, and is committed
    all the same.
    """
    with transaction(connection):
        connection.execute("SAVEPOINT untouched")
        connection.pragma("user_version", ~int(connection.pragma("user_version")))
        connection.execute("ROLLBACK TO untouched")


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
