"""One probe of a rate: whether a service level held.

Judging room: values in, values out; no file, no clock, no server and no randomness may enter.
`bench.judge.capacity_search` chooses rates, `bench.judge.capacity_points` makes verdicts.

The quantile is the value that at least that share of the answers does not exceed (type 1 of
Hyndman and Fan 1996), so that "99 % within 250 ms" is a count, and not an interpolation towards
the slowest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from bench.errors import BenchError

Cause = Literal["latency", "errors", "backlog"]
Times = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_PILES_UP = 3.0
_PILES_UP_SHARE = 0.1
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """What a rate must hold: a quantile within a time, errors below a share.

    Raises:
        BenchError: no level that a probe could decide.
    """

    quantile: float = 0.99
    within_ns: int = 250_000_000
    errors_below: float = 0.001

    def __post_init__(self) -> None:
        if not 0.5 <= self.quantile <= 0.999:
            raise BenchError(
                f"A quantile of {self.quantile:g} cannot be probed; give one from 0.5 to 0.999."
            )
        if self.within_ns <= 0 or not 0 < self.errors_below <= 1:
            raise BenchError(
                "A service level needs a time above 0 and a share of errors above 0 and up to 1."
            )

    @property
    def least(self) -> int:
        """How many requests a probe needs for its quantile to mean something.

        So many that, were one more in 1 / (1 - quantile) beyond the limit, the chance of seeing
        none at all would be 5 %: quantile ** n = 0.05 (Wilks 1941, one-sided tolerance limits).
        It is 299 for the p99.
        """
        return math.ceil(math.log(1 - _CONFIDENCE) / math.log(self.quantile))

    def to_json(self) -> dict[str, Any]:
        """As capacity.json holds it."""
        return {
            "quantile": self.quantile,
            "within_ns": self.within_ns,
            "errors_below": self.errors_below,
        }


@dataclass(frozen=True, slots=True)
class Probe:
    """One rate, offered once. Times are since due, of good answers only.

    `counted` are the slots after the warm-up. `gross` tells that half of them came too late or
    went wrong. `invalid_because` is set where the probe tells nothing of the server: the generator
    did not offer what it should have, or too little was asked. `apart` marks a probe of the rate
    that the shop needs, which the search takes no notice of.
    """

    rate_per_second: float
    seconds: float = 0.0
    counted: int = 0
    p50_ns: int | None = None
    p99_ns: int | None = None
    level_ns: int | None = None
    error_share: float = 0.0
    held: bool = False
    because: Cause | None = None
    gross: bool = False
    late: int = 0
    cpu_share: float = 0.0
    server_cpu_s: float = 0.0
    invalid_because: str | None = None
    apart: bool = False

    @property
    def valid(self) -> bool:
        """Whether it tells of the server."""
        return self.invalid_because is None

    def to_json(self) -> dict[str, Any]:
        """As capacity.json holds it."""
        return {
            "rate_per_second": self.rate_per_second,
            "seconds": self.seconds,
            "counted": self.counted,
            "p50_ns": self.p50_ns,
            "p99_ns": self.p99_ns,
            "level_ns": self.level_ns,
            "error_share": self.error_share,
            "held": self.held,
            "because": self.because,
            "valid": self.valid,
            "invalid_because": self.invalid_because,
            "late": self.late,
            "cpu_share": self.cpu_share,
            "server_cpu_s": self.server_cpu_s,
        }


@dataclass(frozen=True, slots=True)
class Load:
    """What a probe's counted slots came to, as columns of equal length, in the order of due_ns."""

    due_ns: Times
    since_due_ns: Times
    good: Flags


def measured(level: ServiceLevel, load: Load) -> dict[str, Any]:
    """The figures and the judgement of one probe, as the fields of `Probe` that follow from it.

    Where there are fewer requests than the quantile needs, too slow ones refute it only if so
    many are less likely than 5 % at the share that it allows (the binomial's upper tail);
    otherwise the probe tells nothing, and is invalid.
    """
    counted = len(load.due_ns)
    times = load.since_due_ns[load.good]
    errors = (counted - len(times)) / counted if counted else 0.0
    level_ns = quantile_ns(times, level.quantile)
    slow = int(np.count_nonzero(times > level.within_ns))
    few = counted < level.least
    because: Cause | None = None
    if errors >= level.errors_below:
        because = "errors"
    elif (
        level_ns is not None
        and level_ns > level.within_ns
        and not (few and binom.sf(slow - 1, len(times), 1 - level.quantile) >= 1 - _CONFIDENCE)
    ):
        because = "latency"
    elif piles_up(load, level):
        because = "backlog"
    return {
        "counted": counted,
        "p50_ns": quantile_ns(times, 0.5),
        "p99_ns": quantile_ns(times, 0.99),
        "level_ns": level_ns,
        "error_share": errors,
        "held": because is None and not few,
        "because": because,
        "gross": because is not None and 2 * (slow + counted - len(times)) >= counted,
        "invalid_because": (
            f"{counted} requests are too few to tell a p{100 * level.quantile:g}."
            if few and because is None
            else None
        ),
    }


def quantile_ns(times: Times, share: float) -> int | None:
    """The smallest time that at least `share` of the times do not exceed; None of none."""
    if len(times) == 0:
        return None
    return int(np.quantile(times, share, method="inverted_cdf"))


def piles_up(load: Load, level: ServiceLevel) -> bool:
    """Whether the backlog grew: the last third waited several times as long as the first.

    Held against the level's limit as well, or a third of a millisecond after a tenth of one
    would count as a backlog. Each third is told by its median, which a few slow requests do
    not move.
    """
    first, last = (
        quantile_ns(part, 0.5)
        for part in (
            load.since_due_ns[: len(load.due_ns) // 3],
            load.since_due_ns[2 * len(load.due_ns) // 3 :],
        )
    )
    if first is None or last is None:
        return False
    return last >= _PILES_UP * first and last - first >= _PILES_UP_SHARE * level.within_ns
