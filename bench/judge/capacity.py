"""One probe of a rate: whether a service level held.

The quantile is the value that at least that share of the answers does not exceed (type 1 of
Hyndman and Fan 1996), so that "99 % within 250 ms" is a count, and not an interpolation towards
the slowest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from bench.judge.latencies import quantile_ns
from bench.results.capacity import Cause, Probe, ServiceLevel

Times = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_PILES_UP = 3.0
_PILES_UP_SHARE = 0.1
_CHANCE = 0.05


@dataclass(frozen=True, slots=True)
class Offered:
    """How a rate was offered: what generator and server used, and what was sent late."""

    rate_per_second: float
    seconds: float
    late: int = 0
    cpu_share: float = 0.0
    server_cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """The counted requests of a probe, as columns of equal length, in the order of due_ns."""

    due_ns: Times
    since_due_ns: Times
    good: Flags


def judge_probe(
    level: ServiceLevel, offered: Offered, load: Load, spoilt_because: str | None = None
) -> Probe:
    """Whether the level held at the rate that was offered.

    `spoilt_because` says how the generator spoilt the probe, if it did. Where there are fewer
    requests than the quantile needs, too slow ones refute it only if so many are less likely than
    5 % at the share that it allows (the binomial's upper tail); otherwise the probe tells nothing,
    and is invalid.
    """
    counted = len(load.due_ns)
    times = load.since_due_ns[load.good]
    failed = counted - len(times)
    slow = int(np.count_nonzero(times > level.within_ns))
    few = counted < level.least
    because = _because(level, load, slow, few)
    invalid = spoilt_because
    if invalid is None and few and because is None:
        invalid = f"{counted} requests are too few to tell a p{100 * level.quantile:g}."
    return Probe(
        rate_per_second=offered.rate_per_second,
        seconds=offered.seconds,
        counted=counted,
        p50_ns=quantile_ns(times, 0.5, measured=True),
        p99_ns=quantile_ns(times, 0.99, measured=True),
        level_ns=quantile_ns(times, level.quantile, measured=True),
        error_share=failed / counted if counted else 0.0,
        held=because is None and not few,
        because=because,
        valid=invalid is None,
        invalid_because=invalid,
        late=offered.late,
        cpu_share=offered.cpu_share,
        server_cpu_s=offered.server_cpu_s,
        gross=because is not None and 2 * (slow + failed) >= counted,
    )


def _because(level: ServiceLevel, load: Load, slow: int, few: bool) -> Cause | None:
    """What keeps the rate from holding the level."""
    counted, times = len(load.due_ns), load.since_due_ns[load.good]
    if counted and (counted - len(times)) / counted >= level.errors_below:
        return "errors"
    level_ns = quantile_ns(times, level.quantile, measured=True)
    by_chance = few and binom.sf(slow - 1, len(times), 1 - level.quantile) >= _CHANCE
    if level_ns is not None and level_ns > level.within_ns and not by_chance:
        return "latency"
    return "backlog" if piles_up(load, level) else None


def piles_up(load: Load, level: ServiceLevel) -> bool:
    """Whether the backlog grew: the last third waited several times as long as the first.

    Held against the level's limit as well, or a third of a millisecond after a tenth of one
    would count as a backlog. Medians of each third, which a few slow requests do not move.
    """
    count = len(load.due_ns)
    first = quantile_ns(load.since_due_ns[: count // 3], 0.5, measured=True)
    last = quantile_ns(load.since_due_ns[2 * count // 3 :], 0.5, measured=True)
    if first is None or last is None:
        return False
    return last >= _PILES_UP * first and last - first >= _PILES_UP_SHARE * level.within_ns
