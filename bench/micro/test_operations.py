"""Ordinary benchmarks of a study's operations on one arm.

    pytest bench/micro --benchmark-only --arm before --benchmark-save before
    pytest bench/micro --benchmark-only --arm after --benchmark-save after
    pytest-benchmark compare --group-by group

One arm after another, so an hour's change of pace is in the comparison: `resale-bench micro`
measures arms in paired rounds instead, and docs/how-it-measures.md says when to use which.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from bench.micro.conftest import ArmUnderTest
from bench.study import Operation
from bench.study.hooks import PARAMETER_SEED

WRITE_ROUNDS = 50


def test_operation(benchmark: Any, arm: ArmUnderTest, operation: Operation) -> None:
    """Execute the operation: reads on one parameter set, writes on a new one in each round.

    Writes are timed without their commit, and rolled back.
    """
    lacking = sorted(set(operation.needs) - arm.parts)
    if lacking:
        pytest.skip(f"the arm {arm.name} has no table {lacking[0]}")
    benchmark.group = operation.name
    benchmark.extra_info["arm"] = arm.name
    bound = arm.bind(operation.name, arm.parts)
    rng = np.random.default_rng([PARAMETER_SEED, *operation.name.encode()])
    if operation.kind == "read":
        benchmark(bound.read, arm.connection, arm.sample_parameters(operation.name, rng))
        return

    with ExitStack() as stack:

        def begin() -> tuple[tuple[Any, ...], dict[str, Any]]:
            stack.close()
            stack.enter_context(arm.engine.rolled_back(arm.connection))
            return (arm.connection, arm.sample_parameters(operation.name, rng)), {}

        benchmark.pedantic(bound.run, setup=begin, rounds=WRITE_ROUNDS)
