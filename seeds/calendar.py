"""The seeded year.

Times inside seeds are whole seconds since the start of the year (int64); what existed before the
year has a negative time. They become text only where a column is built.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.int64]

DAY_S = 86_400
YEAR_DAYS = 365
YEAR_START = dt.datetime(2024, 10, 5)
NOW_S = YEAR_DAYS * DAY_S - 1
NOW = "2025-10-04 23:59:59"
CATALOGUE_DAYS = 730
"""Products were taken in during the two years that end one day before the year does."""
ACCOUNT_DAYS = 1095
"""Accounts were opened during the three years that end one day before the year does."""

WEEKEND_FACTOR = 1.063
"""Published: weekend days have 6.3 % more views."""
HOUR_WEIGHTS = (
    1.6, 0.9, 0.5, 0.3, 0.3, 0.5, 1.1, 2.2, 3.4, 4.1, 4.6, 5.0,
    5.6, 5.5, 5.1, 5.0, 5.2, 5.7, 6.4, 7.2, 8.1, 8.6, 6.8, 3.9,
)  # fmt: skip
"""Chosen: an Irish shop's day, quiet before dawn, busiest after nine in the evening."""

_EPOCH = np.datetime64(YEAR_START, "s")


def apportion(total: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole shares of ``total`` in proportion to ``weights`` that sum to it exactly.

    Largest-remainder (Hare) method; ties go to the lower index. Shape in, shape out.
    """
    exact = weights / weights.sum() * total
    shares: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    missing = total - int(shares.sum())
    order = np.argsort(-(exact - shares), kind="stable")
    shares[order[:missing]] += 1
    return shares


def day_weights() -> NDArray[np.float64]:
    """Relative busyness of each of the 365 days: weekends 6.3 % above working days."""
    first = YEAR_START.weekday()
    weekday = (np.arange(YEAR_DAYS) + first) % 7
    return np.where(weekday >= 5, WEEKEND_FACTOR, 1.0)


def hour_shares() -> NDArray[np.float64]:
    """Share of a day's sessions that begin in each of the 24 hours; sums to 1."""
    weights = np.asarray(HOUR_WEIGHTS, dtype=np.float64)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def seconds_of_day(rng: np.random.Generator, count: int) -> Seconds:
    """``count`` unsorted seconds of a day, 0 to 86399, drawn along the hour curve."""
    edges = np.concatenate(([0.0], np.cumsum(hour_shares())))
    seconds = np.interp(rng.random(count), edges, np.arange(25) * 3600.0)
    whole: Seconds = seconds.astype(np.int64)
    return np.minimum(whole, DAY_S - 1)


def date_of(day: int) -> str:
    """The date of a day of the year (0 to 364) as 'YYYY-MM-DD'."""
    return (YEAR_START + dt.timedelta(days=day)).strftime("%Y-%m-%d")


def text_of(seconds: int) -> str:
    """One time as 'YYYY-MM-DD HH:MM:SS'."""
    return (YEAR_START + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def texts_of(seconds: Seconds) -> NDArray[np.uint8]:
    """Times as ASCII text: shape (n, 19), each row 'YYYY-MM-DD HH:MM:SS'."""
    if len(seconds) == 0:
        return np.empty((0, 19), dtype=np.uint8)
    days, clock = np.divmod(seconds, DAY_S)
    low = int(days.min())
    dates = (_EPOCH + np.arange(low, int(days.max()) + 1).astype("m8[D]")).astype("M8[D]")
    table = np.asarray(np.datetime_as_string(dates), dtype="S10").view(np.uint8).reshape(-1, 10)
    out = np.empty((len(seconds), 19), dtype=np.uint8)
    out[:, :10] = table[days - low]
    out[:, 10] = ord(" ")
    out[:, 11:] = clock_table()[clock]
    return out


@lru_cache(maxsize=1)
def clock_table() -> NDArray[np.uint8]:
    """Every second of a day as ASCII text: shape (86400, 8), 'HH:MM:SS'."""
    second = np.arange(DAY_S)
    table = np.full((DAY_S, 8), ord(":"), dtype=np.uint8)
    for column, part in ((0, second // 3600), (3, second // 60 % 60), (6, second % 60)):
        table[:, column] = part // 10 + ord("0")
        table[:, column + 1] = part % 10 + ord("0")
    return table
