"""What both sides are asked: operations, drawn parameters, and requests.

Everything follows from the seed, so both sides get the same, and each run anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bench.resale.http_requests import CALLS, Keys
from bench.study import Operation, Study
from seeds import plan

EXACT_DRAWS = 3
TIMED_DRAWS = 12


@dataclass(frozen=True, slots=True)
class WorkloadItem:
    """One operation as the sides are asked for it; `requests` is empty where no GET answers it.

    The first draw is the one that a run of the study counts, see bench.micro.
    """

    operation: Operation
    parameters: tuple[dict[str, Any], ...]
    requests: tuple[dict[str, Any], ...]

    @property
    def judged_by_time(self) -> bool:
        """Whether its time decides: of a write only what it pays for indexes is timed, and told."""
        return self.operation.kind == "read"

    def timed(self) -> tuple[Sequence[dict[str, Any]], Sequence[dict[str, Any]]]:
        """Parameters and requests that are timed."""
        return self.parameters[:TIMED_DRAWS], self.requests[:TIMED_DRAWS]


def asked_of(operation: Operation, scale: float, seed: int) -> WorkloadItem | None:
    """Draw for one operation; None where this harness cannot draw for it."""
    if operation.name not in plan.DRAWS:
        return None
    made = plan.Plan(scale, seed)
    rng = np.random.default_rng([seed, *operation.name.encode()])
    drawn = [plan.draw(made, operation.name, rng) for _ in range(TIMED_DRAWS)]
    if not drawn[0]:
        # Without parameters every draw is the same.
        drawn = drawn[:1]
    requests: list[dict[str, Any]] = []
    if operation.name in CALLS and operation.http.startswith("GET "):
        keys = Keys(made)
        requests = [asdict(CALLS[operation.name](keys, values)) for values in drawn]
    return WorkloadItem(operation, tuple(dict(values) for values in drawn), tuple(requests))


def listed(base: Study | None, head: Study, names: Sequence[str]) -> list[Operation]:
    """The operations of both sides, the head's first; only `names`, where some are given.

    Raises:
        bench.study.StudyError: neither side has an operation of that name.
    """
    found = {one.name: one for one in head.operations}
    for one in base.operations if base is not None else ():
        found.setdefault(one.name, one)
    for name in names:
        if name not in found:
            head.operation(name)
    return [one for one in found.values() if not names or one.name in names]
