"""Build Arrow columns from numpy arrays.

Every column is int64 or utf8. Texts come by ``take`` from a dictionary or as fixed-width bytes,
never by a Python loop over rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seeds import calendar

Ints = NDArray[np.int64]
_HEX = np.frombuffer(bytes(range(256)).hex().encode(), dtype="S2").copy()


def integers(values: Ints, *, null_if_negative: bool = False) -> pa.Array:
    """int64 column; with ``null_if_negative``, values below 0 become null."""
    mask = values < 0 if null_if_negative else None
    return pa.array(values.astype(np.int64, copy=False), type=pa.int64(), mask=mask)


def fixed_text(rows: NDArray[np.uint8]) -> pa.Array:
    """utf8 column from ASCII bytes of shape (n, width)."""
    count, width = rows.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    data = np.ascontiguousarray(rows)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))


def times(seconds: Ints) -> pa.Array:
    """utf8 column 'YYYY-MM-DD HH:MM:SS'."""
    return fixed_text(calendar.texts_of(seconds))


def times_or_null(seconds: Ints, present: NDArray[np.bool_]) -> pa.Array:
    """As ``times``, null where ``present`` is false."""
    return pc.if_else(pa.array(present), times(seconds), pa.scalar(None, pa.string()))


def hex_bytes(rng: np.random.Generator, count: int, width: int) -> NDArray[np.uint8]:
    """Random lower-case hex digits: shape (count, width), width even."""
    raw = np.frombuffer(rng.bytes(count * width // 2), dtype=np.uint8)
    return _HEX[raw].view(np.uint8).reshape(count, width)


def texts(values: Sequence[str]) -> pa.Array:
    """A dictionary of texts for ``take``."""
    return pa.array(values, type=pa.string())


def take(dictionary: pa.Array, indexes: Ints) -> pa.Array:
    """The dictionary's text at each index, null below 0."""
    return dictionary.take(integers(indexes, null_if_negative=True))


def constant(value: str | None, count: int) -> pa.Array:
    """One text, or null, ``count`` times."""
    return pa.repeat(pa.scalar(value, pa.string()), count)


def digits(values: Ints) -> pa.Array:
    """Whole numbers as decimal text."""
    return pa.array(values).cast(pa.string())


def join(*parts: str | pa.Array) -> pa.Array:
    """Concatenate texts element by element; plain strings repeat. Null if any part is null."""
    return pc.binary_join_element_wise(*(pa.scalar(p) if isinstance(p, str) else p for p in parts),
                                       pa.scalar(""))  # fmt: skip


def keep_if(present: NDArray[np.bool_], column: pa.Array) -> pa.Array:
    """The column with null where ``present`` is false."""
    return pc.if_else(pa.array(present), column, pa.scalar(None, column.type))


def numbered(prefix: str, created_s: Ints, ordinal: Ints) -> pa.Array:
    """'PREFIX-YYYYMMDD-NNNNN' from time and number within the day (see past.numbered)."""
    dates = calendar.texts_of(created_s)[:, [0, 1, 2, 3, 5, 6, 8, 9]]
    padded = pc.utf8_lpad(digits(ordinal), width=5, padding="0")
    return join(prefix + "-", fixed_text(dates), "-", padded)


def batch(table: dict[str, pa.Array]) -> pa.RecordBatch:
    """One record batch from named columns."""
    return pa.RecordBatch.from_arrays(list(table.values()), names=list(table))
