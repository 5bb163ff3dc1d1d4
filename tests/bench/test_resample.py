from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.judge import latencies, stats

rounds_of_times = st.lists(
    st.lists(st.integers(1, 10**12), min_size=1, max_size=4).map(tuple),
    min_size=stats.LEAST_ROUNDS,
    max_size=12,
).map(tuple)


@settings(max_examples=50)
@given(rounds_of_times, st.floats(0, 1), st.integers(0, 2**32))
def test_a_quantile_lies_in_its_interval_and_that_in_the_data(rounds, share, seed) -> None:
    pooled = [latency for draws in rounds for latency in draws]
    found = latencies.quantile_interval(rounds, share, np.random.default_rng(seed), resamples=50)
    assert min(pooled) <= found.low <= stats.quantile(pooled, share) <= found.high <= max(pooled)


def test_resampled_quantiles_are_those_of_the_resample() -> None:
    rng = np.random.default_rng(11)
    values = np.sort(rng.lognormal(size=30))
    owner = rng.permutation(np.repeat(np.arange(6), 5))
    weights = rng.multinomial(6, np.full(6, 1 / 6), size=40)
    for share in (0.0, 0.31, 0.5, 0.95, 1.0):
        found = latencies._weighted_quantiles(values, owner, weights, share)
        wanted = [np.quantile(np.repeat(values, taken[owner]), share) for taken in weights]
        assert found == pytest.approx(np.array(wanted))


@pytest.mark.parametrize(
    ("rounds", "error"),
    [((), stats.NoSamples), (((1,), ()), stats.NoSamples), (((1,),) * 5, stats.TooFewRounds)],
)
def test_what_has_no_interval_is_a_named_error(rounds, error) -> None:
    with pytest.raises(error):
        latencies.quantile_interval(rounds, 0.5, np.random.default_rng(1))


def test_rounds_that_are_all_alike_leave_no_doubt() -> None:
    found = latencies.quantile_interval(((5, 7, 9),) * 7, 0.5, np.random.default_rng(1))
    assert found == stats.Interval(7, 7)


def test_the_interval_of_a_median_covers_it_when_rounds_move_together() -> None:
    rng = np.random.default_rng(20251005)
    tries, covered = 400, 0
    for _ in range(tries):
        logs = rng.normal(0, 0.05, (7, 1)) + rng.normal(0, 0.05, (7, 9))
        rounds = tuple(map(tuple, (1e6 * np.exp(logs)).tolist()))
        found = latencies.quantile_interval(rounds, 0.5, rng, resamples=300)
        covered += found.low <= 1e6 <= found.high
    assert covered / tries >= 0.93
