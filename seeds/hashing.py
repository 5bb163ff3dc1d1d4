"""Hash the content of tables.

The hash is over values, not over bytes of a file: the same rows give the same hash in any batches,
and `seeds.verify` computes it again from the finished database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class _ColumnHash:
    """The hashes of one column, independent of the batches that it comes in.

    Text: int32 lengths (-1 for null), and the bytes. Integers: int64 values (0 for null),
    and the int64 row numbers of nulls.
    """

    def __init__(self) -> None:
        self._values = hashlib.sha256()
        self._shape = hashlib.sha256()
        self._rows = 0

    def update(self, column: pa.Array) -> None:
        if pa.types.is_string(column.type):
            self._update_text(column)
        else:
            self._update_integers(column)
        self._rows += len(column)

    def _update_text(self, column: pa.Array) -> None:
        lengths, whole = _lengths(column), column
        if column.null_count:
            absent = column.is_null().to_numpy(zero_copy_only=False)
            if np.any(lengths[absent] > 0):  # some kernels leave bytes behind a null
                whole = column.drop_null()
            lengths = np.where(absent, np.int32(-1), lengths)
        self._shape.update(lengths.tobytes())
        self._values.update(_bytes(whole))

    def _update_integers(self, column: pa.Array) -> None:
        if column.null_count:
            absent = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
            self._shape.update((absent + self._rows).astype(np.int64).tobytes())
            column = column.fill_null(0)
        self._values.update(column.to_numpy(zero_copy_only=False).tobytes())

    def digest(self) -> bytes:
        return self._rows.to_bytes(8, "little") + self._values.digest() + self._shape.digest()


def _ends(column: pa.Array) -> NDArray[np.int32]:
    offsets = column.buffers()[1]
    if offsets is None or len(column) == 0:
        return np.zeros(1, dtype=np.int32)
    return np.frombuffer(offsets, dtype=np.int32)[column.offset :][: len(column) + 1]


def _lengths(column: pa.Array) -> NDArray[np.int32]:
    return np.diff(_ends(column))


def _bytes(column: pa.Array) -> memoryview:
    data, ends = column.buffers()[2], _ends(column)
    return memoryview(data if data is not None else b"")[int(ends[0]) : int(ends[-1])]


class ContentHash:
    """Hashes tables batch by batch; batches of one table must come in row order."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, _ColumnHash]] = {}

    def update(self, table: str, batch: pa.RecordBatch) -> None:
        """Add one batch; columns are int64 or utf8."""
        columns = self._tables.setdefault(table, {})
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            columns.setdefault(name, _ColumnHash()).update(column)

    def tables(self) -> Mapping[str, str]:
        """SHA-256 of each table, as hex digits."""
        digests = {}
        for table, columns in sorted(self._tables.items()):
            whole = hashlib.sha256(table.encode())
            for name in sorted(columns):
                whole.update(name.encode() + b"\0" + columns[name].digest())
            digests[table] = whole.hexdigest()
        return digests

    def hexdigest(self) -> str:
        """SHA-256 over all tables, as hex digits; the order of tables does not matter."""
        return hashlib.sha256("".join(self.tables().values()).encode()).hexdigest()
