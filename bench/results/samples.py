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
"""By operation and series: nanoseconds, of shape (rounds, parameter sets, executions)."""


def write_samples(path: Path, samples: Latencies) -> None:
    """Write every raw latency."""
    tables = [
        _sample_table(operation, series, latencies_ns)
        for operation, latencies_by_series in samples.items()
        for series, latencies_ns in latencies_by_series.items()
    ]
    table = pa.concat_tables(tables).cast(SAMPLES) if tables else SAMPLES.empty_table()
    pq.write_table(table, path, compression="zstd")


def _sample_table(operation: str, series: str, latencies_ns: np.ndarray[Any, Any]) -> pa.Table:
    rounds, sets, executions = np.indices(latencies_ns.shape, dtype=np.int16).reshape(3, -1)
    size = latencies_ns.size
    return pa.table(
        {
            "operation": pa.array([operation] * size, pa.string()),
            "lane": pa.array([series] * size, pa.string()),
            "round": rounds,
            "draw": sets,
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
    latencies: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
    frame = pq.read_table(path)
    operations = np.asarray(frame["operation"].cast(pa.string()).to_pylist(), dtype=object)
    series_column = np.asarray(frame["lane"].cast(pa.string()).to_pylist(), dtype=object)
    columns = {
        name: frame[name].to_numpy() for name in ("round", "draw", "execution", "latency_ns")
    }
    for operation in dict.fromkeys(operations):
        for series in dict.fromkeys(series_column[operations == operation]):
            rows = (operations == operation) & (series_column == series)
            shape = tuple(
                int(columns[name][rows].max()) + 1 for name in ("round", "draw", "execution")
            )
            latencies_ns = np.zeros(shape, np.int64)
            latencies_ns[
                columns["round"][rows], columns["draw"][rows], columns["execution"][rows]
            ] = columns["latency_ns"][rows]
            latencies.setdefault(operation, {})[series] = latencies_ns
    return latencies
