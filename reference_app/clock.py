"""The shop's clock: a port and its implementations.

On a seeded database "now" counts on from the newest event, so that "the last 7 days" holds the
same rows next year. It never goes back: a server stores its time, and the next one starts from it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

TEXT = "%Y-%m-%d %H:%M:%S"
# How far ahead time is stored, and how often: after a kill the clock goes on from the stored time,
# which is later than any that was read.
KEPT_AHEAD = timedelta(seconds=30)
KEEP_EVERY_S = 10.0

_log = logging.getLogger(__name__)


class Clock(Protocol):
    """Says what time it is in the shop."""

    def now(self) -> datetime:
        """The shop's present, in UTC, without a zone."""
        ...


class TimeStore(Protocol):
    """Stores a time that outlives the server."""

    def kept_time(self) -> str | None:
        """The time text that was kept last, None if there never was one."""
        ...

    def keep_time(self, moment: str) -> None:
        """Keep a time text, on disk when this returns.

        Raises:
            DatabaseError: it cannot be written.
        """
        ...


class DatasetClock:
    """Counts on from a moment of the past, at the speed of the machine's monotonic clock."""

    def __init__(
        self, start: datetime, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._start = start
        self._monotonic_ns = monotonic_ns
        self._started_ns = monotonic_ns()

    def now(self) -> datetime:
        """The start, and what has passed since this clock was made."""
        passed_us = (self._monotonic_ns() - self._started_ns) // 1000
        return self._start + timedelta(microseconds=passed_us)


class FixedClock:
    """The fake: always the same moment."""

    def __init__(self, moment: str) -> None:
        self._moment = datetime.strptime(moment, TEXT)

    def now(self) -> datetime:
        """The moment that this clock was made with."""
        return self._moment


class KeptClock:
    """Counts on from the newest event or the stored time, whichever is later.

    The stored time is ahead of `now`, so that a kill does not take the clock back; `close` stores
    the present.

    Raises:
        DatabaseError: the time cannot be kept.
    """

    def __init__(
        self,
        newest: str | None,
        store: TimeStore,
        *,
        every_s: float = KEEP_EVERY_S,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._clock = clock_from(newest, store.kept_time(), monotonic_ns)
        self._store = store
        self._every_s = every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
        self.keep()

    def now(self) -> datetime:
        """The shop's present, in UTC, without a zone."""
        return self._clock.now()

    def keep(self) -> None:
        """Keep a time ahead of the present."""
        self._store.keep_time(text_of(self.now() + KEPT_AHEAD))

    def start(self) -> None:
        """Keep the time again and again, in a thread, until `close`."""
        self._thread.start()

    def close(self) -> None:
        """Stop the thread and store the present; call `now` no more."""
        self._stopped.set()
        self._thread.join()
        try:
            self._store.keep_time(text_of(self.now()))
        except Exception:
            _log.exception("the shop's time could not be kept; the next server begins later")

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                self.keep()
            except Exception:
                # The clock goes on: reservations and sessions have to expire.
                _log.exception("the shop's time could not be kept; it is tried again")


def clock_from(
    newest: str | None,
    kept: str | None = None,
    monotonic_ns: Callable[[], int] = time.monotonic_ns,
) -> Clock:
    """A clock that counts on from the later of two time texts: the newest event, the kept time.

    Without an event it counts on from the machine's time, if that is the later.
    """
    start = datetime.strptime(newest, TEXT) if newest is not None else _machine_time()
    if kept is not None:
        start = max(start, datetime.strptime(kept, TEXT))
    return DatasetClock(start, monotonic_ns)


def _machine_time() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def text_of(moment: datetime) -> str:
    """A moment as the database writes it, 'YYYY-MM-DD HH:MM:SS'."""
    return moment.strftime(TEXT)


def days_before(moment: datetime, days: int) -> str:
    """The time text of `days` times 24 hours before a moment."""
    return text_of(moment - timedelta(days=days))


def hours_before(moment: datetime, hours: int) -> str:
    """The time text of so many hours before a moment."""
    return text_of(moment - timedelta(hours=hours))
