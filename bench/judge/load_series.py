"""Latency by share of requests, and second by second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.results.load import Curve, TimelineSecond

POINTS = 60
_FINEST = 1e-4
_SECOND_NS = 1_000_000_000

Times = npt.NDArray[np.int64]


def percentiles(times_ns: Times) -> Curve:
    """About 60 exact quantiles, dense towards 0.9999.

    Each is the least time that so large a share of all reaches (type 1 of Hyndman and Fan
    1996), so every one was measured. What is left over shrinks geometrically, down to one
    request of all: beyond that only the largest would be repeated.
    """
    if not len(times_ns):
        return ()
    shares = np.unique(1 - np.geomspace(1, max(_FINEST, 1 / len(times_ns)), POINTS))
    values = np.quantile(times_ns, shares, method="inverted_cdf")
    return tuple(
        (round(share, 6), int(value))
        for share, value in zip(shares.tolist(), values.tolist(), strict=True)
    )


@dataclass(frozen=True)
class BlockTimes:
    """One block's requests as columns: nanoseconds from its start, and which got a good answer."""

    due_ns: Times
    ended_ns: Times
    good: npt.NDArray[np.bool_]


def timeline(blocks: Sequence[BlockTimes]) -> tuple[TimelineSecond, ...]:
    """A lane second by second since its blocks began: medians over blocks.

    Quantiles are of the time since due of what was due in that second and got a good answer, None
    where there is none; `requests_per_second` the good answers that came in it; `errors` what was
    due in it and got none. A block that had ended by then answered nothing.
    """
    last_ns = max(
        (int(times.max(initial=-1)) for b in blocks for times in (b.due_ns, b.ended_ns[b.good])),
        default=-1,
    )
    return tuple(_second(blocks, second) for second in range(last_ns // _SECOND_NS + 1))


def _second(blocks: Sequence[BlockTimes], second: int) -> TimelineSecond:
    answered, failed = [], []
    quantiles: dict[float, list[float]] = {0.5: [], 0.99: []}
    for block in blocks:
        due = block.due_ns // _SECOND_NS == second
        answered.append(np.count_nonzero((block.ended_ns // _SECOND_NS == second) & block.good))
        failed.append(np.count_nonzero(due & ~block.good))
        waits_ns = (block.ended_ns - block.due_ns)[due & block.good]
        for share, values in quantiles.items():
            if len(waits_ns):
                values.append(float(np.quantile(waits_ns, share)))
    p50_ns, p99_ns = (round(float(np.median(v))) if v else None for v in quantiles.values())
    return TimelineSecond(
        second=second,
        requests_per_second=float(np.median(answered)),
        p50_ns=p50_ns,
        p99_ns=p99_ns,
        errors=float(np.median(failed)),
    )
