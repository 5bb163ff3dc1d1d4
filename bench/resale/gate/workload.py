"""Parameter sets and requests of the shop's operations, for the gate.

Everything follows from the seed, so both sides get the same, and each run anew.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from bench.gate.workload import TIMED_SETS, WorkloadItem
from bench.resale.http_requests import CALLS, Keys
from bench.study import Operation
from seeds import plan


def workload_item(operation: Operation, scale: float, seed: int) -> WorkloadItem | None:
    """Sample parameters for one operation; None where this harness has none for it."""
    if operation.name not in plan.SAMPLERS:
        return None
    made = plan.Plan(scale, seed)
    rng = np.random.default_rng([seed, *operation.name.encode()])
    parameters = [plan.sample_parameters(made, operation.name, rng) for _ in range(TIMED_SETS)]
    if not parameters[0]:
        # Without parameters every execution is the same.
        parameters = parameters[:1]
    requests: list[dict[str, Any]] = []
    if operation.name in CALLS and operation.http.startswith("GET "):
        keys = Keys(made)
        requests = [asdict(CALLS[operation.name](keys, values)) for values in parameters]
    return WorkloadItem(operation, tuple(dict(values) for values in parameters), tuple(requests))
