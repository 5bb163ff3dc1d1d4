"""Compute the content hash of a finished database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pyarrow as pa

from bench.engines.sqlite.files import reading
from seeds.hashing import ContentHash
from seeds.scale import ROWS_AT_SCALE_1

CHUNK_ROWS = 20_000


def hash_database(db: Path) -> str:
    """The content hash of the 18 seeded tables, equal to the manifest's if nothing was changed.

    Reads row by row: about half a minute at scale 1. Raises DatabaseError.
    """
    whole = ContentHash()
    with reading(db) as connection:
        for table in ROWS_AT_SCALE_1:
            for batch in _batches(connection, table):
                whole.update(table, batch)
    return whole.hexdigest()


def _batches(connection: apsw.Connection, table: str) -> Iterator[pa.RecordBatch]:
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    schema = pa.schema(
        [(str(row[1]), pa.int64() if row[2] == "INTEGER" else pa.string()) for row in columns]
    )
    rows: list[Sequence[Any]] = []
    for row in connection.execute(f"SELECT * FROM {table} ORDER BY id"):
        rows.append(row)
        if len(rows) == CHUNK_ROWS:
            yield _batch(rows, schema)
            rows = []
    if rows:
        yield _batch(rows, schema)


def _batch(rows: list[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [
        pa.array(values, type=field.type)
        for values, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
