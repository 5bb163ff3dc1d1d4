from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.judge import latencies, load_ratios, stats
from bench.judge.load import (
    ALL,
    BlockTimes,
    LoadBlock,
    judge_load,
    load_cause,
    percentiles,
    timeline,
    validity,
)
from bench.results.load import JudgedLoad, Noise, QuantileComparison, RequestLoad, TimelineSecond

MS = 1_000_000
LANES = ("before", "after", "after", "before")


def block(lane: str, group: int, place: int, times: dict[str, list[int]], **changed) -> LoadBlock:
    frozen = {name: tuple(values) for name, values in times.items()}
    made = LoadBlock(
        arm=lane,
        group=group,
        position=place,
        seconds=10.0,
        since_due_ns=frozen,
        service_ns={name: tuple(value // 2 for value in times) for name, times in frozen.items()},
        scheduled={name: len(values) for name, values in times.items()},
        errors={},
        late=0,
        missed=0,
        cpu_share=0.1,
        server_cpu_s=1.0,
        counters={},
        begun_at_ns=(4 * group + place) * 10**10,
    )
    return replace(made, **changed)


def blocks(
    after: float = 1.0, *, count: int = 30, groups: int = 3, noise: float = 0.1, seed: int = 1
) -> list[LoadBlock]:
    """A load in which `after` takes so many times as long for one operation, `list`."""
    rng = np.random.default_rng(seed)
    found = []
    for group in range(groups):
        own = rng.lognormal(0, 0.5, count) * 5 * MS
        for place, lane in enumerate(LANES):
            times = own * rng.lognormal(0, noise, count) * (after if lane == "after" else 1.0)
            found.append(block(lane, group, place, {"list": times.astype(int).tolist()}))
    return found


def judged(made: list[LoadBlock], **more) -> JudgedLoad:
    return judge_load(
        made, base="before", arm="after", minimum_effect=0.05, rng=np.random.default_rng(5), **more
    )


def entry(document: JudgedLoad, name: str = "list") -> RequestLoad:
    return next(one for one in document.operations if one.name == name)


def of(found: RequestLoad, quantile: str) -> QuantileComparison:
    comparison = found.comparison(quantile)
    assert comparison is not None
    return comparison


def test_what_takes_a_third_of_the_time_is_faster_at_every_quantile_that_has_enough() -> None:
    found = entry(judged(blocks(1 / 3)))
    assert found.verdict == of(found, "p50").verdict == "faster"
    assert of(found, "p50").speedup == pytest.approx(3, rel=0.1)
    low, high = of(found, "p50").ci95
    assert low < 3 < high
    assert of(found, "p95").verdict == "faster"
    assert of(found, "p999").verdict == "inconclusive"
    assert of(found, "p999").speedup is None
    assert "2,000 on each arm" in of(found, "p999").reason


def test_what_takes_three_times_as_long_is_slower_and_all_requests_with_it() -> None:
    document = judged(blocks(3.0))
    assert entry(document).verdict == "slower"
    assert document.overall.name == ALL
    assert document.overall.verdict == "slower"


def test_like_against_like_is_the_same_or_open() -> None:
    document = judged(blocks(1.0, noise=0.02, count=300))
    assert entry(document).verdict == "same"
    assert {one.verdict for one in entry(document).comparisons} <= {"same", "inconclusive"}


def test_the_document_is_json_and_the_same_for_the_same_generator() -> None:
    first, again = (
        json.dumps(judged(blocks(2.0), http={"list": "GET /x"}).json_values()) for _ in range(2)
    )
    assert first == again
    assert json.loads(first)["operations"][0]["http"] == "GET /x"
    assert "NaN" not in first


def test_noise_floors_stand_in_the_document_by_quantile() -> None:
    noise = judged(blocks(1.0)).noise_floor
    assert noise.floor > 0
    assert noise.worst_operation in (ALL, "list")
    assert set(noise.quantiles) == set(latencies.SHARES)
    assert set(noise.operations) == {ALL, "list"}
    assert noise.quantiles["p999"] == Noise(
        floor=None, ci95=None, worst_operation=None, worst_floor=None, operations={}
    )


def test_two_groups_are_too_few_for_a_verdict_and_the_reason_counts() -> None:
    found = entry(judged(blocks(10.0, groups=2)))
    assert found.verdict == "inconclusive"
    assert found.reason.startswith("120 good answers of the base and 120 of the arm")
    assert "this load has 2 such groups" in found.reason
    assert found.lanes["after"].since_due.p50_ci95_ns is None


def test_an_operation_that_one_block_lacks_gets_figures_and_no_verdict() -> None:
    made = blocks(3.0)
    made[6] = replace(made[6], since_due_ns={})
    found = entry(judged(made))
    assert found.verdict == "inconclusive"
    assert "this load has 2 such groups" in found.reason
    assert found.lanes["after"].good == 150
    assert found.lanes["before"].since_due.p50_ci95_ns is not None
    assert found.lanes["after"].since_due.p50_ci95_ns is None


def test_a_fourth_group_makes_up_for_the_tape_that_lacks_the_operation() -> None:
    made = blocks(3.0, groups=4)
    made = [replace(one, since_due_ns={}) if one.group == 1 else one for one in made]
    assert entry(judged(made)).verdict == "slower"


def test_a_group_without_all_four_blocks_is_not_compared() -> None:
    found = entry(judged(blocks(3.0)[:-1]))
    assert found.verdict == "inconclusive"
    assert found.lanes["before"].slots == 150


@pytest.mark.parametrize("lane", ["before", "nobody"])
def test_one_lane_is_no_comparison(lane: str) -> None:
    with pytest.raises(BenchError, match="two arms"):
        judge_load(
            blocks(), base="before", arm=lane, minimum_effect=0.05, rng=np.random.default_rng(1)
        )


def test_a_drift_over_the_whole_run_is_no_difference() -> None:
    made = []
    for at, one in enumerate(blocks(1.0, noise=0.01, count=100)):
        slow = {"list": tuple(int(time * 1.15**at) for time in one.since_due_ns["list"])}
        made.append(replace(one, since_due_ns=slow))
    assert all(one.verdict == "inconclusive" for one in entry(judged(made)).comparisons)


def failing(made: list[LoadBlock], lane: str, share: float, *, slowest: bool) -> list[LoadBlock]:
    """The same load, but that a share of a lane's requests got no good answer."""
    found = []
    for one in made:
        if one.arm == lane:
            times = sorted(one.since_due_ns["list"])
            gone = round(share * len(times))
            kept = times[: len(times) - gone] if slowest else times[gone:]
            found.append(
                replace(
                    one,
                    since_due_ns={"list": tuple(kept)},
                    errors={"list": {"timed out" if slowest else "status 503": gone}},
                )
            )
        else:
            found.append(one)
    return found


@pytest.mark.parametrize("after", [1 / 3, 1.0])
@pytest.mark.parametrize("slowest", [True, False])
def test_a_lane_that_fails_more_is_never_faster_nor_the_same(after: float, slowest: bool) -> None:
    made = failing(blocks(after, count=100, noise=0.02), "after", 0.1, slowest=slowest)
    found = entry(judged(made))
    assert {one.verdict for one in found.comparisons} == {"inconclusive"}
    assert found.reason.startswith("0 % of the base's requests failed and 10 % of the other")
    assert found.lanes["after"].errors == {"timed out" if slowest else "status 503": 60}


def test_nor_is_the_base_when_it_fails_more() -> None:
    made = failing(blocks(3.0, count=100), "before", 0.1, slowest=True)
    assert entry(judged(made)).verdict == "inconclusive"


def test_slower_and_failing_more_is_slower_if_failing_at_once_would_not_have_helped() -> None:
    made = failing(blocks(20.0, count=100), "after", 0.1, slowest=False)
    found = entry(judged(made))
    assert found.verdict == "slower"
    assert "selection" in found.reason


def test_slower_only_by_those_that_are_left_is_not_slower() -> None:
    made = failing(blocks(1.0, count=100, noise=0.02), "after", 0.6, slowest=False)
    found = entry(judged(made))
    assert of(found, "p50").speedup < 0.7
    assert found.verdict == "inconclusive"


def test_the_shop_that_no_longer_fails_is_faster() -> None:
    made = failing(blocks(1 / 20, count=100), "before", 0.2, slowest=True)
    assert entry(judged(made)).verdict == "faster"


def test_a_few_errors_leave_medians_alone_and_high_quantiles_open() -> None:
    made = failing(blocks(1 / 3, count=400), "after", 0.0075, slowest=True)
    found = entry(judged(made))
    assert found.verdict == "faster"
    assert found.reason is None
    assert of(found, "p99").verdict == "inconclusive"
    assert "selection" in of(found, "p99").reason


def test_counters_are_averages_of_a_request_and_tell_the_cause() -> None:
    def counted(one: LoadBlock) -> LoadBlock:
        steps = 9000 if one.arm == "after" else 3000
        sums = {"requests": 30, "statements": 60, "vm_steps": 30 * steps, "fullscan_steps": 0}
        return replace(one, counters={"list": {**sums, "sorts": 30, "autoindexes": 0}})

    found = entry(judged([counted(one) for one in blocks(3.0)]))
    assert found.lanes["after"].counters["vm_steps"] == 9000
    assert found.lanes["after"].counters["statements"] == 2
    assert found.cause == "SQLite takes 3 times the steps a request (9,000 for 3,000)."


WORK = {"vm_steps": 1000.0, "fullscan_steps": 0.0, "sorts": 1.0, "autoindexes": 0.0}


@pytest.mark.parametrize(
    ("change", "slower", "sentence"),
    [
        ({}, True, "SQLite's work for a request is the same. That does not tell where the time "
         "goes: it waits more behind other requests, or a step costs more."),
        ({"vm_steps": 100, "sorts": 0}, False,
         "SQLite takes fewer steps a request (100 for 1,000); nothing is sorted any more."),
        ({"vm_steps": 100}, True, "SQLite takes fewer steps a request (100 for 1,000). That "
         "does not tell where the time goes: it waits more behind other requests, or a step costs "
         "more."),
        ({"vm_steps": 2000, "fullscan_steps": 500}, True, "SQLite takes 2 times the steps a "
         "request (2,000 for 1,000); 500 rows are read by scanning tables, where none was."),
        ({"vm_steps": 2000, "autoindexes": 40}, True, "SQLite takes 2 times the steps a request "
         "(2,000 for 1,000); automatic indexes take 40 rows a request instead of 0."),
    ],
)  # fmt: skip
def test_causes_in_words(change, slower: bool, sentence: str) -> None:
    assert load_cause(WORK, {**WORK, **change}, slower=slower) == sentence


def test_what_was_not_counted_has_no_cause() -> None:
    assert load_cause(None, WORK, slower=True) is None
    assert load_cause(WORK, None, slower=True) is None


def test_quantiles_need_as_many_samples_as_leave_one_beyond() -> None:
    rng = np.random.default_rng(1)
    few = latencies.latency_quantiles(((5,) * 3, (), (7,) * 3), rng)
    assert (few.p50_ns, few.p95_ns, few.max_ns, few.samples) == (6, None, 7, 6)
    many = latencies.latency_quantiles((tuple(range(1, 181)),) * 6, rng)
    assert many.p999_ns == 180
    assert many.p99_ci95_ns is not None
    none = latencies.latency_quantiles(((), ()), rng)
    assert (none.p50_ns, none.max_ns, none.samples) == (None, None, 0)


def test_throughput_is_of_good_answers() -> None:
    document = judged(failing(blocks(count=100), "after", 0.1, slowest=True))
    lanes = document.overall.lanes
    assert lanes["before"].requests_per_second == pytest.approx(10)
    assert lanes["after"].requests_per_second == pytest.approx(9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.2, 5), st.sampled_from(["p50", "p95"]))
def test_the_lanes_swapped_turn_the_ratio_over(seed: int, after: float, quantile: str) -> None:
    groups = load_ratios.whole_groups(blocks(after, seed=seed), "before", "after")
    pair = load_ratios.paired(groups, "list")
    swapped = load_ratios.Paired(pair.arm, pair.base)
    one, other = (
        load_ratios.contrast(each, quantile, np.random.default_rng(3)) for each in (pair, swapped)
    )
    assert one.ratio.ratio == pytest.approx(1 / other.ratio.ratio)
    assert one.ratio.low == pytest.approx(1 / other.ratio.high)
    assert stats.floor_of(one.control) == pytest.approx(stats.floor_of(other.control))
    assert one.ratio.low <= one.ratio.ratio <= one.ratio.high


def test_the_splits_of_many_groups_are_drawn() -> None:
    groups = load_ratios.whole_groups(blocks(2.0, groups=9), "before", "after")
    pair = load_ratios.paired(groups, "list")
    found = load_ratios.contrast(pair, "p95", np.random.default_rng(1))
    assert len(found.control.rounds) == 64
    assert found.ratio.high < 1


def test_a_band_is_the_largest_of_effect_and_shared_floors() -> None:
    assert load_ratios.threshold(0.1, 0.05) == 0.1
    assert load_ratios.threshold(0.05, 1.0) == pytest.approx(2 ** math.sqrt(0.5) - 1)


def test_a_time_of_zero_is_a_reason_and_no_crash() -> None:
    made = blocks(2.0)
    made[0] = replace(made[0], since_due_ns={"list": (0,) * 30})
    found = entry(judged(made))
    assert found.verdict == "inconclusive"
    assert "0 ns" in found.reason


def invalid(made: list[LoadBlock]) -> list[str]:
    return validity(made)


def test_a_load_that_went_as_planned_is_valid() -> None:
    assert invalid(blocks()) == []


def test_nothing_played_is_invalid() -> None:
    assert invalid([]) == ["No block was played; start the load again."]


@pytest.mark.parametrize(("field", "most"), [("late", 3), ("missed", 1)])
def test_too_many_late_or_missed_requests_make_a_load_invalid(field: str, most: int) -> None:
    made = blocks(count=100)
    made[5] = replace(made[5], **{field: most})
    assert invalid(made) == []
    made[5] = replace(made[5], **{field: most + 1})
    (sentence,) = invalid(made)
    assert sentence.startswith("1 of 12 blocks sent more than 1 % of its requests late or never")
    assert f"the worst {most + 1} % (after, group 2, place 2)" in sentence


@pytest.mark.parametrize("share", [0.81, math.nan])
def test_a_busy_generator_makes_a_load_invalid(share: float) -> None:
    made = blocks()
    made[0] = replace(made[0], cpu_share=share)
    (sentence,) = invalid(made)
    assert "measured itself" in sentence


@pytest.mark.parametrize("gone", [0, 5, 11])
def test_a_missing_block_makes_a_load_invalid(gone: int) -> None:
    made = blocks()
    del made[gone]
    (sentence,) = invalid(made)
    assert sentence.startswith(f"Group {gone // 4 + 1} played ")


def test_a_missing_group_and_a_missing_lane_are_seen() -> None:
    assert invalid([one for one in blocks() if one.group != 1])[0].startswith(
        "Group 2 played nothing"
    )
    assert invalid([one for one in blocks() if one.arm == "after"])[0].startswith(
        "A comparison needs blocks of two arms and has those of after"
    )


def test_unequal_slots_are_another_tape() -> None:
    made = blocks()
    made[9] = replace(made[9], scheduled={"list": 29})
    (sentence,) = invalid(made)
    assert "group 3 did not have the same requests due" in sentence


def test_a_refusal_in_order_was_due_as_what_it_refuses() -> None:
    made = blocks()
    made[9] = replace(made[9], scheduled={"list": 28, "list: 409": 2})
    assert invalid(made) == []


@settings(max_examples=60)
@given(st.lists(st.integers(1, 10**11), min_size=1, max_size=400))
def test_percentiles_are_measured_times_in_order(times: list[int]) -> None:
    found = percentiles(np.array(times))
    shares, values = zip(*found, strict=True)
    assert list(shares) == sorted(set(shares))
    assert list(values) == sorted(values)
    assert set(values) <= set(times)
    for share, value in found:
        assert sum(time <= value for time in times) >= (share - 1e-6) * len(times)


def test_percentiles_are_dense_towards_the_last_of_ten_thousand() -> None:
    found = percentiles(np.arange(1, 100_001))
    assert len(found) == 60
    assert found[0] == (0.0, 1)
    assert found[-1] == (0.9999, 99_990)
    assert sum(share > 0.99 for share, _ in found) >= 29
    assert percentiles(np.array([], dtype=np.int64)) == ()


def test_a_timeline_is_the_median_of_blocks_second_by_second() -> None:
    second = 10**9

    def times(waits_ms: list[int], *, failed: int = 0) -> BlockTimes:
        due = np.array([0, 100 * MS, 200 * MS, 1200 * MS], dtype=np.int64)
        good = np.array([True] * (4 - failed) + [False] * failed)
        return BlockTimes(due, due + np.array(waits_ms) * MS, good)

    found = timeline(
        [times([10, 20, 30, 2000]), times([20, 30, 40, 50]), times([30] * 4, failed=1)]
    )
    assert [one.second for one in found] == [0, 1, 2, 3]
    assert (found[0].requests_per_second, found[0].p50_ns, found[0].errors) == (3.0, 30 * MS, 0.0)
    assert found[0].p99_ns == pytest.approx(30 * MS, rel=0.02)
    assert found[1].p50_ns == (2 * second + 50 * MS) // 2
    assert found[1].requests_per_second == 0.0
    assert found[3] == TimelineSecond(
        second=3, requests_per_second=0.0, p50_ns=None, p99_ns=None, errors=0.0
    )
    assert timeline([]) == ()
