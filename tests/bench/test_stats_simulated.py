"""Simulations that prove what the intervals and verdicts promise; seeded, so they never flicker."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.judge import stats
from bench.judge.noise import Controls

BASE, ARM, TWIN = range(3)
MINIMUM_EFFECT = 0.05


def log_times(rng, kind: str, tries: int, rounds: int, draws: int, noise: float):
    """Log times of three like arms: (arm, try, round), the median of each round's draws."""
    shape = (3, tries, rounds, draws)
    if kind == "normal":
        logs = rng.normal(0, noise, shape)
    elif kind == "spiky":
        # A skewed body, single spikes, and now and then a whole round of one arm disturbed.
        logs = rng.lognormal(0, 0.5, shape) * noise
        logs += (rng.random(shape) < 0.03) * rng.exponential(1.0, shape)
        logs += (rng.random(shape[:3]) < 0.02)[..., None] * rng.exponential(0.3, shape)
    else:
        # The machine wanders from block to block; odd rounds run the arms in reverse.
        logs = rng.normal(0, noise, shape)
        walk = np.cumsum(rng.normal(0, 0.02, (tries, 3 * rounds)), axis=1)
        turn = np.arange(rounds)
        for arm in range(3):
            position = 3 * turn + np.where(turn % 2 == 0, arm, 2 - arm)
            logs[arm] += walk[:, position][..., None]
    return np.median(logs, axis=3)


@pytest.mark.parametrize("kind", ["normal", "spiky", "drifting"])
@pytest.mark.parametrize("rounds", [7, 9, 15])
@pytest.mark.parametrize("effect", [1.0, 1.1, 40.0])
def test_the_interval_covers_the_true_ratio(kind: str, rounds: int, effect: float) -> None:
    rng = np.random.default_rng(20251005 + rounds)
    tries = 2000
    logs = log_times(rng, kind, tries, rounds, 3, 0.05)
    ratios = logs[BASE] - logs[ARM] + math.log(effect)
    found = [stats.speedup_of(row) for row in ratios.tolist()]
    covered = sum(one.low <= effect <= one.high for one in found) / tries
    assert covered >= 0.93


def test_the_plain_percentile_bootstrap_would_not_cover() -> None:
    rng = np.random.default_rng(7)
    ratios = rng.normal(size=(2000, 7))
    picks = rng.integers(0, 7, (400, 7))
    resampled = np.median(ratios[:, picks], axis=2)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=1)
    assert np.mean((low <= 0) & (high >= 0)) < 0.90


@pytest.mark.parametrize("kind", ["normal", "spiky", "drifting"])
@pytest.mark.parametrize(
    ("draws", "noise", "offset"),
    [(5, 0.02, 0.0), (5, 0.05, 0.01), (1, 0.2, 0.0), (5, 0.05, 0.05)],
    ids=["quiet", "common", "one loud draw", "copies that differ by 5 %"],
)
def test_like_against_like_raises_at_most_one_alarm_in_a_thousand(
    kind: str, draws: int, noise: float, offset: float
) -> None:
    rng = np.random.default_rng(20251005)
    runs, operations = 300, 31
    logs = log_times(rng, kind, runs * operations, 7, draws, noise)
    logs += rng.normal(0, offset, (3, runs * operations, 1))
    verdicts = judged_runs(logs, operations)
    alarms = sum(verdict in ("faster", "slower") for verdict in verdicts)
    assert alarms <= 0.001 * len(verdicts)


def test_without_a_noise_floor_copies_that_differ_would_cry_wolf() -> None:
    rng = np.random.default_rng(20251005)
    logs = log_times(rng, "normal", 3000, 7, 5, 0.05) + rng.normal(0, 0.05, (3, 3000, 1))
    found = [stats.speedup_of(row) for row in (logs[BASE] - logs[ARM]).tolist()]
    verdicts = [stats.verdict(one.low, one.high, MINIMUM_EFFECT, MINIMUM_EFFECT) for one in found]
    assert sum(verdict in ("faster", "slower") for verdict in verdicts) > 0.05 * len(verdicts)


@pytest.mark.parametrize(("rounds", "found_at_least"), [(7, 0.9), (15, 0.99)])
def test_ten_percent_is_found_on_a_quiet_machine(rounds: int, found_at_least: float) -> None:
    rng = np.random.default_rng(20251005)
    runs, operations = 40, 31
    logs = log_times(rng, "normal", runs * operations, rounds, 9, 0.02)
    logs += rng.normal(0, 0.002, (3, runs * operations, 1))
    logs[ARM] += math.log(1.1)
    verdicts = judged_runs(logs, operations)
    assert sum(verdict == "slower" for verdict in verdicts) >= found_at_least * len(verdicts)
    assert "faster" not in verdicts


def test_controls_on_a_quiet_machine_come_out_same() -> None:
    rng = np.random.default_rng(20251005)
    logs = log_times(rng, "normal", 1240, 7, 9, 0.02)
    verdicts = judged_runs(logs, 31)
    assert sum(verdict == "same" for verdict in verdicts) >= 0.98 * len(verdicts)


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])
def test_what_differs_by_a_tenth_is_never_called_the_same(noise: float) -> None:
    rng = np.random.default_rng(20251005)
    logs = log_times(rng, "normal", 200 * 31, 7, 3, noise)
    logs[ARM] += math.log(1.1)
    verdicts = judged_runs(logs, 31)
    # 95 % intervals leave out the truth once in forty on either side; none is that narrow too.
    assert sum(verdict == "same" for verdict in verdicts) <= 0.001 * len(verdicts)


def test_noise_as_large_as_the_difference_leaves_most_comparisons_open() -> None:
    rng = np.random.default_rng(20251005)
    logs = log_times(rng, "normal", 40 * 31, 7, 1, 0.3)
    verdicts = judged_runs(logs, 31)
    assert sum(verdict == "inconclusive" for verdict in verdicts) >= 0.95 * len(verdicts)


def judged_runs(logs, operations: int) -> list[str]:
    """The verdicts of many runs of so many operations each, as `compare` reaches them."""
    found: list[str] = []
    compared = (logs[BASE] - logs[ARM]).tolist()
    alike = (logs[BASE] - logs[TWIN]).tolist()
    for start in range(0, len(compared), operations):
        pairs = [stats.speedup_of(row) for row in alike[start : start + operations]]
        controls = Controls.of({str(place): pair for place, pair in enumerate(pairs)})
        for place, row in enumerate(compared[start : start + operations]):
            one = stats.speedup_of(row)
            threshold = controls.threshold(str(place), MINIMUM_EFFECT)
            found.append(stats.verdict(one.low, one.high, threshold, MINIMUM_EFFECT))
    return found
