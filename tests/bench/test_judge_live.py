"""What visitors saw of a migration: stretches without an acknowledgement, seconds, sentences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.live import (
    Seen,
    Span,
    answer,
    faults,
    impact,
    longest_ns,
    outages,
    quantiles,
    standstills,
    timeline,
)
from bench.results.live import Impact, Outage, Strategy
from tests.bench.fixtures.live_document import make_strategy

MS = 1_000_000
S = 1_000 * MS


def seen(rows: Sequence[tuple[str, bool, int, int, str]], answered: bool = True) -> Seen:
    """Rows of name, write, due and ended in milliseconds, and error."""
    names, writes, due, ended, errors = zip(*rows, strict=True)
    return Seen(
        np.array(names, dtype=object),
        np.array(writes, dtype=np.bool_),
        np.array(due, dtype=np.int64) * MS,
        np.array(ended, dtype=np.int64) * MS,
        np.array(errors, dtype=object),
        np.zeros(len(names), dtype=np.bool_),
        np.array([answered or not error for error in errors], dtype=np.bool_),
    )


def spans(due: list[int], ended: list[int], good: list[bool]) -> list[tuple[int, int]]:
    found = outages(
        np.array(due, dtype=np.int64), np.array(ended, dtype=np.int64), np.array(good, dtype=bool)
    )
    return [(span.begun_ns, span.ended_ns) for span in found]


def test_a_stretch_lasts_from_what_is_due_to_the_next_acknowledgement() -> None:
    assert spans([0, 100, 110], [10, 500, 505], [True] * 3) == [(0, 10), (100, 500)]


def test_a_refusal_ends_no_stretch() -> None:
    assert spans([100, 200, 300], [150, 250, 900], [False, False, True]) == [(100, 900)]


def test_what_is_never_acknowledged_stands_still_to_the_end() -> None:
    assert spans([0, 100, 200], [10, 5100, 5200], [True, False, False]) == [(0, 10), (100, 5200)]


def test_nothing_due_is_no_standstill() -> None:
    assert spans([], [], []) == []
    assert spans([0, 5000], [10, 5010], [True, True]) == [(0, 10), (5000, 5010)]


requests = st.lists(
    st.tuples(st.integers(0, 200), st.integers(1, 80), st.booleans()), min_size=1, max_size=30
)


@given(requests)
def test_stretches_are_those_of_a_slow_walk_through_time(
    rows: list[tuple[int, int, bool]],
) -> None:
    due = [row[0] for row in rows]
    ended = [row[0] + row[1] for row in rows]
    good = [row[2] for row in rows]
    found, open_since = [], None
    for moment in range(max(ended) + 1):
        told = any(end == moment and ok for end, ok in zip(ended, good, strict=True))
        if open_since is not None and (told or moment == max(ended)):
            found.append((open_since, moment))
            open_since = None
        if open_since is None and moment in due:
            open_since = moment
    assert spans(due, ended, good) == found


@given(requests)
def test_stretches_lie_apart_and_hold_no_acknowledgement(rows: list[tuple[int, int, bool]]) -> None:
    due = [row[0] for row in rows]
    ended = [row[0] + row[1] for row in rows]
    good = [row[2] for row in rows]
    found = spans(due, ended, good)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(found))
    for begin, end in found:
        assert not any(begin < at < end for at, ok in zip(ended, good, strict=True) if ok)


def test_only_long_stretches_that_touch_the_migration_are_told() -> None:
    found = [Span(0, 50 * MS, 3), Span(200 * MS, 900 * MS, 4), Span(5 * S, 6 * S, 9)]
    migration = Span(300 * MS, 2 * S)
    assert standstills(found, migration) == (found[1],)
    assert standstills(found, migration, least_due=5) == ()
    assert longest_ns(found) == S
    assert longest_ns([]) == 0


def test_a_second_counts_answers_when_they_came_and_waits_when_they_were_due() -> None:
    found = timeline(seen([("a", False, 100, 2300, ""), ("a", False, 1500, 1600, "status 503")]))
    assert [second.requests_per_second for second in found] == [0, 0, 1]
    assert [second.errors for second in found] == [0, 1, 0]
    assert found[0].max_ns == 2200 * MS
    assert found[1].p50_ns is None


@given(requests)
def test_no_request_is_lost_in_the_timeline(rows: list[tuple[int, int, bool]]) -> None:
    told = seen([("a", False, 37 * d, 37 * (d + w), "" if ok else "x") for d, w, ok in rows])
    found = timeline(told)
    assert sum(second.requests_per_second + second.errors for second in found) == len(rows)


def stopped(wait_ms: int = 3000, error: str = "") -> Impact:
    """Ten seconds: a write and two reads every tenth; from 3 s to 6 s no write is acknowledged."""
    rows = []
    for due in range(0, 10_000, 100):
        held = 3000 <= due < 6000
        rows.append(("look", False, due, due + 10, ""))
        rows.append(("look", False, due + 50, due + 70, ""))
        ended = 3000 + wait_ms + 1 if held else due + 5
        rows.append(("buy", True, due, ended, error if held else ""))
    return impact(seen(rows), Span(3 * S, 6 * S), np.random.default_rng(1))


def strategy(figures: Impact) -> Strategy:
    return make_strategy(begun_s=3.0, ended_s=6.0, **dict(figures))


def test_a_standstill_of_writes_is_found_and_reads_go_on() -> None:
    found = stopped()
    assert found.longest_write_stall_ns == 3001 * MS
    assert found.writes_stopped_ns == 3001 * MS
    assert found.write_stalls == (Outage(begun_s=3.0, ended_s=6.001),)
    assert found.longest_read_stall_ns == 0
    assert found.longest_write_wait_ns == 3001 * MS
    assert (found.writes_during, found.writes_failed_during) == (30, 0)
    buy, look = found.operations
    assert (buy.name, buy.kind, look.kind) == ("buy", "write", "read")
    assert buy.before.p50_ns == 5 * MS
    assert buy.during.max_ns == 3001 * MS
    assert [entry.name for entry in found.classes] == ["all", "reads", "writes"]


def test_refused_writes_are_counted_and_lengthen_the_standstill() -> None:
    found = stopped(error="status 503")
    assert found.writes_failed_during == 30
    assert found.errors == {"status 503": 30}
    assert found.write_stalls == (Outage(begun_s=3.0, ended_s=6.005),)
    assert found.unserved == 0
    assert "30 of 30 writes were refused" in answer([strategy(found)])


def test_the_answer_says_how_long_and_what_of_the_reads() -> None:
    said = answer([strategy(stopped())]).replace("\N{NO-BREAK SPACE}", " ")
    assert said == (
        "Nobody could buy, sell or be tracked for 3 s (the migration ran 3 s); no write was "
        "refused; reads went on (p95 20 ms instead of 20 ms)."
    )
    both = answer([strategy(stopped()), strategy(stopped())])
    assert "In the low-impact way: nobody could buy" in both


def test_writes_that_got_no_answer_are_lost_rather_than_refused() -> None:
    assert "30 of 30 writes were lost" in answer([strategy(stopped(error="timed out"))])


def test_a_quantile_needs_enough_answers_and_an_interval_enough_seconds() -> None:
    few = seen([("a", False, due, due + 5, "") for due in range(0, 1900, 100)])
    assert quantiles(few, np.random.default_rng(1)).p50_ns is None
    short = seen([("a", False, due, due + 5, "") for due in range(0, 2000, 20)])
    found = quantiles(short, np.random.default_rng(1))
    assert (found.p50_ns, found.p50_ci95_ns) == (5 * MS, None)
    assert (found.samples, found.p999_ns) == (100, None)
    longer = seen([("a", False, due, due + 5 + due // 1000, "") for due in range(0, 9000, 20)])
    found = quantiles(longer, np.random.default_rng(1))
    assert found.p50_ns is not None
    assert found.p50_ci95_ns is not None
    low, high = found.p50_ci95_ns
    assert low <= found.p50_ns <= high
    assert low < high


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"late": 4}, "4 of 100 requests were sent late"),
        ({"missed": 2}, "2 never"),
        ({"cpu_share": 0.9}, "The generator used 90%"),
    ],
)
def test_a_generator_that_fell_behind_is_told(given_: dict[str, Any], words: str) -> None:
    usual = {"scheduled": 100, "late": 1, "missed": 0, "cpu_share": 0.1}
    assert faults(**usual) == []
    [found] = faults(**{**usual, **given_})
    assert words in found
