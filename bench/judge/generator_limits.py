"""When a generator offered another load than was planned, so that its times say nothing."""

from __future__ import annotations

import math

MOST_LATE_SHARE = 0.01
"""The share of requests that may be sent late; of those never sent no more is excused."""
MOST_CPU_SHARE = 0.8
"""A generator that uses more of its core than this measures itself."""


def most_late(scheduled: int) -> float:
    """How many of so many requests may be late without showing that too large a share is.

    Up to 2.33 standard deviations above that share, which chance exceeds in one of 100 runs: of
    a handful of requests a few late ones are no evidence.
    """
    share = MOST_LATE_SHARE
    return share * scheduled + 2.33 * math.sqrt(share * (1 - share) * scheduled)


def fell_behind(scheduled: int, late: int, missed: int) -> bool:
    """Whether too many of the scheduled requests were sent late or never."""
    return missed > MOST_LATE_SHARE * scheduled or late + missed > most_late(scheduled)


def was_busy(cpu_share: float) -> bool:
    """Whether it used too much of its core, or nobody knows how much (NaN)."""
    return not cpu_share <= MOST_CPU_SHARE
