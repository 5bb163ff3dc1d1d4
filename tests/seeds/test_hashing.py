"""The content hash sees values and their order, not how they were cut."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeds.hashing import ContentHash

ROWS = st.lists(
    st.tuples(st.none() | st.integers(-(2**63), 2**63 - 1), st.none() | st.text(max_size=5)),
    min_size=1,
    max_size=20,
)


def _batch(rows: list[tuple[int | None, str | None]]) -> pa.RecordBatch:
    numbers, texts = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays(
        [pa.array(numbers, pa.int64()), pa.array(texts, pa.string())], names=["n", "t"]
    )


def _hash(*batches: pa.RecordBatch) -> str:
    whole = ContentHash()
    for batch in batches:
        whole.update("table", batch)
    return whole.hexdigest()


@given(ROWS, st.integers(0, 20))
def test_the_cut_leaves_no_trace(rows: list[tuple[int | None, str | None]], cut: int) -> None:
    batch = _batch(rows)
    assert _hash(batch.slice(0, cut), batch.slice(cut)) == _hash(batch)


@given(ROWS, ROWS)
def test_other_rows_are_another_hash(
    one: list[tuple[int | None, str | None]], other: list[tuple[int | None, str | None]]
) -> None:
    assert (_hash(_batch(one)) == _hash(_batch(other))) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([(None, "")], [(0, "")]),
        ([(1, None)], [(1, "")]),
        ([(1, "ab"), (2, "c")], [(1, "a"), (2, "bc")]),
    ],
)
def test_null_is_not_nothing_and_borders_count(
    one: list[tuple[int | None, str | None]], other: list[tuple[int | None, str | None]]
) -> None:
    assert _hash(_batch(one)) != _hash(_batch(other))


def test_bytes_hidden_behind_a_null_do_not_count() -> None:
    shown = pa.array(["a", None, "b"])
    offsets = pa.array([0, 1, 3, 4], pa.int32()).buffers()[1]
    hidden = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"axxb"), shown.buffers()[0])
    assert hidden.to_pylist() == shown.to_pylist()
    cut = [pa.RecordBatch.from_arrays([column], names=["t"]) for column in (shown, hidden)]
    assert _hash(cut[0]) == _hash(cut[1])
