"""HdrHistogram logs: the library's own counts, exact merging, and foreign readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.load import hdrlog
from bench.load.hdrlog import BadLog, Encoder, Interval, parts_of, tag_of
from bench.load.records import TIMED_OUT, Answer, columns

BEGUN_MS = 1_759_622_399_000
LATENCIES = st.integers(0, hdrlog.HIGHEST_NS)
ENCODER = Encoder()

answers = st.lists(
    st.builds(
        lambda name, due, behind, service: Answer(
            name, due, due + behind, due + behind + service, 200
        ),
        st.sampled_from(["product_detail", "checkout: 409", "größe, so%;=\n"]),
        st.integers(0, 4_000_000_000),
        st.integers(0, 3_000_000_000),
        st.integers(0, 3_000_000_000),
    ),
    max_size=40,
)


def counts_of(histogram: HdrHistogram) -> dict[int, int]:
    counts = np.frombuffer(histogram.counts, dtype=np.uint64)
    return {int(place): int(counts[place]) for place in np.flatnonzero(counts)}


def counted(log: list[Interval]) -> dict[tuple[int, str], dict[int, int]]:
    return {(one.begin_ms, one.tag): counts_of(hdrlog.decoded(one.histogram)) for one in log}


@given(st.lists(LATENCIES, min_size=1, max_size=60))
def test_values_are_counted_where_the_library_counts_them(values: list[int]) -> None:
    wanted = hdrlog.empty()
    for value in values:
        assert wanted.record_value(value)
    found = hdrlog.decoded(ENCODER.encode(np.array(values, dtype=np.int64)))
    assert counts_of(found) == counts_of(wanted)
    assert found.get_total_count() == len(values)
    assert found.get_max_value() == wanted.get_max_value()


@given(LATENCIES)
def test_three_digits_are_kept(value: int) -> None:
    found = hdrlog.decoded(ENCODER.encode(np.array([value], dtype=np.int64)))
    assert abs(found.get_value_at_percentile(100) - value) <= value / 1000


def test_what_takes_longer_than_an_hour_counts_as_an_hour() -> None:
    found = hdrlog.decoded(ENCODER.encode(np.array([2 * hdrlog.HIGHEST_NS], dtype=np.int64)))
    assert found.get_value_at_percentile(50) == pytest.approx(hdrlog.HIGHEST_NS, rel=1e-3)


@pytest.mark.parametrize("values", [[], [5, -1]])
def test_no_value_and_a_negative_one_are_refused(values: list[int]) -> None:
    with pytest.raises(ValueError, match=r"leave the interval out|not monotonic"):
        ENCODER.encode(np.array(values, dtype=np.int64))


@given(st.text(min_size=1), st.sampled_from(hdrlog.KINDS))
def test_a_name_comes_back_from_its_tag(name: str, kind: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    tag = tag_of(name, kind)
    assert parts_of(tag) == (name, kind)
    assert not set(tag) & set(", \n\r\t")
    assert tag.isascii()


@settings(max_examples=30)
@given(answers, st.integers(1, 4), st.randoms())
def test_shards_merge_to_the_counts_of_one_log_of_all(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Answer], shards: int, random: object
) -> None:
    folder = tmp_path_factory.mktemp("log")
    hdrlog.write_answers(folder / "all", columns(rows), BEGUN_MS)
    random.shuffle(rows)  # type: ignore[attr-defined]
    for number in range(shards):
        part = columns(rows[number::shards])
        hdrlog.write_answers(folder / str(number), part, BEGUN_MS)
    whole = list(hdrlog.read(folder / "all"))
    found = hdrlog.merged(hdrlog.read(folder / str(number)) for number in range(shards))
    assert counted(found) == counted(whole)
    assert [one.tag for one in found] == [one.tag for one in whole]
    hdrlog.write(folder / "merged", found)
    assert list(hdrlog.read(folder / "merged")) == found
    sums = {tag: counts_of(one) for tag, one in hdrlog.totals(found).items()}
    assert sums == {tag: counts_of(one) for tag, one in hdrlog.totals(whole).items()}


ROWS = (
    Answer("product_detail", 0, 1_000_000, 3_000_000, 200),
    Answer("product_detail", 0, 0, 1_500_000_000, 200),
    Answer("product_detail", 5, 5, 40_000_000_000, 0, TIMED_OUT),
    Answer("checkout: 409", 0, 0, 250_000, 409),
)


def test_good_answers_are_counted_in_the_second_in_which_they_ended(tmp_path: Path) -> None:
    path = tmp_path / "a.hlog"
    hdrlog.write_answers(path, columns(ROWS), BEGUN_MS)
    found = {(one.begin_ms - BEGUN_MS, one.tag) for one in hdrlog.read(path)}
    assert found == {
        (0, "product_detail;service"),
        (0, "product_detail;since_due"),
        (1000, "product_detail;service"),
        (1000, "product_detail;since_due"),
        (0, "checkout:%20409;service"),
        (0, "checkout:%20409;since_due"),
    }
    sums = hdrlog.totals(hdrlog.read(path))
    assert sums["product_detail;service"].get_total_count() == 2
    assert sums["product_detail;service"].get_value_at_percentile(50) == pytest.approx(
        2_000_000, rel=1e-3
    )
    assert sums["product_detail;since_due"].get_value_at_percentile(50) == pytest.approx(
        3_000_000, rel=1e-3
    )


def test_the_librarys_own_reader_reads_the_log(tmp_path: Path) -> None:
    path = tmp_path / "a.hlog"
    hdrlog.write_answers(path, columns(ROWS), BEGUN_MS)
    text = path.read_text("ascii")
    assert text.startswith("#[Histogram log format version 1.3]\n#[StartTime: 1759622399.000 (")
    reader = HistogramLogReader(str(path), hdrlog.empty())
    seen = []
    while (one := reader.get_next_interval_histogram()) is not None:
        seen.append((one.get_tag(), one.get_start_time_stamp(), one.get_total_count()))
    reader.close()
    assert ("product_detail;service", BEGUN_MS, 1) in seen
    assert ("product_detail;since_due", BEGUN_MS + 1000, 1) in seen
    assert len(seen) == 6


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Tag=a,1.000,1.000\n", "line 6 is no interval"),
        ("Tag=a,1.000,1.000,1.000,HISTFAAAA", "line 6 is no interval"),
        ("Tag=a,1.000,1.000,1.000,HISTFAAAA\n", "cannot be decoded"),
        ("Tag=a,1.000,1.000,1.000,{other}\n", "other bounds"),
    ],
)
def test_a_damaged_log_is_told(line: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.hlog"
    other = HdrHistogram(1, 1_000_000, 2)
    other.record_value(7)
    path.write_text(hdrlog.header(BEGUN_MS) + line.format(other=other.encode().decode()), "ascii")
    with pytest.raises(BadLog, match=said):
        hdrlog.merged([hdrlog.read(path)])


def test_a_log_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    broken = Interval(0, 1000, "a", "HISTFAAAA")
    with pytest.raises(BadLog):
        hdrlog.write(tmp_path / "a.hlog", [broken])
    assert list(tmp_path.iterdir()) == []
