"""What the leader of a run tells every process of it, as data.

It travels among Locust's options, so that workers on other hosts have it before they start.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bench.load.arrivals import InvalidSchedule, Spacing, Step

KEY = "load_run"
"""The option under which it travels."""
LEAD_S = 2.0
# Drawing a request takes some 60 µs, on each of several processes that share cores.
_LEAD_OF_A_REQUEST_S = 200e-6
_STEP = re.compile(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Announcement:
    """A run: its id, where its log goes, and, if a schedule is sent, which one and when.

    `begin_s` is the time of the schedule's start by the leader's clock, in seconds since the epoch;
    `workers` names the processes that share the schedule, in the order of their slices.
    """

    run: str
    folder: str | None
    steps: tuple[tuple[float, float], ...]
    spacing: Spacing
    begin_s: float
    workers: tuple[str, ...]


def to_option(announced: Announcement) -> dict[str, Any]:
    """As an option holds it, and a message."""
    return asdict(announced)


def of_option(values: Mapping[str, Any] | None) -> Announcement | None:
    """What `to_option` wrote, after a message has made lists of tuples; None if nothing is told."""
    if values is None:
        return None
    steps = tuple((float(rate), float(seconds)) for rate, seconds in values["steps"])
    return Announcement(**{**values, "steps": steps, "workers": tuple(values["workers"])})


def steps_of(text: str) -> tuple[Step, ...]:
    """The steps that `50x10,100x10` says: a rate a second, for so many seconds, each.

    Raises:
        InvalidSchedule: it says none.
    """
    steps = []
    for word in text.split(","):
        match = _STEP.fullmatch(word.strip())
        step = None if match is None else Step(float(match[1]), float(match[2]))
        if step is None or step.rate_per_second <= 0 or step.seconds <= 0:
            raise InvalidSchedule(
                f"{word.strip()!r} is no step; give requests a second and seconds: 50x10,100x10."
            )
        steps.append(step)
    return tuple(steps)


def lead_s(steps: Collection[Step]) -> float:
    """How long before its start a schedule is announced, so that every process has drawn it."""
    requests = sum(step.rate_per_second * step.seconds for step in steps)
    return LEAD_S + _LEAD_OF_A_REQUEST_S * requests
