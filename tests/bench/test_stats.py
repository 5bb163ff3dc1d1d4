from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from bench.judge import stats

times = st.integers(min_value=1, max_value=10**12)


@st.composite
def paired_rounds(draw: st.DrawFn) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Two arms over the same rounds and draws."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=stats.LEAST_ROUNDS, max_size=12))
    arm = st.tuples(*(st.tuples(*[times] * size) for size in sizes))
    return draw(arm), draw(arm)


def test_median_of_one_of_two_and_with_ties() -> None:
    assert stats.median([5]) == 5
    assert stats.median([4, 1]) == 2.5
    assert stats.median([2, 2, 2, 9]) == 2


@pytest.mark.parametrize("statistic", [stats.median, lambda values: stats.quantile(values, 0.9)])
def test_nothing_has_no_quantile(statistic) -> None:
    with pytest.raises(stats.NoSamples, match="measure at least one"):
        statistic([])


def test_quantile_is_of_type_7() -> None:
    # R: quantile(c(1, 2, 3, 4, 10), 0.9, type = 7) is 7.6.
    assert stats.quantile([10, 1, 4, 3, 2], 0.9) == pytest.approx(7.6)
    assert stats.quantile([7], 0.99) == 7
    assert stats.quantile([3, 8], 0) == 3
    assert stats.quantile([3, 8], 1) == 8
    with pytest.raises(ValueError, match="range"):
        stats.quantile([3, 8], 1.1)
    # Type 1 gives a value that was measured: the least that so large a share does not exceed.
    assert stats.quantiles([10, 1, 4, 3, 2], [0.0, 0.4, 0.41, 1.0], measured=True) == [1, 2, 3, 10]


def test_a_log_ratio_is_that_of_round_medians() -> None:
    logs = stats.log_ratios(((10, 20, 900), (8,)), ((5, 10, 10), (16,)))
    assert logs == pytest.approx((math.log(2), math.log(0.5)))


@pytest.mark.parametrize(
    ("base", "arm", "error"),
    [
        ((), (), stats.NoSamples),
        (((1,), ()), ((1,), ()), stats.NoSamples),
        (((1, 2),), ((1,),), stats.UnequalSamples),
        (((1,), (2,)), ((1,),), stats.UnequalSamples),
        (((1,), (0,)), ((1,), (1,)), stats.ZeroTime),
        (((1,), (1,)), ((1,), (-4,)), stats.ZeroTime),
    ],
)
def test_what_has_no_ratio_is_a_named_error(base, arm, error) -> None:
    with pytest.raises(error):
        stats.log_ratios(base, arm)


def test_five_rounds_are_too_few_for_an_interval() -> None:
    with pytest.raises(stats.TooFewRounds, match="at least 6 rounds, not 5"):
        stats.median_interval([1, 2, 3, 4, 5])
    assert stats.median_interval([1, 2, 3, 4, 5, 6]) == stats.Interval(1, 6)


@pytest.mark.parametrize("count", range(stats.LEAST_ROUNDS, 60))
def test_the_interval_covers_the_median_of_any_distribution(count: int) -> None:
    rank = stats.interval_rank(count)
    covered = 1 - 2 * binom.cdf(rank - 1, count, 0.5)
    assert 0.95 <= covered < 1


def test_the_interval_is_never_narrower_than_the_expanded_bootstrap() -> None:
    rng = np.random.default_rng(5)
    for count in (7, 9, 15):
        values = np.sort(rng.normal(size=count))
        resampled = np.median(values[rng.integers(0, count, (20_000, count))], axis=1)
        level = stats.expanded_tail(count)
        low, high = np.quantile(resampled, [level, 1 - level], method="inverted_cdf")
        found = stats.median_interval(values.tolist())
        assert found.low <= low
        assert found.high >= high


@given(paired_rounds())
def test_the_interval_holds_the_ratio(pair) -> None:
    found = stats.speedup(*pair)
    assert found.low <= found.ratio <= found.high
    assert min(found.rounds) <= found.low
    assert found.high <= max(found.rounds)


@given(paired_rounds())
def test_swapping_the_arms_inverts_ratio_and_interval(pair) -> None:
    base, arm = pair
    there, back = stats.speedup(base, arm), stats.speedup(arm, base)
    assert back.ratio == pytest.approx(1 / there.ratio)
    assert back.low == pytest.approx(1 / there.high)
    assert back.high == pytest.approx(1 / there.low)


@given(paired_rounds(), st.integers(2, 1000))
def test_a_change_of_unit_changes_nothing(pair, factor: int) -> None:
    base, arm = pair
    scaled = [tuple(tuple(t * factor for t in draws) for draws in side) for side in pair]
    before, after = stats.speedup(base, arm), stats.speedup(scaled[0], scaled[1])
    assert (after.ratio, after.low, after.high) == pytest.approx(
        (before.ratio, before.low, before.high)
    )


@given(paired_rounds(), st.integers(2, 1000))
def test_a_base_n_times_as_slow_is_n_times_the_speedup(pair, factor: int) -> None:
    base, arm = pair
    slower = tuple(tuple(t * factor for t in draws) for draws in base)
    before, after = stats.speedup(base, arm), stats.speedup(slower, arm)
    assert after.ratio == pytest.approx(before.ratio * factor)
    assert after.low == pytest.approx(before.low * factor)
    assert after.high == pytest.approx(before.high * factor)


@given(paired_rounds(), st.randoms(use_true_random=False))
def test_the_order_of_rounds_and_draws_does_not_count(pair, random) -> None:
    base, arm = pair
    order = list(range(len(base)))
    random.shuffle(order)
    shuffled = [tuple(tuple(random.sample(side[i], len(side[i]))) for i in order) for side in pair]
    before, after = stats.speedup(base, arm), stats.speedup(shuffled[0], shuffled[1])
    assert (after.ratio, after.low, after.high) == (before.ratio, before.low, before.high)


@given(paired_rounds())
def test_an_arm_against_itself_is_exactly_one(pair) -> None:
    base, _ = pair
    found = stats.speedup(base, base)
    assert (found.ratio, found.low, found.high) == (1, 1, 1)
    assert stats.floor_of(found) == 0


def test_a_noise_floor_reaches_as_far_as_the_worse_end() -> None:
    assert stats.floor_of(stats.Speedup(1, 0.8, 1.1, ())) == pytest.approx(0.25)
    assert stats.floor_of(stats.Speedup(1, 0.95, 1.2, ())) == pytest.approx(0.2)


def test_one_restless_pair_does_not_set_the_floor_of_the_run() -> None:
    quiet = [stats.Speedup(ratio, ratio, ratio, ()) for ratio in (1.01, 1 / 1.01, 1.01, 1.01)]
    restless = stats.Speedup(3.0, 2.0, 4.0, ())
    floor = stats.floor_of_run([*quiet, restless])
    assert floor == pytest.approx(math.expm1(3.2905 * 1.4826 * math.log(1.01)), rel=1e-3)
    with pytest.raises(stats.NoSamples):
        stats.floor_of_run([])


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (1.06, 1.2, "faster"),
        (0.5, 0.95, "slower"),
        (0.96, 1.04, "same"),
        (1 / 1.05, 1.05, "same"),
        (0.9, 1.2, "inconclusive"),
        (1.05, 1.3, "inconclusive"),
        (0.8, 1 / 1.05, "inconclusive"),
    ],
)
def test_every_verdict(low: float, high: float, wanted: str) -> None:
    assert stats.verdict(low, high, 0.05, 0.05) == wanted


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.858, 1.054, "inconclusive"),
        (0.96, 1.04, "same"),
        (1.06, 1.2, "inconclusive"),
        (1.29, 1.4, "faster"),
        (0.6, 0.77, "slower"),
    ],
)
def test_noise_hides_differences_and_proves_no_equality(low, high, wanted: str) -> None:
    assert stats.verdict(low, high, 0.282, 0.05) == wanted


@given(st.floats(0.01, 100), st.floats(1, 10), st.floats(0.05, 2))
def test_a_verdict_turns_round_with_the_arms(low: float, width: float, band: float) -> None:
    opposite = {"faster": "slower", "slower": "faster"}
    there = stats.verdict(low, low * width, band, 0.05)
    back = stats.verdict(1 / (low * width), 1 / low, band, 0.05)
    ends = [math.log(end) for end in (low, low * width)]
    limits = [sign * math.log1p(share) for share in (band, 0.05) for sign in (-1, 1)]
    if all(abs(end - limit) > 1e-9 for end in ends for limit in limits):
        assert back == opposite.get(there, there)


@given(st.floats(0.01, 100), st.floats(1, 10), st.floats(0.05, 1), st.floats(0, 1))
def test_more_noise_makes_neither_a_difference_nor_an_equality(low, width, band, more) -> None:
    quiet = stats.verdict(low, low * width, band, 0.05)
    noisy = stats.verdict(low, low * width, band + more, 0.05)
    assert noisy in (quiet, "inconclusive")
    assert (noisy == "same") == (quiet == "same")
