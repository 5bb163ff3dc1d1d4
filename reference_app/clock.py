"""The shop's clock: a port, and the clocks behind it.

On a seeded database "now" counts on from the newest event, so that "the last
7 days" holds the same rows next year. No database and no HTTP may enter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

TEXT = "%Y-%m-%d %H:%M:%S"


class Clock(Protocol):
    """Says what time it is in the shop."""

    def now(self) -> datetime:
        """The shop's present, in UTC, without a zone."""
        ...


class WallClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """The machine's present, in UTC, without a zone."""
        return datetime.now(UTC).replace(tzinfo=None)


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


def clock_from(newest: str | None) -> Clock:
    """A clock that counts on from the newest event's time text; the machine's, if there is none."""
    return WallClock() if newest is None else DatasetClock(datetime.strptime(newest, TEXT))


def text_of(moment: datetime) -> str:
    """A moment as the database writes it, 'YYYY-MM-DD HH:MM:SS'."""
    return moment.strftime(TEXT)


def days_before(moment: datetime, days: int) -> str:
    """The time text of `days` times 24 hours before a moment."""
    return text_of(moment - timedelta(days=days))


def hours_before(moment: datetime, hours: int) -> str:
    """The time text of so many hours before a moment."""
    return text_of(moment - timedelta(hours=hours))
