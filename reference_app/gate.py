"""Holds slow reads back for a moment, so that the write-ahead log can begin anew.

A log begins anew only when nobody reads from it. Scans that overlap leave no such moment: each
begins before the one before it has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """What slow reads pass, one at a time or many, unless it is held."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held = False
        self._inside = 0
        self.breaking = False
        """Whether what is inside had its time, and is to come out and pass again later."""

    @contextmanager
    def passing(self, timeout_s: float) -> Iterator[None]:
        """Wait until the gate is not held, for so long at most, and be inside."""
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
        """Let nobody in, and wait for those inside: first until they are done, then to break off.

        Each wait takes `patience_s` at most; whoever is inside after that stays.
        """
        with self._changed:
            self._held = True
            if not self._changed.wait_for(self._empty, patience_s):
                self.breaking = True
                self._changed.wait_for(self._empty, max(patience_s, _LEAST_S))
        try:
            yield
        finally:
            with self._changed:
                self._held = self.breaking = False
                self._changed.notify_all()

    def _empty(self) -> bool:
        return not self._inside


# What a scan takes to notice that it is to break off, on a busy machine.
_LEAST_S = 1.0
