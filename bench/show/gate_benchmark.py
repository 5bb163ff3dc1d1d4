"""The gate's times in pytest-benchmark's JSON, which other tools keep histories of.

Room show: values of gate.json in, figures out; pytest-benchmark's own class makes its
statistics, so that they are what its reader expects.

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
from typing import Any

from pytest_benchmark import stats as theirs

NANO = 1e-9
# Untyped, and so named as such.
_STATS: Any = theirs.Stats


def gate_benchmark_json(
    doc: Mapping[str, Any], lane: str = "head", *, made: str = ""
) -> dict[str, Any]:
    """gate.json's times of one side, `base` or `head`, as pytest-benchmark's JSON.

    Each round is one value, in seconds. Operations without a time are left out: a history
    of times has no word for them. `made` is the time of the run in ISO 8601, or empty.
    """
    side = doc[lane]
    return {
        "machine_info": dict(doc["machine"] or {}),
        "commit_info": {
            "id": side["commit"] or "unversioned",
            "time": None,
            "author_time": None,
            "dirty": bool(side["dirty"]),
            "project": "resale-bench",
            "branch": "(unknown)",
        },
        "benchmarks": [
            _benchmark(entry, lane, doc["size"])
            for entry in doc["operations"]
            if _rounds_ns(entry, lane)
        ],
        "datetime": made,
        "version": version("pytest-benchmark"),
    }


def _rounds_ns(entry: Mapping[str, Any], lane: str) -> list[float]:
    return [] if entry["time"] is None else entry["time"][f"{lane}_rounds_ns"]


def _benchmark(entry: Mapping[str, Any], lane: str, size: Mapping[str, Any]) -> dict[str, Any]:
    stats = _STATS()
    for value in _rounds_ns(entry, lane):
        stats.update(value * NANO)
    seen = None if entry["exact"] is None else entry["exact"][lane]
    counters = ("vm_steps", "fullscan_steps", "sorts", "plan", "rows")
    return {
        "group": None,
        "name": entry["name"],
        # The same for both sides and every run: histories go by it.
        "fullname": f"gate::{entry['name']}",
        "params": None,
        "param": None,
        "extra_info": {
            "operation": entry["name"],
            "lane": lane,
            **dict(size or {}),
            **({} if seen is None else {name: seen[name] for name in counters}),
        },
        "options": {"disable_gc": False, "timer": "perf_counter_ns", "warmup": True},
        "stats": {**stats.as_dict(), "data": list(stats.data), "iterations": 1},
    }
