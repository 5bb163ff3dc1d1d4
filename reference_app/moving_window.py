"""Rate limits over a moving window, counted by key in this process.

The clock is monotonic: a wall clock that is set back would prolong a limit.
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
        # Of each key: when and how much was counted, and the sum of it.
        self._hits: dict[tuple[str, ...], deque[tuple[float, int]]] = {}
        self._sums: dict[tuple[str, ...], int] = {}
        self._tidy_at = _MANY_KEYS

    def hit(self, *key: str) -> int:
        """Count one for a key and return 0; at the limit, return the seconds to wait instead."""
        wait_s = self.wait_s(*key)
        if not wait_s:
            self.add(*key)
        return wait_s

    def wait_s(self, *key: str, cost: int = 1) -> int:
        """The whole seconds until `cost` fits under the limit; 0 if it does now."""
        hits = self._hits.get(key)
        if hits is None:
            return 0 if cost <= self._most else math.ceil(self._span_s)
        now = self._monotonic()
        while hits and hits[0][0] <= now - self._span_s:
            self._sums[key] -= hits.popleft()[1]
        left = self._sums[key] + cost
        if left <= self._most:
            return 0
        for at, counted in hits:
            left -= counted
            if left <= self._most:
                return max(1, math.ceil(at + self._span_s - now))
        return math.ceil(self._span_s)

    def add(self, *key: str, cost: int = 1) -> None:
        """Count `cost` for a key, whatever the limit."""
        now = self._monotonic()
        self._hits.setdefault(key, deque()).append((now, cost))
        self._sums[key] = self._sums.get(key, 0) + cost
        if len(self._hits) > self._tidy_at:
            self._tidy(now)

    def __len__(self) -> int:
        """The number of keys that are remembered."""
        return len(self._hits)

    def _tidy(self, now: float) -> None:
        """Forget keys whose last hit has left the window."""
        self._hits = {
            key: hits
            for key, hits in self._hits.items()
            if hits and hits[-1][0] > now - self._span_s
        }
        self._sums = {key: self._sums[key] for key in self._hits}
        self._tidy_at = max(_MANY_KEYS, 2 * len(self._hits))
