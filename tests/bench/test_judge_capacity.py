"""Capacity, judged: what a probe says, which rate comes next, and what a promise is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.judge.capacity import Load, Offered, judge_probe
from bench.judge.capacity_points import (
    at_needed,
    claim_verdicts,
    point_of,
    searched,
    wants_needed,
)
from bench.judge.capacity_search import (
    LONGEST_S,
    WITHIN,
    Bounds,
    bounds_of,
    bracket,
    next_rate,
    search_result,
    status_of,
    statuses,
)
from bench.results.capacity import Cause, Point, Probe, ServiceLevel
from bench.study import Claim, Study, load_study

LEVEL = ServiceLevel()
BOUNDS = bounds_of(LEVEL, 8.0, 3000.0)
MS = 1_000_000


def load(since_due_ns: Sequence[int], bad: int = 0) -> Load:
    """A load of these times, of which the last `bad` went wrong."""
    count = len(since_due_ns)
    good = np.arange(count) < count - bad
    return Load(np.arange(count) * 10 * MS, np.array(since_due_ns, dtype=np.int64), good)


def judged(since_due_ns: Sequence[int], bad: int = 0) -> Probe:
    return judge_probe(LEVEL, Offered(10, 40), load(since_due_ns, bad))


def test_a_probe_needs_so_many_requests_that_none_beyond_the_limit_means_something() -> None:
    assert LEVEL.least == 299
    assert ServiceLevel(quantile=0.95).least == 59
    for quantile in (0.5, 0.9, 0.95, 0.99, 0.999):
        least = ServiceLevel(quantile=quantile).least
        assert quantile**least <= 0.05 < quantile ** (least - 1)


@pytest.mark.parametrize(
    "level",
    [
        {"quantile": 1.0},
        {"quantile": 0.2},
        {"quantile": float("nan")},
        {"within_ns": 0},
        {"errors_below": 0.0},
    ],
)
def test_a_level_that_no_probe_decides_is_refused(level: dict[str, float]) -> None:
    with pytest.raises(BenchError):
        ServiceLevel(**level)  # type: ignore[arg-type]


@pytest.mark.parametrize(("seconds", "ceiling"), [(0.5, 3000), (41, 3000), (8, 7), (8, 1e9)])
def test_bounds_in_which_nothing_can_be_told_are_refused(seconds: float, ceiling: float) -> None:
    with pytest.raises(BenchError):
        bounds_of(LEVEL, seconds, ceiling)


@pytest.mark.parametrize("rate", [7.48, 10, 37.4, 100, 3000])
def test_every_probe_of_the_search_has_requests_enough(rate: float) -> None:
    seconds = BOUNDS.seconds_at(rate, LEVEL)
    assert rate * seconds >= LEVEL.least - 1e-9
    assert 8 <= seconds <= LONGEST_S


def test_a_hundredth_beyond_the_limit_holds_and_one_more_does_not() -> None:
    at_the_limit = [LEVEL.within_ns] * 396
    held = judged([*at_the_limit, *[9_000 * MS] * 4])
    assert (held.held, held.because, held.level_ns) == (True, None, LEVEL.within_ns)
    failed = judged([*at_the_limit[:-1], *[9_000 * MS] * 5])
    assert (failed.held, failed.because) == (False, "latency")
    assert not failed.gross


def test_errors_have_to_stay_below_their_share() -> None:
    assert judged([MS] * 1001, bad=1).held
    failed = judged([MS] * 1000, bad=1)
    assert (failed.held, failed.because, failed.error_share) == (False, "errors", 0.001)


def test_half_of_all_wrong_is_gross_whatever_was_wrong() -> None:
    assert judged([MS] * 200 + [300 * MS] * 200).gross
    assert not judged([MS] * 202 + [300 * MS] * 198).gross
    assert judged([MS] * 400, bad=200).gross
    assert judged([300 * MS] * 100 + [MS] * 300, bad=100).gross


def test_a_backlog_that_grows_fails_although_all_is_in_time() -> None:
    growing = np.linspace(MS, 240 * MS, 400).astype(np.int64)
    failed = judged(growing.tolist())
    assert (failed.held, failed.because) == (False, "backlog")
    # Several times as long, but still next to nothing of the limit.
    assert judged((growing // 100).tolist()).held
    # Slow from beginning to end is no growth, nor is one slow request in ten at the end.
    assert judged([200 * MS] * 400).held
    assert judged([MS] * 360 + [200 * MS] * 40).held


def test_few_requests_can_refute_a_level_and_never_prove_it() -> None:
    for slow in (0, 1, 2):
        undecided = judged([MS] * (48 - slow) + [900 * MS] * slow)
        assert not undecided.held
        # Two of 48 are less likely than 1 in 11 at a hundredth, and three than 1 in 75.
        assert (undecided.because, undecided.invalid_because is None) == (None, False)
    refuted = judged([MS] * 45 + [900 * MS] * 3)
    assert (refuted.because, refuted.invalid_because) == ("latency", None)
    assert judged([]).invalid_because is not None


def probe(
    rate: float, held: bool = True, *, gross: bool = False, because: Cause = "latency"
) -> Probe:
    """A probe that told something of the server."""
    made = judge_probe(LEVEL, Offered(rate, 8.0), load([]))
    return made.model_copy(
        update={
            "held": held,
            "because": None if held else because,
            "gross": gross,
            "valid": True,
            "invalid_because": None,
        }
    )


def spoilt(rate: float) -> Probe:
    return judge_probe(LEVEL, Offered(rate, 8.0), load([]), "The player fell behind.")


def apart(made: Probe) -> Probe:
    """A probe of the rate that the shop needs."""
    return made.model_copy(update={"apart": True})


@pytest.mark.parametrize(
    ("probes", "status"),
    [
        ([probe(9)], "once"),
        ([probe(9), probe(9)], "held"),
        ([probe(9, False)], "open"),
        ([probe(9, False, gross=True)], "failed"),
        ([probe(9, False), probe(9, False)], "failed"),
        ([probe(9, False), probe(9)], "open"),
        ([probe(9), probe(9, False, gross=True)], "open"),
        ([probe(9, False), probe(9), probe(9)], "held"),
        ([probe(9), probe(9, False), probe(9, False)], "failed"),
        ([spoilt(9)], "open"),
        ([spoilt(9)] * 2, "invalid"),
        ([spoilt(9), probe(9)], "once"),
        ([probe(9), *[spoilt(9)] * 2], "held"),
        ([probe(9, False), *[spoilt(9)] * 2], "invalid"),
    ],
)
def test_two_of_three_decide_and_a_spoilt_probe_says_nothing(
    probes: list[Probe], status: str
) -> None:
    assert status_of(probes) == status


def search(outcome: Callable[[float, int], Probe], bounds: Bounds = BOUNDS) -> list[Probe]:
    """All probes of a search in which the n-th one of a rate comes out like that."""
    probes: list[Probe] = []
    while (rate := next_rate(probes, bounds)) is not None:
        nth = sum(one.rate_per_second == rate for one in probes)
        probes.append(outcome(rate, nth))
        assert len(probes) < 80
    return probes


@given(st.floats(7.5, 2999))
def test_a_server_that_always_holds_up_to_a_rate_is_found_to_a_tenth(capacity: float) -> None:
    probes = search(lambda rate, nth: probe(rate, rate <= capacity, gross=rate > 1.5 * capacity))
    answer = search_result(probes)
    assert answer.holds_per_second is not None
    assert answer.holds_per_second <= capacity
    assert (answer.at_least, answer.at_most, answer.limited_by) == (False, False, "p99")
    _, high = bracket(statuses(probes))
    assert high is not None
    assert capacity < high <= answer.holds_per_second * WITHIN
    assert len(probes) <= 18


@given(st.floats(20, 2900), st.integers(0, 2**32))
def test_a_stall_now_and_then_moves_the_answer_by_no_more_than_a_step(
    capacity: float, seed: int
) -> None:
    """The first probe of one rate in three fails for nothing."""

    def outcome(rate: float, nth: int) -> Probe:
        unlucky = np.random.default_rng([seed, round(rate * 100)]).random() < 1 / 3
        return probe(rate, rate <= capacity and not (unlucky and nth == 0))

    answer = search_result(search(outcome))
    assert answer.holds_per_second is not None
    assert capacity / WITHIN**1.01 <= answer.holds_per_second <= capacity


def test_one_lucky_probe_is_not_the_answer() -> None:
    probes = search(lambda rate, nth: probe(rate, rate <= 100 or (rate < 110 and nth == 0)))
    answer = search_result(probes)
    assert answer.holds_per_second is not None
    assert answer.holds_per_second <= 100
    assert statuses(probes)[answer.holds_per_second] == "held"


def test_not_even_the_floor_is_at_most_and_the_ceiling_at_least() -> None:
    below = search_result(search(lambda rate, nth: probe(rate, held=False, gross=True)))
    assert (below.holds_per_second, below.at_most, below.limited_by) == (None, True, "floor")
    above = search_result(search(lambda rate, nth: probe(rate)))
    assert (above.holds_per_second, above.at_least, above.limited_by) == (3000, True, "ceiling")
    assert not above.at_most
    assert min(one.rate_per_second for one in search(lambda rate, _: probe(rate, False))) == 7.48


@given(st.floats(20, 2900))
def test_what_the_generator_cannot_offer_is_not_the_servers_failure(most: float) -> None:
    probes = search(lambda rate, nth: probe(rate) if rate <= most else spoilt(rate))
    answer = search_result(probes)
    assert answer.holds_per_second is not None
    assert most / WITHIN**1.01 <= answer.holds_per_second <= most
    assert (answer.at_least, answer.at_most, answer.limited_by) == (True, False, "generator")
    never = search_result(search(lambda rate, nth: spoilt(rate)))
    assert (never.holds_per_second, never.at_least, never.at_most) == (None, False, False)


def test_errors_are_named_as_what_limits() -> None:
    probes = search(
        lambda rate, nth: probe(rate) if rate < 90 else probe(rate, False, because="errors")
    )
    assert search_result(probes).limited_by == "errors"


@settings(max_examples=200)
@given(st.integers(0, 2**32), st.floats(7.48, 5000))
def test_a_search_ends_whatever_comes_out(seed: int, ceiling: float) -> None:
    rng = np.random.default_rng(seed)

    def outcome(rate: float, nth: int) -> Probe:
        kind = rng.integers(4)
        if kind == 3:
            return spoilt(rate)
        return probe(rate, bool(kind == 0), gross=bool(kind == 2))

    probes = search(outcome, bounds_of(LEVEL, 8.0, ceiling))
    assert all(7.48 <= one.rate_per_second <= ceiling for one in probes)
    answer = search_result(probes)
    assert not (answer.at_least and answer.at_most)
    assert (answer.holds_per_second is None) or answer.holds_per_second <= ceiling


STUDY = load_study()


def point(arm: str, probes: Sequence[Probe], scale: float = 0.1, needed: float = 1.0) -> Point:
    return point_of(
        arm, scale, rows={"products": round(1e5 * scale), "analytics_events": round(1e7 * scale)},
        needed_per_second=needed, probes=probes,
    )  # fmt: skip


HOLDS_100 = (probe(100), probe(100), probe(109, False), probe(109, False))
BELOW_FLOOR = (probe(7.48, False, gross=True),)


@pytest.mark.parametrize(
    ("needed", "held"),
    [(1.0, True), (100.0, True), (109.9, True), (115.0, False), (125.0, None), (0.0, True)],
)
def test_a_rate_that_held_answers_for_lower_ones_and_a_failure_only_for_its_own(
    needed: float, held: bool | None
) -> None:
    assert at_needed(HOLDS_100, needed)[0] is held
    assert point("before", HOLDS_100, needed=needed).needed_held is held
    assert wants_needed(HOLDS_100, needed) is (held is None)


def test_below_the_floor_the_needed_rate_is_probed_by_itself() -> None:
    assert at_needed(BELOW_FLOOR, 1.2) == (None, None)
    assert wants_needed(BELOW_FLOOR, 1.2)
    tried = (*BELOW_FLOOR, apart(spoilt(1.2)))
    assert at_needed(tried, 1.2) == (None, None)
    assert not wants_needed(tried, 1.2)
    assert search_result(searched(tried)) == search_result(BELOW_FLOOR)
    failed = apart(probe(1.2, held=False, because="errors"))
    assert at_needed((*BELOW_FLOOR, failed), 1.2) == (False, True)


def claim(name: str) -> Claim:
    [wanted] = [entry for entry in STUDY.claims if entry.id == name]
    return wanted


def verdict(name: str, *points: Point) -> str:
    study: Study = replace(STUDY, claims=(claim(name),))
    [entry] = claim_verdicts(study, points)
    assert entry.id == name
    assert entry.reason.endswith(".")
    return entry.verdict


SLOW = (*BELOW_FLOOR, apart(probe(1.0, held=False)))
CRASHED = (*BELOW_FLOOR, apart(probe(1.0, held=False, because="errors")))


@pytest.mark.parametrize(
    ("at_10k_products", "at_100k_events", "expected"),
    [
        (HOLDS_100, HOLDS_100, "refuted"),
        (SLOW, HOLDS_100, "refuted"),
        (SLOW, SLOW, "refuted"),
        (SLOW, CRASHED, "confirmed"),
        (CRASHED, CRASHED, "confirmed"),
        (HOLDS_100, CRASHED, "refuted"),
        (SLOW, BELOW_FLOOR, "inconclusive"),
        (BELOW_FLOOR, CRASHED, "inconclusive"),
        (HOLDS_100, BELOW_FLOOR, "refuted"),
        ((), (), "inconclusive"),
        ([spoilt(37.4)] * 2, CRASHED, "inconclusive"),
    ],
)
def test_slow_and_crash_is_as_good_as_its_worse_half(
    at_10k_products: Sequence[Probe], at_100k_events: Sequence[Probe], expected: str
) -> None:
    points = (point("before", at_10k_products, 0.1), point("before", at_100k_events, 0.01))
    assert verdict("before-slow", *points) == expected
    assert verdict("before-slow", *points[::-1]) == expected


def test_a_size_or_an_arm_that_was_not_searched_decides_nothing() -> None:
    assert verdict("before-slow") == "inconclusive"
    # Half of the promise is refuted by what was searched: that is enough.
    assert verdict("before-slow", point("before", HOLDS_100, 0.1)) == "refuted"
    assert verdict("before-slow", point("after", HOLDS_100, 0.1)) == "inconclusive"
    assert verdict("before-slow", point("before", SLOW, 0.1)) == "inconclusive"
    assert verdict("before-slow", point("before", HOLDS_100, 1.0)) == "inconclusive"


@pytest.mark.parametrize(
    ("scale", "probes", "expected"),
    [
        (1.0, HOLDS_100, "confirmed"),
        (1.0, SLOW, "refuted"),
        (1.0, BELOW_FLOOR, "inconclusive"),
        (0.1, HOLDS_100, "inconclusive"),
    ],
)
def test_fast_is_confirmed_at_its_own_size_only(
    scale: float, probes: Sequence[Probe], expected: str
) -> None:
    assert verdict("after-fast", point("after", probes, scale)) == expected
    assert verdict("after-fast", point("before", probes, scale)) == "inconclusive"


@pytest.mark.parametrize(
    ("promise", "events", "probes", "expected", "words"),
    [
        ("within", 0, HOLDS_100, "confirmed", "At 10,000 products and 1,000,000 events before"),
        ("within", 0, SLOW, "refuted", "At 10,000 products and 1,000,000 events before"),
        ("within", 1_000_000, HOLDS_100, "confirmed", "At 1,000,000 events before"),
        ("beyond", 0, SLOW, "confirmed", "Slow: at 10,000 products and 1,000,000 events before"),
        ("beyond", 0, HOLDS_100, "refuted", "Slow: at 10,000 products and 1,000,000 events before"),
        ("beyond", 1_000_000, CRASHED, "confirmed", "Crash: at 1,000,000 events before"),
    ],
)
def test_a_claim_without_a_size_holds_for_the_largest_shop(
    promise: Literal["within", "beyond"],
    events: int,
    probes: Sequence[Probe],
    expected: str,
    words: str,
) -> None:
    at_rows = "crash_at_rows" if promise == "beyond" else "at_rows"
    unsized = replace(claim("before-slow"), promise=promise, at_rows={}, crash_at_rows={})
    sized = replace(unsized, **{at_rows: {"analytics_events": events} if events else {}})
    study = replace(STUDY, claims=(sized,))
    smaller, larger = point("before", BELOW_FLOOR, 0.01), point("before", probes, 0.1)
    [entry] = claim_verdicts(study, [larger, smaller])
    assert entry.verdict == expected
    assert entry.reason.startswith(words)
    [entry] = claim_verdicts(replace(study, claims=(unsized,)), [])
    assert entry.verdict == "inconclusive"
    assert "o point of before was probed." in entry.reason


def test_the_json_of_a_point_and_of_a_claim() -> None:
    one = point("before", HOLDS_100)
    entry = one.json_values()
    assert (entry["holds_per_second"], entry["limited_by"]) == (100, "p99")
    assert set(entry["probes"][0]) == {
        "rate_per_second", "seconds", "counted", "p50_ns", "p99_ns", "level_ns", "error_share",
        "held", "because", "valid", "invalid_because", "late", "cpu_share", "server_cpu_s",
    }  # fmt: skip
    assert LEVEL.json_values() == {
        "quantile": 0.99, "within_ns": 250_000_000, "errors_below": 0.001,
    }  # fmt: skip
    claims = claim_verdicts(STUDY, [one])
    assert {claim.id for claim in claims} == {"before-slow", "after-fast"}
    for claim_entry in claims:
        assert set(claim_entry.json_values()) == {"id", "quote", "verdict", "reason", "evidence"}
