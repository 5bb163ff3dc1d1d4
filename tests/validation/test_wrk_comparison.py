"""The generator beside wrk at the same endpoint."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.scripted import scripted
from tests.validation import wrk_comparison
from tests.validation.wrk import Quantiles, WrkFailed, as_wrk_corrects, quantiles, wrk
from tests.validation.wrk_comparison import Apart, Beside, agree, apart, typical

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


def corrected_one_by_one(latencies_us: list[int], expected: int) -> list[int]:
    """wrk's stats_correct as it stands in its source, over a histogram."""
    data: dict[int, int] = {}
    for value in latencies_us:
        data[value] = data.get(value, 0) + 1
    for n in range(expected * 2, max(latencies_us) + 1):
        count, m = data.get(n, 0), n - expected
        while count and m > expected:
            data[m] = data.get(m, 0) + count
            m -= expected
    return sorted(value for value, count in data.items() for _ in range(count))


@given(st.lists(st.integers(0, 300), min_size=1, max_size=30), st.integers(1, 50))
def test_ours_are_corrected_as_wrks(latencies_us: list[int], interval_us: int) -> None:
    found = as_wrk_corrects(np.array(latencies_us, dtype=np.int64), interval_us)
    assert sorted(found.tolist()) == corrected_one_by_one(latencies_us, interval_us)


@needs_wrk
def test_wrk_does_correct(tmp_path: Path) -> None:
    """One request of 50 takes 100 ms: a tenth is not slow, and yet wrk's p90 is."""
    path = "/slow?each=50&for_s=0.1"
    with scripted() as (url, _):
        theirs = wrk(url, path, connections=1, seconds=2, cores={0}, work=tmp_path)
        corrected, raw = wrk_comparison.our_turn(
            url, path, connections=1, seconds=2, core=0, work=tmp_path
        )
    assert theirs.p90_ns > 60e6
    assert corrected.p90_ns > 60e6
    assert raw.p90_ns < 50e6 < raw.p99_ns


@needs_wrk
def test_wrk_tells_of_requests_that_failed(tmp_path: Path) -> None:
    with scripted() as (url, _), pytest.raises(WrkFailed, match="requests of /status/503 failed"):
        wrk(url, "/status/503", connections=1, seconds=1, cores={0}, work=tmp_path)
    with pytest.raises(WrkFailed, match="look at the server"):
        wrk("http://127.0.0.1:9", "/", connections=1, seconds=1, cores={0}, work=tmp_path)


def test_a_missing_wrk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WrkFailed, match="wrk is missing; install it"):
        wrk("http://127.0.0.1:9", "/", connections=1, seconds=1, cores={0}, work=tmp_path)


BASE = Quantiles(1_000_000, 10_000_000, 20_000_000, 100.0)


FAST = Quantiles(100_000, 1_000_000, 2_000_000, 1000.0)


@pytest.mark.parametrize(
    ("base", "ours", "agreed"),
    [
        (BASE, BASE, True),
        # 5 % of 1 ms is less than 0.2 ms, and of 10 ms more.
        (BASE, Quantiles(1_200_000, 10_499_000, 23_999_000, 1.0), True),
        (BASE, Quantiles(800_000, 9_501_000, 16_001_000, 1.0), True),
        (BASE, Quantiles(1_200_001, 10_000_000, 20_000_000, 1.0), False),
        (BASE, Quantiles(1_000_000, 10_500_100, 20_000_000, 1.0), False),
        (BASE, Quantiles(1_000_000, 10_000_000, 24_001_000, 1.0), False),
        (FAST, Quantiles(300_000, 1_200_000, 2_500_000, 1.0), True),
        (FAST, Quantiles(100_000, 1_000_000, 2_500_001, 1.0), False),
    ],
)
def test_agreement_is_within_the_tolerances(base: Quantiles, ours: Quantiles, agreed: bool) -> None:
    assert agree(apart([base, base], [ours, ours])) is agreed


def test_a_machine_that_changes_its_pace_between_rounds_sets_nobody_apart() -> None:
    slow = Quantiles(3_000_000, 30_000_000, 60_000_000, 33.0)
    assert apart([BASE, BASE, slow, slow], [BASE, BASE, slow, slow]) == tuple(
        Apart(share, 0, 1.0) for share in (50, 90, 99)
    )
    # Within a round a drift falls on both: A B B A.
    drift = [Quantiles(pace, pace, pace, 1.0) for pace in (10, 20, 30, 40)]
    first, *between, last = drift
    assert {one.difference_ns for one in apart([first, last], between)} == {0}


def test_turns_are_told_by_their_medians() -> None:
    found = quantiles(np.arange(1, 101, dtype=np.int64), 9.0)
    assert found == Quantiles(50_000, 90_000, 99_000, 9.0)
    turns = [found, BASE, Quantiles(1, 2, 3, 1.0)]
    assert typical(turns) == Quantiles(50_000, 90_000, 99_000, 9.0)


def test_the_lines_say_whether_they_agree() -> None:
    other = Quantiles(2_000_000, 10_000_000, 20_000_000, 100.0)
    text = wrk_comparison.to_text(
        [
            Beside("/a", 1, BASE, BASE, BASE, apart([BASE] * 2, [BASE] * 2), True),
            Beside("/a", 4, BASE, other, BASE, apart([BASE] * 2, [other] * 2), False),
        ]
    )
    assert "GET /a, 1 connections: they agree" in text
    assert "GET /a, 4 connections: they DISAGREE" in text
    assert "+1.000 ms (+100.0%)" in text


@needs_wrk
def test_both_ask_a_served_shop(seeded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--db", str(seeded), "--connections", "2", "--seconds", "1", "--rounds", "1"]
    assert wrk_comparison.main([*words, "--json"]) in (0, 1)
    assert '"connections": 2' in capsys.readouterr().out
    assert wrk_comparison.main(["--db", str(seeded.with_name("none.db"))]) == 2
    assert "There is no database" in capsys.readouterr().err
