"""The gate's times in pytest-benchmark's JSON, which other tools keep histories of."""

from __future__ import annotations

from typing import Any, Literal

from bench.results.gate import Gate, GatedOperation
from bench.results.pytest_benchmark import Benchmark, benchmark_json


def gate_benchmark_json(
    gate: Gate, lane: Literal["base", "head"] = "head", *, made: str = ""
) -> dict[str, Any]:
    """The gate's times of one side as pytest-benchmark's JSON.

    Each round is one value, in seconds. Operations without a time are left out: a history
    of times has no word for them. `made` is the time of the run in ISO 8601, or empty.
    """
    side = gate.base if lane == "base" else gate.head
    return benchmark_json(
        [
            Benchmark(
                name=operation.name,
                # The same for both sides and every run: histories go by it.
                fullname=f"gate::{operation.name}",
                rounds_ns=rounds_ns,
                extra_info={
                    "operation": operation.name,
                    "lane": lane,
                    **gate.size.json_values(),
                    **_counted(operation, lane),
                },
            )
            for operation in gate.operations
            if (rounds_ns := _rounds_ns(operation, lane))
        ],
        machine=gate.machine,
        commit=side.commit,
        dirty=side.dirty,
        made=made,
    )


def _rounds_ns(operation: GatedOperation, lane: str) -> tuple[int, ...]:
    time = operation.time
    if time is None:
        return ()
    return time.base_rounds_ns if lane == "base" else time.head_rounds_ns


def _counted(operation: GatedOperation, lane: str) -> dict[str, Any]:
    if operation.exact is None:
        return {}
    seen = operation.exact.base if lane == "base" else operation.exact.head
    return seen.model_dump(
        mode="json", include={"vm_steps", "fullscan_steps", "sorts", "plan", "rows"}
    )
