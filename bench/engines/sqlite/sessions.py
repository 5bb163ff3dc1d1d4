"""Files of the run that are kept ready, and sessions that write to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from bench.engines import base, records
from bench.engines.sqlite.connection import begin_log, connect, flush
from bench.engines.sqlite.files import beside
from bench.engines.sqlite.state_digest import TouchedRows, difference, equal_tables
from bench.engines.sqlite.statistics import put


class OpenFile:
    """A file of the run that one connection keeps open.

    Otherwise every closing of a measured connection would be the last one, and checkpoint and
    delete the WAL.
    """

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        # A copy that one run makes and removes need not survive a power cut, and
        # exchanging statistics must not wait for the disk.
        self._connection.pragma("synchronous", "off")
        begin_log(self._connection)
        flush(self._connection)

    def put(self, statistics: records.Statistics) -> None:
        """Let connections opened from now on have these statistics."""
        put(self._connection, statistics)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Session:
    """See `bench.engines.base.WriteSession`."""

    timed: apsw.Connection
    warming: apsw.Connection


@contextmanager
def write_session(path: Path) -> Iterator[Session]:
    """Open a file twice, its log begun; what is written stays in the log, which goes at the end.

    Neither connection folds anything of the log into the file. Nobody else may have it open:
    whoever closes a file last folds its log into it.
    """
    try:
        with (
            closing(connect(path, checkpoints=False)) as timed,
            closing(connect(path, checkpoints=False)) as warming,
        ):
            begin_log(timed)
            yield Session(timed, warming)
    finally:
        for left in beside(path):
            left.unlink(missing_ok=True)


class WriteComparison:
    """Notes which rows sessions write, and compares them; see `state_digest`."""

    def __init__(self, sessions: Sequence[base.WriteSession]) -> None:
        self._timed = [session.timed for session in sessions]
        self._before = equal_tables(self._timed)
        self._touched = [TouchedRows(session.warming) for session in sessions]

    def difference(self) -> str | None:
        """Say in which table the files differ now; None where they hold the same."""
        return difference(self._timed, [touched.rows for touched in self._touched], self._before)
