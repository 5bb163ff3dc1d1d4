"""Write failures of the server to the system log, one row for each kind.

`note` never waits and never fails. Equal notes are counted together and written a moment later in
one transaction. The rows per hour are limited, so that many failures fill neither the disk nor the
writer's queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass

from reference_app.activity_log import Details, write_log
from reference_app.clock import Clock, text_of
from reference_app.port import Database, Transaction
from reference_app.vocabulary import LogLevel

WAIT_S = 1.0
RETRY_S = 10.0
ROWS_PER_HOUR = 200
MOST_KINDS = 50
_LONGEST_MESSAGE = 500
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Note:
    details: Details
    first_at: str
    times: int = 0


class Budget:
    """Limits rows: `most` at once, and as many again per hour."""

    def __init__(self, most: int, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic_s = monotonic_s
        self._left = float(most)
        self._at_s = monotonic_s()

    def take(self, wanted: int) -> int:
        """Take `wanted`, or as many as are left."""
        now_s = self._monotonic_s()
        earned = (now_s - self._at_s) * self._most / 3600
        self._left = min(float(self._most), self._left + earned)
        self._at_s = now_s
        taken = min(wanted, int(self._left))
        self._left -= taken
        return taken


class SystemLog:
    """Notes failures, and writes them a moment later."""

    def __init__(self, database: Database, clock: Clock, *, budget: Budget | None = None) -> None:
        self._database = database
        self._clock = clock
        self._budget = budget or Budget(ROWS_PER_HOUR)
        self._notes: dict[tuple[LogLevel, str, str], _Note] = {}
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self.dropped = 0
        """The number of notes that exceeded the budget."""

    def note(self, level: LogLevel, category: str, message: str, **details: str | int) -> None:
        """Count a failure; needs a running event loop."""
        if self._closing.is_set():
            return
        key = (level, category, message[:_LONGEST_MESSAGE])
        note = self._notes.get(key)
        if note is None:
            if len(self._notes) >= MOST_KINDS:
                self.dropped += 1
                return
            note = self._notes[key] = _Note(details, text_of(self._clock.now()))
        note.times += 1
        if self._writing is None or self._writing.done():
            # In a context of its own: the row is for many requests, not only for the first.
            self._writing = asyncio.get_running_loop().create_task(
                self._write_soon(), context=Context()
            )

    async def flush(self) -> None:
        """Write all notes in one transaction; they stay if that fails."""
        if not self._notes:
            return
        notes, self._notes = self._notes, {}
        allowed = self._budget.take(len(notes))
        shown = dict(list(notes.items())[:allowed])
        self.dropped += sum(note.times for key, note in notes.items() if key not in shown)
        dropped = self.dropped

        def work(transaction: Transaction) -> None:
            for (level, category, message), note in shown.items():
                details = {**note.details, "times": note.times}
                if dropped:
                    details["not_written_before"] = dropped
                write_log(transaction, level, category, message, note.first_at, details=details)

        if not shown:
            return
        try:
            await self._database.transact(work)
        except Exception:
            _log.warning("the system's log could not be written; it is tried again", exc_info=True)
            for key, note in shown.items():
                newer = self._notes.setdefault(key, _Note(note.details, note.first_at))
                newer.times += note.times
        else:
            self.dropped -= dropped

    async def close(self) -> None:
        """Write the remaining notes, if the database can be written."""
        self._closing.set()
        if self._writing is not None:
            await self._writing
        await self.flush()

    async def _write_soon(self) -> None:
        await self._pause(WAIT_S)
        await self.flush()
        while self._notes and not self._closing.is_set():
            await self._pause(RETRY_S)
            await self.flush()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)
