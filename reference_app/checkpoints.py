"""Checkpoint the write-ahead log in a thread, without delaying the writer.

SQLite checkpoints within the commit that makes the log long enough, and that commit waits for the
disk: up to a second on a slow one. Here a thread with its own connection checkpoints instead
(PASSIVE, which neither waits for others nor makes them wait).

The log is reused only when nobody reads from it. Overlapping scans can prevent that for ever, and
the log would grow: when it is too long, slow reads are held back for a moment (reference_app.gate)
and the log is emptied.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import apsw

from reference_app import database

EVERY_S = 0.5
# SQLite's own threshold is 1000 pages of 4 KiB; the writer's, as a last resort, is far above.
LOG_BYTES = 4_096_000
LAST_RESORT_PAGES = 32_768
# From here on scans are held back. The log grows further while running scans end.
MOST_LOG_BYTES = 64_000_000
# How long to wait for running scans before they are interrupted and restarted; reads that need a
# thread wait as long.
PATIENCE_S = 0.25
# The writer waits while the log is emptied; little of it is left to checkpoint by then.
_EMPTYING_MS = 500
_FRAME_HEADER_BYTES = 24

FileLock = Callable[[float], AbstractContextManager[None]]

_log = logging.getLogger(__name__)


class Checkpoints:
    """A thread that checks the length of the log, until it is closed.

    `writer` is the connection that no longer checkpoints by itself; `hold` holds slow reads back
    and interrupts those that are not done after so many seconds.
    """

    def __init__(
        self, path: Path, writer: apsw.Connection, hold: FileLock, *, every_s: float = EVERY_S
    ) -> None:
        writer.wal_autocheckpoint(LAST_RESORT_PAGES)
        # A log that restarts by itself is truncated to this.
        writer.pragma("journal_size_limit", LOG_BYTES)
        self._log_path = database.beside(path)[0]
        self._hold = hold
        self._hold_from = MOST_LOG_BYTES
        self._frames = 0
        self._every_s = every_s
        self._stopped = threading.Event()
        self._connection = database.connect(path)
        self._frame_bytes = self._connection.pragma("page_size") + _FRAME_HEADER_BYTES
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and close its connection."""
        self._stopped.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                self._checkpoint()
            except (OSError, apsw.Error):
                _log.exception("the write-ahead log could not be folded in; it is tried again")

    def _checkpoint(self) -> None:
        if not self._log_path.is_file() or self._log_path.stat().st_size < LOG_BYTES:
            return
        before = self._frames
        self._frames, folded = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        if self._frames * self._frame_bytes >= self._hold_from:
            with self._hold(PATIENCE_S):
                self._empty(_EMPTYING_MS)
        elif self._frames == folded == before:
            # Nothing was written for a while: shrink the file.
            self._empty(0)

    def _empty(self, patience_ms: int) -> None:
        """Checkpoint the rest and truncate the log, if nobody reads from it."""
        self._connection.set_busy_timeout(patience_ms)
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            if self._frames * self._frame_bytes >= self._hold_from:
                # Another process reads, or a scan that was interrupted before: retry later.
                self._hold_from += MOST_LOG_BYTES
                _log.warning("the write-ahead log %s is long and still being read", self._log_path)
        else:
            self._hold_from = MOST_LOG_BYTES
