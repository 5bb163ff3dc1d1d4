"""Making ahead, in order, in the asked-for cut."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeds import pipeline


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_results_come_in_order(workers: int) -> None:
    assert list(pipeline.in_order(lambda n: n * n, 30, workers)) == [n * n for n in range(30)]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 10))
def test_regroup_keeps_rows_and_makes_equal_cuts(sizes: list[int], rows: int) -> None:
    whole = list(range(sum(sizes)))
    batches, at = [], 0
    for size in sizes:
        batches.append(pa.record_batch({"n": pa.array(whole[at : at + size], pa.int64())}))
        at += size
    cut = list(pipeline.regroup(batches, rows))
    assert [n for batch in cut for n in batch.column("n").to_pylist()] == whole
    assert all(batch.num_rows == rows for batch in cut[:-1])


def test_background_raises_what_its_source_raised() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise LookupError("lost")

    ahead = pipeline.Background(source(), 2)
    assert next(ahead) == 1
    with pytest.raises(LookupError, match="lost"):
        next(ahead)
    ahead.close()


def test_background_ends_when_closed_early() -> None:
    ended = []

    def source() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            ended.append(True)

    ahead = pipeline.Background(source(), 2)
    next(ahead)
    ahead.close()
    assert ended == [True]
