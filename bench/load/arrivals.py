"""When requests arrive by themselves: seeded times of an open system.

An open arrival does not ask whether the last answer has come: users do not wait for each
other. What a slow server makes late is then seen, and not left out (coordinated omission).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from bench.errors import BenchError

Spacing = Literal["poisson", "even"]
Offsets = npt.NDArray[np.int64]


class InvalidSchedule(BenchError):
    """Arrivals that cannot be offered; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Step:
    """A constant rate for a while."""

    rate_per_second: float
    seconds: float


def arrival_times(steps: Sequence[Step], spacing: Spacing, rng: np.random.Generator) -> Offsets:
    """When each request is due, in nanoseconds from the start, in order.

    `even` leaves equal gaps, the first half a gap from the start of its step; `poisson`
    draws exponential gaps, as users that know nothing of each other come. A Poisson step
    is given exactly round(rate * seconds) arrivals, uniform over it, which is a Poisson
    process of which the count is known (Kingman 1993, "Poisson Processes", section 2.4): so
    all arrivals at a rate offer equally many requests.

    Raises:
        InvalidSchedule: there is no step, or a rate or a time is not positive.
    """
    if not steps:
        raise InvalidSchedule("A schedule needs one step at least; give a rate and a time.")
    parts: list[Offsets] = []
    begin_s = 0.0
    for step in steps:
        if not (0 < step.rate_per_second < 1e6 and 0 < step.seconds < 1e6):
            raise InvalidSchedule(
                f"{step.rate_per_second:g} requests a second for {step.seconds:g} s is no load; "
                "give a rate and a time above 0."
            )
        count = round(step.rate_per_second * step.seconds)
        if spacing == "even":
            within = (np.arange(count) + 0.5) / step.rate_per_second
        else:
            within = np.sort(rng.random(count)) * step.seconds
        parts.append(np.round((begin_s + within) * 1e9).astype(np.int64))
        begin_s += step.seconds
    return np.concatenate(parts)


def seconds_of(steps: Sequence[Step]) -> float:
    """How long the arrivals last."""
    return sum(step.seconds for step in steps)
