"""The gate's times in pytest-benchmark's JSON, which other tools keep histories of."""

from __future__ import annotations

from typing import Any, Literal

from bench.results.gate import Gate, GatedOperation
from bench.results.pytest_benchmark import Benchmark, benchmark_json


def gate_benchmark_json(gate: Gate, side: Literal["base", "head"] = "head") -> dict[str, Any]:
    """The gate's times of one side as pytest-benchmark's JSON.

    Each round is one value, in seconds. Operations without a time are left out: a history
    of times has no word for them.
    """
    gate_side = gate.base if side == "base" else gate.head
    return benchmark_json(
        [
            Benchmark(
                name=operation.name,
                # The same for both sides and every run: histories go by it.
                fullname=f"gate::{operation.name}",
                rounds_ns=rounds_ns,
                extra_info={
                    "operation": operation.name,
                    "lane": side,
                    **gate.size.json_values(),
                    **_counted(operation, side),
                },
            )
            for operation in gate.operations
            if (time := operation.time) is not None
            and (rounds_ns := time.base_rounds_ns if side == "base" else time.head_rounds_ns)
        ],
        machine=gate.machine,
        commit=gate_side.commit,
        dirty=gate_side.dirty,
        made="",
    )


def _counted(operation: GatedOperation, side: str) -> dict[str, Any]:
    if operation.exact is None:
        return {}
    counters = {"vm_steps", "fullscan_steps", "sorts", "plan", "rows"}
    seen = operation.exact.base if side == "base" else operation.exact.head
    return seen.model_dump(mode="json", include=counters)
