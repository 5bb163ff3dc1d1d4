"""pytest-benchmark's JSON, which its `compare` and tools that keep histories of times read.

What they need (their sources, looked up in 2026):

- github-action-benchmark (`tool: pytest`; src/extract.ts): `benchmarks[].fullname` and of `stats`
  `ops`, `stddev`, `mean` and `rounds`.
- Bencher (adapter python_pytest; adapters/python/pytest.rs): `machine_info` and `commit_info`,
  which must be objects, `benchmarks[].fullname`, and `stats.median` and `stats.iqr` as numbers,
  in seconds.
- `pytest-benchmark compare`: `version`, `datetime` and `commit_info` as well, and of each benchmark
  `name`, `group`, `params` and every field of `stats`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from pytest_benchmark import stats as pytest_benchmark_stats

NANO = 1e-9
# Untyped, and so named as such.
_STATS: Any = pytest_benchmark_stats.Stats


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark: a value for each round, in nanoseconds. Histories go by `fullname`."""

    name: str
    fullname: str
    rounds_ns: Sequence[float]
    group: str | None = None
    params: Mapping[str, str] | None = None
    extra_info: Mapping[str, Any] = field(default_factory=dict)


def benchmark_json(
    benchmarks: Sequence[Benchmark],
    *,
    machine: Mapping[str, Any],
    commit: str | None,
    dirty: bool,
    made: str,
) -> dict[str, Any]:
    """Return the whole file; `made` is the time of the run in ISO 8601, or empty."""
    return {
        "machine_info": dict(machine),
        "commit_info": {
            "id": commit or "unversioned",
            "time": None,
            "author_time": None,
            "dirty": dirty,
            "project": "resale-bench",
            "branch": "(unknown)",
        },
        "benchmarks": [_entry(benchmark) for benchmark in benchmarks],
        "datetime": made,
        "version": version("pytest-benchmark"),
    }


def _entry(benchmark: Benchmark) -> dict[str, Any]:
    stats = _STATS()
    for value in benchmark.rounds_ns:
        stats.update(value * NANO)
    params = benchmark.params
    return {
        "group": benchmark.group,
        "name": benchmark.name,
        "fullname": benchmark.fullname,
        "params": None if params is None else dict(params),
        "param": None if params is None else "-".join(params.values()),
        "extra_info": dict(benchmark.extra_info),
        "options": {"disable_gc": True, "timer": "perf_counter_ns", "warmup": True},
        "stats": {**stats.as_dict(), "data": list(stats.data), "iterations": 1},
    }
