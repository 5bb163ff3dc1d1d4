"""The interval of one arm's quantile, from resampled rounds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.judge.records import Rounds
from bench.judge.stats import LEAST_ROUNDS, Interval, NoSamples, TooFewRounds, expanded_tail

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

RESAMPLES = 1000


def quantile_interval(
    rounds: Rounds, share: float, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Interval:
    """The 95 % bootstrap interval of a quantile of one arm's pooled draws.

    Whole rounds are resampled with replacement (a cluster bootstrap, Davison and Hinkley
    1997, "Bootstrap Methods and their Application", section 3.8); percentiles
    are expanded as in `interval_rank`, and the interval is widened where it
    must be to hold the quantile itself.

    Raises:
        NoSamples: there is no round, or a round without draws.
        TooFewRounds: there are fewer than LEAST_ROUNDS rounds.
    """
    if not rounds or any(len(draws) == 0 for draws in rounds):
        raise NoSamples("A round holds no sample; measure every round at least once.")
    count = len(rounds)
    if count < LEAST_ROUNDS:
        raise TooFewRounds(
            f"An interval needs at least {LEAST_ROUNDS} rounds, not {count}; measure more rounds."
        )
    found = resampled_quantiles(rounds, share, resamplings(count, rng, resamples))
    tail = expanded_tail(count)
    low, high = np.quantile(found, [tail, 1 - tail], method="linear")
    values = np.concatenate([np.asarray(draws, dtype=np.float64) for draws in rounds])
    point = float(np.quantile(values, share, method="linear"))
    return Interval(min(float(low), point), max(float(high), point))


def resamplings(count: int, rng: np.random.Generator, resamples: int = RESAMPLES) -> Whole:
    """How often each of so many rounds is in each resample: (resample, round)."""
    return rng.multinomial(count, np.full(count, 1 / count), size=resamples)


def resampled_quantiles(rounds: Rounds, share: float, weights: Whole) -> Floats:
    """A quantile of the pooled draws of each resample that `resamplings` chose.

    Two arms resampled by the same weights are resampled in pairs.
    """
    values = np.concatenate([np.asarray(draws, dtype=np.float64) for draws in rounds])
    owner = np.repeat(np.arange(len(rounds)), [len(draws) for draws in rounds])
    order = np.argsort(values, kind="stable")
    return _weighted_quantiles(values[order], owner[order], weights, share)


def _weighted_quantiles(values: Floats, owner: Whole, weights: Whole, share: float) -> Floats:
    """Type 7 quantiles of resamples, each given by how often it took each round.

    `values` are sorted and `owner` tells the round of each. `upto[i, r]` counts
    the values of round r among the first i + 1, so that a resample has
    reached upto[i] . weights values there; the place is found by bisection.
    """
    upto = np.cumsum(owner[:, None] == np.arange(weights.shape[1]), axis=0)
    position = ((weights @ upto[-1]) - 1) * share
    below = np.floor(position)

    def at(rank: Floats) -> Floats:
        low = np.zeros(len(weights), dtype=np.int64)
        high = np.full(len(weights), len(values) - 1, dtype=np.int64)
        while np.any(low < high):
            middle = (low + high) // 2
            enough = np.einsum("ij,ij->i", upto[middle], weights) > rank
            high = np.where(enough, middle, high)
            low = np.where(enough, low, middle + 1)
        return values[low]

    left = at(below)
    found: Floats = left + (at(np.ceil(position)) - left) * (position - below)
    return found
