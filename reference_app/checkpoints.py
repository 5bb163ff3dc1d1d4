"""Folds the write-ahead log into the database beside the writer, not in its way.

SQLite checkpoints within the commit that makes the log long enough, and whoever sent that commit
waits for the disk: up to a second on a slow one. Here a thread with a connection of its own does
so (PASSIVE, which waits for nobody and makes nobody wait).

What is folded in stays in the log until nobody reads from it. Where scans overlap that never
comes by itself, and the log would grow for ever: when it has grown too long, slow reads are held
back for a moment (reference_app.gate) and the log is emptied.
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
# From here on scans are held back. What is written while those that run are waited for comes on
# top of it.
MOST_LOG_BYTES = 64_000_000
# How long scans that run are waited for before they are broken off and begun again. Pages that
# need a thread wait as long.
PATIENCE_S = 0.25
# The writer waits while the log is emptied, of which little is left to fold in by then.
_EMPTYING_MS = 500
_FRAME_HEADER_BYTES = 24

FileLock = Callable[[float], AbstractContextManager[None]]

_log = logging.getLogger(__name__)


class Checkpoints:
    """A thread that looks at the length of the log, until it is closed.

    `writer` is the connection that no longer checkpoints by itself; `hold` lets no slow read in,
    and breaks off those that are not done after so many seconds.
    """

    def __init__(
        self, path: Path, writer: apsw.Connection, hold: FileLock, *, every_s: float = EVERY_S
    ) -> None:
        writer.wal_autocheckpoint(LAST_RESORT_PAGES)
        # Where a log begins anew by itself, the file is cut to what is usual.
        writer.pragma("journal_size_limit", LOG_BYTES)
        self._log_path = database.beside(path)[0]
        self._hold = hold
        self._hold_from = MOST_LOG_BYTES
        self._frames = 0
        self._every_s = every_s
        self._ended = threading.Event()
        self._connection = database.connect(path)
        self._frame_bytes = self._connection.pragma("page_size") + _FRAME_HEADER_BYTES
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and close its connection."""
        self._ended.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            try:
                self._look()
            except (OSError, apsw.Error):
                _log.exception("the write-ahead log could not be folded in; it is tried again")

    def _look(self) -> None:
        if not self._log_path.is_file() or self._log_path.stat().st_size < LOG_BYTES:
            return
        before = self._frames
        self._frames, folded = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        if self._frames * self._frame_bytes >= self._hold_from:
            with self._hold(PATIENCE_S):
                self._empty(_EMPTYING_MS)
        elif self._frames == folded == before:
            # Nothing was written for a while: the file need not stay as long as it once was.
            self._empty(0)

    def _empty(self, patience_ms: int) -> None:
        """Fold in what is left and cut the log to nothing, if nobody reads from it."""
        self._connection.set_busy_timeout(patience_ms)
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            if self._frames * self._frame_bytes >= self._hold_from:
                # Another process reads, or a scan that was broken off before: not at every turn.
                self._hold_from += MOST_LOG_BYTES
                _log.warning("the write-ahead log %s is long and still being read", self._log_path)
        else:
            self._hold_from = MOST_LOG_BYTES
