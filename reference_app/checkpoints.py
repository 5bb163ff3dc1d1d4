"""Folds the write-ahead log into the database beside the writer, not in its way. No HTTP may enter.

SQLite checkpoints within the commit that makes the log long enough, and whoever
sent that commit waits for the disk: up to a second on a slow one. Here a thread with a
connection of its own does so (PASSIVE, which waits for nobody and makes nobody wait).
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import apsw

from reference_app import database

EVERY_S = 0.5
# SQLite's own threshold is 1000 pages of 4 KiB; the writer's, as a last resort, is far above.
LOG_BYTES = 4_096_000
LAST_RESORT_PAGES = 32_768

_log = logging.getLogger(__name__)


class Checkpoints:
    """A thread that looks at the length of the log, until it is closed.

    `writer` is the connection that no longer checkpoints by itself.
    """

    def __init__(self, path: Path, writer: apsw.Connection, *, every_s: float = EVERY_S) -> None:
        writer.wal_autocheckpoint(LAST_RESORT_PAGES)
        self._log_path = database.beside(path)[0]
        self._every_s = every_s
        self._ended = threading.Event()
        self._connection = database.connect(path)
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
        if self._log_path.is_file() and self._log_path.stat().st_size >= LOG_BYTES:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
