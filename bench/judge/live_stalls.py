"""When a shop stood still: nothing was acknowledged although something was due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

STANDSTILL_NS = 100_000_000
"""From this length on a stretch is told as a standstill. Writes are due every tenth of a second
(the probe), so shorter ones would be the spacing of the arrivals."""


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment to another, in nanoseconds from the start of the tape.

    `due` counts the requests that became due in it, where it is a stretch.
    """

    begun_ns: int
    ended_ns: int
    due: int = 0

    @property
    def length_ns(self) -> int:
        """How long it is."""
        return self.ended_ns - self.begun_ns

    def touches(self, other: Span) -> bool:
        """Whether both have a moment in common."""
        return self.begun_ns < other.ended_ns and other.begun_ns < self.ended_ns


def stretches(due_ns: Times, ended_ns: Times, acknowledged: Flags) -> tuple[Span, ...]:
    """The stretches without an acknowledgement, in order.

    Each begins when a request becomes due after the last acknowledgement and ends with the
    next one, or, where none follows, when the last request was answered or given up. So a
    shop of which nothing is asked does not stand still, and one that only refuses does. A
    stretch is never told too long, and too short by at most the pause before that request
    became due.
    """
    if not len(due_ns):
        return ()
    due = np.sort(due_ns)
    ends = np.unique(ended_ns[acknowledged])
    last = int(ended_ns.max())
    if not len(ends) or last > ends[-1]:
        ends = np.append(ends, last)
    begins = np.concatenate(([np.iinfo(np.int64).min], ends[:-1]))
    first = np.searchsorted(due, begins, side="left").tolist()
    after = np.searchsorted(due, ends, side="left").tolist()
    return tuple(
        Span(int(due[one]), int(end), behind - one)
        for one, behind, end in zip(first, after, ends.tolist(), strict=True)
        if one < behind
    )


def standstills(
    spans: Sequence[Span], within: Span, *, least_due: int = 1, least_ns: int = STANDSTILL_NS
) -> tuple[Span, ...]:
    """The stretches that have a moment in common with `within` and are long enough to be told.

    In each of them at least `least_due` requests became due: where some requests are slow by
    themselves, one that is waited for while nothing else is asked is no standstill.
    """
    return tuple(
        span
        for span in spans
        if span.length_ns >= least_ns and span.due >= least_due and span.touches(within)
    )


def longest_ns(spans: Sequence[Span]) -> int:
    """The length of the longest one; 0 of none."""
    return max((span.length_ns for span in spans), default=0)
