"""Hold slow reads back for a moment, so that the write-ahead log can be reset.

A log is reset only when nobody reads from it. Overlapping scans leave no such moment.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Slow reads pass it, any number at a time, unless it is held."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held = False
        self._inside = 0
        self.interrupting = False
        """Whether reads inside have to stop and pass again later."""

    @contextmanager
    def passing(self, timeout_s: float) -> Iterator[None]:
        """Wait until the gate is not held, for so long at most, and enter."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held, timeout_s)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def held(self, patience_s: float) -> Iterator[None]:
        """Admit no read, and wait for those inside: first to end, then to be interrupted.

        Each wait takes `patience_s` at most; a read that is inside after that stays.
        """
        with self._changed:
            self._held = True
            if not self._changed.wait_for(self._empty, patience_s):
                self.interrupting = True
                self._changed.wait_for(self._empty, max(patience_s, _LEAST_S))
        try:
            yield
        finally:
            with self._changed:
                self._held = self.interrupting = False
                self._changed.notify_all()

    def _empty(self) -> bool:
        return not self._inside


# What a scan takes to notice the interruption, on a busy machine.
_LEAST_S = 1.0
