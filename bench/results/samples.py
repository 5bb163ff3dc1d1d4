"""samples.parquet: every timed execution of a run, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.errors import BenchError

SAMPLES = pa.schema(
    [
        ("operation", pa.dictionary(pa.int16(), pa.string())),
        ("lane", pa.dictionary(pa.int16(), pa.string())),
        ("round", pa.int16()),
        ("draw", pa.int16()),
        ("execution", pa.int16()),
        ("latency_ns", pa.int64()),
    ]
)

Latencies = Mapping[str, Mapping[str, np.ndarray[Any, Any]]]
"""By operation and lane: nanoseconds, of shape (rounds, draws, executions)."""


def write_samples(path: Path, samples: Latencies) -> None:
    """Write every raw latency."""
    tables = [
        _sample_table(operation, lane, latencies_ns)
        for operation, lanes in samples.items()
        for lane, latencies_ns in lanes.items()
    ]
    table = pa.concat_tables(tables).cast(SAMPLES) if tables else SAMPLES.empty_table()
    pq.write_table(table, path, compression="zstd")


def _sample_table(operation: str, lane: str, latencies_ns: np.ndarray[Any, Any]) -> pa.Table:
    rounds, draws, executions = np.indices(latencies_ns.shape, dtype=np.int16).reshape(3, -1)
    size = latencies_ns.size
    return pa.table(
        {
            "operation": pa.array([operation] * size, pa.string()),
            "lane": pa.array([lane] * size, pa.string()),
            "round": rounds,
            "draw": draws,
            "execution": executions,
            "latency_ns": latencies_ns.reshape(-1),
        }
    )


def read_samples(path: Path) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
    """Read raw latencies back.

    Raises:
        BenchError: the run was kept without its raw samples.
    """
    if not path.is_file():
        raise BenchError(f"The run has no raw samples ({path}); take a run that kept them.")
    found: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
    frame = pq.read_table(path)
    operations = np.asarray(frame["operation"].cast(pa.string()).to_pylist(), dtype=object)
    lanes = np.asarray(frame["lane"].cast(pa.string()).to_pylist(), dtype=object)
    columns = {
        name: frame[name].to_numpy() for name in ("round", "draw", "execution", "latency_ns")
    }
    for operation in dict.fromkeys(operations):
        for lane in dict.fromkeys(lanes[operations == operation]):
            rows = (operations == operation) & (lanes == lane)
            shape = tuple(
                int(columns[name][rows].max()) + 1 for name in ("round", "draw", "execution")
            )
            latencies_ns = np.zeros(shape, np.int64)
            latencies_ns[
                columns["round"][rows], columns["draw"][rows], columns["execution"][rows]
            ] = columns["latency_ns"][rows]
            found.setdefault(operation, {})[lane] = latencies_ns
    return found
