"""A schedule: which requests are due when, drawn once and sent to every arm alike.

Equal datasets, shares, arrival times and a seed make equal schedules, byte by byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import orjson

from bench.errors import BenchError
from bench.load.arrivals import Offsets
from bench.study.hooks import Dataset
from bench.study.service import Request, Service

# Parameters that would use up a row a second time are drawn anew, so often.
_MOST_ATTEMPTS = 1000


class ScheduleExhausted(BenchError):
    """The dataset has too few rows for so many writes; the text says for which."""


@dataclass(frozen=True, slots=True)
class ScheduledRequest:
    """One request and when it is due, in nanoseconds from the start of the schedule."""

    due_ns: int
    name: str
    request: Request


@dataclass(frozen=True)
class Schedule:
    """Requests in the order in which they are due.

    `refusals` are statuses by operation with which a service in order may refuse it.
    """

    requests: tuple[ScheduledRequest, ...]
    refusals: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over every request: equal schedules, and only those, have equal ones."""
        digest = hashlib.sha256()
        for scheduled in self.requests:
            digest.update(orjson.dumps(to_json(scheduled)))
        return digest.hexdigest()

    def of_worker(self, index: int, workers: int) -> Schedule:
        """Every `workers`-th request: what one of several generators sends."""
        return Schedule(self.requests[index::workers], self.refusals)


def to_json(scheduled: ScheduledRequest) -> list[object]:
    """A scheduled request as JSON holds it: due_ns, name, method, path, body, headers."""
    request = scheduled.request
    return [scheduled.due_ns, scheduled.name, request.method, request.path, request.body,
            dict(request.headers)]  # fmt: skip


def of_json(entry: Sequence[object]) -> ScheduledRequest:
    """The scheduled request that `to_json` wrote."""
    due_ns, name, method, path, body, headers = entry
    return ScheduledRequest(due_ns, name, Request(method, path, body, headers))  # type: ignore[arg-type]


def merged(schedules: Sequence[Schedule]) -> Schedule:
    """Several schedules of one service as one."""
    requests = [request for schedule in schedules for request in schedule.requests]
    return Schedule(
        tuple(sorted(requests, key=lambda request: request.due_ns)), schedules[0].refusals
    )


@dataclass(frozen=True)
class RequestMix:
    """What is sent to a service: each operation's share, on rows of a dataset."""

    service: Service
    dataset: Dataset
    shares: Mapping[str, float]

    def only(self, shares: Mapping[str, float]) -> RequestMix:
        """The same with other shares."""
        return replace(self, shares=shares)


def sample_schedule(mix: RequestMix, due_ns: Offsets, seed: int) -> Schedule:
    """Draw a request for each time at which one is due.

    Raises:
        ScheduleExhausted: more writes are due than the dataset has rows that they use up.
    """
    service, dataset = mix.service, mix.dataset
    rng = np.random.default_rng([dataset.seed or 0, seed])
    names = tuple(mix.shares)
    shares = np.fromiter(mix.shares.values(), np.float64)
    picks = rng.choice(len(names), size=len(due_ns), p=shares)
    sample_request = service.requests(dataset)
    used: set[object] = set()

    def fresh(name: str, nth: int) -> Request:
        parameter = service.exclusive.get(name)
        for _ in range(_MOST_ATTEMPTS):
            sampled = sample_request(name, nth, rng)
            if parameter is None:
                return sampled.request
            row = (parameter, sampled.parameters[parameter])
            if row not in used:
                used.add(row)
                return sampled.request
        raise ScheduleExhausted(
            f"The dataset has too few rows left for another {name}; "
            "seed a larger one, or offer less load."
        )

    return Schedule(
        tuple(
            ScheduledRequest(offset_ns, names[pick], fresh(names[pick], nth))
            for nth, (offset_ns, pick) in enumerate(
                zip(due_ns.tolist(), picks.tolist(), strict=True)
            )
        ),
        service.refusals,
    )
