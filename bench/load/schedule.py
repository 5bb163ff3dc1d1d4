"""The tape: which requests are due when, drawn once and played to every arm alike. Pure.

A tape is data. Equal plans, mixes, schedules and seeds make equal tapes, byte by byte, whatever
plays them and however often.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import orjson

from bench.errors import BenchError
from bench.load.arrivals import Offsets
from bench.resale.http_requests import Keys, Request, request_of
from seeds.plan import Plan, sample_parameters, staff

# A draw that would use up a row a second time is drawn anew, so often.
_TRIES = 1000
# Whose draws use a row up, by the parameter that names it: what was bought or answered once
# would only be refused the second time.
EXCLUSIVE: Mapping[str, str] = {
    "checkout": "product_id",
    "reserve": "product_id",
    "respond_to_offer": "batch_id",
}


class ScheduleExhausted(BenchError):
    """The seeded shop has too few rows for so many writes; the text says which."""


@dataclass(frozen=True, slots=True)
class ScheduledRequest:
    """One request and when it is due, in nanoseconds from the start of the tape."""

    due_ns: int
    name: str
    request: Request


@dataclass(frozen=True)
class Schedule:
    """Slots in the order in which they are due."""

    slots: tuple[ScheduledRequest, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over every slot: equal tapes, and only those, have equal ones."""
        found = hashlib.sha256()
        for slot in self.slots:
            found.update(orjson.dumps(slot_to_json(slot)))
        return found.hexdigest()

    def of_worker(self, index: int, workers: int) -> Schedule:
        """Every `workers`-th slot: what one of several players plays of it."""
        return Schedule(self.slots[index::workers])


def slot_to_json(slot: ScheduledRequest) -> list[object]:
    """A slot as JSON holds it: due_ns, name, method, path, body, headers."""
    request = slot.request
    return [slot.due_ns, slot.name, request.method, request.path, request.body,
            dict(request.headers)]  # fmt: skip


def slot_of_json(entry: Sequence[object]) -> ScheduledRequest:
    """The slot that `slot_to_json` wrote."""
    due_ns, name, method, path, body, headers = entry
    return ScheduledRequest(due_ns, name, Request(method, path, body, headers))  # type: ignore[arg-type]


def record(plan: Plan, shares: Mapping[str, float], due_ns: Offsets, seed: int) -> Schedule:
    """Draw a request for each time at which one is due.

    `shares` are those of bench.resale.user_profiles; what each request draws comes from the seeded
    plan, so every id in it exists.

    Raises:
        ScheduleExhausted: more writes are due than the shop has rows that they use up.
    """
    rng = np.random.default_rng([plan.seed, seed])
    names = tuple(shares)
    picks = rng.choice(len(names), size=len(due_ns), p=np.fromiter(shares.values(), np.float64))
    admins = staff(plan)
    used: set[object] = set()
    slots = []
    for nth, (due, pick) in enumerate(zip(due_ns.tolist(), picks.tolist(), strict=True)):
        name = names[pick]
        keys = Keys(plan, staff_id=admins[nth % len(admins)])
        slots.append(ScheduledRequest(due, name, _fresh(name, plan, keys, rng, used)))
    return Schedule(tuple(slots))


def _fresh(
    name: str, plan: Plan, keys: Keys, rng: np.random.Generator, used: set[object]
) -> Request:
    parameter = EXCLUSIVE.get(name)
    for _ in range(_TRIES):
        drawn: list[object] = []

        def drawing(operation: str, drawn: list[object] = drawn) -> Mapping[str, object]:
            params = sample_parameters(plan, operation, rng)
            if parameter is not None:
                drawn.append((parameter, params[parameter]))
            return params

        request = request_of(name, drawing, keys)
        if not used.intersection(drawn):
            used.update(drawn)
            return request
    raise ScheduleExhausted(
        f"The seeded shop has too few rows left for another {name}; "
        "seed a larger shop, or offer less load."
    )
