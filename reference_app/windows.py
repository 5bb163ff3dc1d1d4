"""Limits within a moving window: so many times in so long, counted by key. No I/O.

Counted by the machine's monotonic clock: a wall clock that is set back would hold a limit for
as long as it was set back. The counts live in this process.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

from limits import parse

_MANY_KEYS = 10_000


class MovingWindow:
    """One limit, as in "60/minute", for each of many keys."""

    def __init__(self, limit: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        parsed = parse(limit)
        self._most, self._span_s = parsed.amount, parsed.get_expiry()
        self._monotonic = monotonic
        self._hits: dict[tuple[str, ...], deque[float]] = {}
        self._tidy_at = _MANY_KEYS

    def hit(self, *key: str) -> int:
        """Count one for a key, and answer 0; at the limit, the whole seconds to wait instead."""
        now = self._monotonic()
        hits = self._hits.setdefault(key, deque())
        while hits and hits[0] <= now - self._span_s:
            hits.popleft()
        if len(hits) >= self._most:
            return max(1, math.ceil(hits[0] + self._span_s - now))
        hits.append(now)
        if len(self._hits) > self._tidy_at:
            self._tidy(now)
        return 0

    def __len__(self) -> int:
        """The number of keys that are remembered."""
        return len(self._hits)

    def _tidy(self, now: float) -> None:
        """Forget keys whose last hit has left the window."""
        self._hits = {
            key: hits for key, hits in self._hits.items() if hits[-1] > now - self._span_s
        }
        self._tidy_at = max(_MANY_KEYS, 2 * len(self._hits))
