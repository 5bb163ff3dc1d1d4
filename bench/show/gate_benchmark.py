"""The gate's times in pytest-benchmark's JSON, which other tools keep histories of.

pytest-benchmark's own class makes the statistics, so that they are what its reader expects.

Who reads what (their sources, looked up in 2026):

- github-action-benchmark (`tool: pytest`; src/extract.ts): `benchmarks[].fullname` and of `stats`
  `ops`, `stddev`, `mean` and `rounds`.
- Bencher (adapter python_pytest; adapters/python/pytest.rs): `machine_info` and `commit_info`,
  which must be objects, `benchmarks[].fullname`, and `stats.median` and `stats.iqr` as numbers,
  in seconds.
- `pytest-benchmark compare`: `version`, `datetime` and `commit_info` as well, and of each benchmark
  `name`, `group`, `params` and every field of `stats`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Literal

from pytest_benchmark import stats as theirs

from bench.results.gate import Gate, GatedOperation

NANO = 1e-9
# Untyped, and so named as such.
_STATS: Any = theirs.Stats


def gate_benchmark_json(
    gate: Gate, lane: Literal["base", "head"] = "head", *, made: str = ""
) -> dict[str, Any]:
    """The gate's times of one side as pytest-benchmark's JSON.

    Each round is one value, in seconds. Operations without a time are left out: a history
    of times has no word for them. `made` is the time of the run in ISO 8601, or empty.
    """
    side = gate.base if lane == "base" else gate.head
    return {
        "machine_info": dict(gate.machine),
        "commit_info": {
            "id": side.commit or "unversioned",
            "time": None,
            "author_time": None,
            "dirty": side.dirty,
            "project": "resale-bench",
            "branch": "(unknown)",
        },
        "benchmarks": [
            _benchmark(operation, lane, rounds_ns, gate.size)
            for operation in gate.operations
            if (rounds_ns := _rounds_ns(operation, lane))
        ],
        "datetime": made,
        "version": version("pytest-benchmark"),
    }


def _rounds_ns(operation: GatedOperation, lane: str) -> tuple[int, ...]:
    time = operation.time
    if time is None:
        return ()
    return time.base_rounds_ns if lane == "base" else time.head_rounds_ns


def _benchmark(
    operation: GatedOperation, lane: str, rounds_ns: tuple[int, ...], size: Mapping[str, Any]
) -> dict[str, Any]:
    stats = _STATS()
    for value in rounds_ns:
        stats.update(value * NANO)
    counted: dict[str, Any] = {}
    if operation.exact is not None:
        seen = operation.exact.base if lane == "base" else operation.exact.head
        names = {"vm_steps", "fullscan_steps", "sorts", "plan", "rows"}
        counted = seen.model_dump(mode="json", include=names)
    return {
        "group": None,
        "name": operation.name,
        # The same for both sides and every run: histories go by it.
        "fullname": f"gate::{operation.name}",
        "params": None,
        "param": None,
        "extra_info": {"operation": operation.name, "lane": lane, **size, **counted},
        "options": {"disable_gc": False, "timer": "perf_counter_ns", "warmup": True},
        "stats": {**stats.as_dict(), "data": list(stats.data), "iterations": 1},
    }
