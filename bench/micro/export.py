"""micro.json: what a run's paired rounds measured, as pytest-benchmark's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import median
from typing import Any

from pytest_benchmark import plugin as pytest_benchmark_plugin

from bench.measure.series import Measured
from bench.measure.timing import sample_medians
from bench.results.pytest_benchmark import Benchmark, benchmark_json

# Untyped, and so named as such.
_MACHINE: Any = pytest_benchmark_plugin.pytest_benchmark_generate_machine_info
_TEST = "bench/micro/test_operations.py"


def micro_json(
    results: Mapping[str, Measured], *, facts: Mapping[str, Any], commit: str | None
) -> dict[str, Any]:
    """Return one benchmark for each operation and series: the median of each round's samples.

    Operations whose answers differ have no times; comparison.json says so.
    """
    head, _, changes = (commit or "").partition("+")
    return benchmark_json(
        [
            _benchmark(entry, series, facts)
            for entry in results.values()
            if entry.answers_equal
            for series in entry.series
            if series in entry.latencies_ns
        ],
        # The name of the machine is nobody else's business.
        machine={**_MACHINE(), "node": ""},
        commit=head or None,
        dirty=bool(changes),
        made=datetime.now(UTC).isoformat(),
    )


def _benchmark(entry: Measured, series: str, facts: Mapping[str, Any]) -> Benchmark:
    info: dict[str, Any] = {"operation": entry.operation, "lane": series, **facts}
    observation = entry.observations.get(series)
    if observation is not None:
        info |= {
            **observation.counters.by_name(),
            "plan": list(observation.plan),
            "rows": observation.rows,
            **(observation.pages or {}),
        }
    name = f"test_operation[{entry.operation}-{series}]"
    return Benchmark(
        name=name,
        fullname=f"{_TEST}::{name}",
        rounds_ns=[median(executions) for executions in sample_medians(entry.latencies_ns[series])],
        group=entry.operation,
        params={"operation": entry.operation, "lane": series},
        extra_info=info,
    )
