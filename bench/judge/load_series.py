"""What the pictures of a load are drawn from: quantiles by share, and seconds.

Judging room: no file, no clock, no database may enter, and no randomness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

POINTS = 60
_FINEST = 1e-4
_SECOND_NS = 1_000_000_000

Times = npt.NDArray[np.int64]


def percentiles(times_ns: Times) -> list[list[float]]:
    """About 60 exact quantiles as [share, nanoseconds], dense towards 0.9999.

    Each is the least time that so large a share of all reaches (type 1 of Hyndman and Fan
    1996), so every one was measured. What is left over shrinks geometrically, down to one
    request of all: beyond that only the largest would be repeated.
    """
    if not len(times_ns):
        return []
    shares = np.unique(1 - np.geomspace(1, max(_FINEST, 1 / len(times_ns)), POINTS))
    values = np.quantile(times_ns, shares, method="inverted_cdf")
    return [
        [round(share, 6), int(value)]
        for share, value in zip(shares.tolist(), values.tolist(), strict=True)
    ]


@dataclass(frozen=True)
class BlockTimes:
    """One block's requests as columns: nanoseconds from its start, and which got a good answer."""

    due_ns: Times
    ended_ns: Times
    good: npt.NDArray[np.bool_]


def timeline(blocks: Sequence[BlockTimes]) -> list[dict[str, Any]]:
    """A lane second by second since its blocks began: medians over blocks.

    `p50_ns` and `p99_ns` are times since due of what was due in that second and got a good
    answer, None where there is none; `requests_per_second` the good answers that came in it;
    `errors` what was due in it and got none. A block that had ended by then answered nothing.
    """
    parts = [_seconds(block) for block in blocks]
    found: list[dict[str, Any]] = []
    for second in range(max(map(len, parts), default=0)):
        there = [part[second] if second < len(part) else _SILENT for part in parts]
        found.append(
            {
                "second": second,
                "requests_per_second": _median(there, "requests_per_second"),
                "p50_ns": _whole(_median(there, "p50_ns")),
                "p99_ns": _whole(_median(there, "p99_ns")),
                "errors": _median(there, "errors"),
            }
        )
    return found


_SILENT: Mapping[str, float | None] = {
    "requests_per_second": 0.0, "p50_ns": None, "p99_ns": None, "errors": 0.0,
}  # fmt: skip


def _seconds(block: BlockTimes) -> list[Mapping[str, float | None]]:
    due, ended = block.due_ns // _SECOND_NS, block.ended_ns[block.good] // _SECOND_NS
    due_good = due[block.good]
    waits_ns = (block.ended_ns - block.due_ns)[block.good]
    last = int(max(due.max(initial=-1), ended.max(initial=-1)))
    return [
        {
            "requests_per_second": float((ended == second).sum()),
            "p50_ns": _quantile(waits_ns[due_good == second], 0.5),
            "p99_ns": _quantile(waits_ns[due_good == second], 0.99),
            "errors": float((due == second).sum() - (due_good == second).sum()),
        }
        for second in range(last + 1)
    ]


def _quantile(values: Times, share: float) -> float | None:
    return float(np.quantile(values, share)) if len(values) else None


def _median(blocks: Sequence[Mapping[str, float | None]], key: str) -> float | None:
    have = [value for block in blocks if (value := block[key]) is not None]
    return float(np.median(have)) if have else None


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
