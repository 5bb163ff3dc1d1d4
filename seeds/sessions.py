"""Sample the sessions of one day: lengths, times and users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seeds import calendar, columns, past, stock
from seeds.calendar import DAY_S, YEAR_DAYS
from seeds.past import Ints
from seeds.scale import Plan

LENGTH_MEDIAN = 6.0
LENGTH_SIGMA = 1.45
SHORTEST, LONGEST = 2, 500
"""Published (OTTO): events per visitor fit a lognormal, median 6, sigma 1.45, from 2 to 500."""
PAUSE_S = 25.0
"""Chosen: mean seconds between two events of a session."""
REGISTERED_SHARE = 0.35
"""Chosen: sessions that belong to an account."""


@dataclass(frozen=True)
class DaySessions:
    """Sessions of a day; ``session`` and ``second`` are over events in session order."""

    first: Ints
    """Index of each session's first event; one longer than sessions."""
    session: Ints
    second: Ints
    """Second of the day, ascending within a session."""
    user: Ints
    """0-based account, -1 for a guest."""
    token: NDArray[np.uint8]
    """Shape (sessions, 16): hex digits."""
    ip: Ints
    agent: Ints
    orders: Ints
    order_session: Ints
    submissions: Ints
    submission_session: Ints


def lengths(rng: np.random.Generator, events: int, needs: Ints) -> tuple[Ints, Ints]:
    """(session lengths that sum to ``events``, the session of each need).

    Session ``hosts[i]`` is at least ``needs[i]`` long. Lengths keep the published lognormal;
    only a day too short for its orders gives each exactly the length that it needs.
    """
    sampled = _lognormal_lengths(rng, events)
    roomy = np.flatnonzero(sampled >= needs.max(initial=0))
    if len(roomy) >= len(needs):
        return sampled, rng.permutation(roomy)[: len(needs)]
    rest = events - int(needs.sum())
    if rest < 0:
        raise ValueError("A day has more orders than events: plan more events.")
    free = _lognormal_lengths(rng, rest) if rest >= SHORTEST else np.empty(0, dtype=np.int64)
    fitted = np.concatenate((needs, free))
    fitted[-1] += events - int(fitted.sum())
    return fitted, np.arange(len(needs))


def _lognormal_lengths(rng: np.random.Generator, events: int) -> Ints:
    """Lengths from the published lognormal, cut where they reach ``events``."""
    sampled = np.exp(rng.normal(np.log(LENGTH_MEDIAN), LENGTH_SIGMA, events // SHORTEST + 1))
    sampled = np.clip(np.rint(sampled), SHORTEST, LONGEST).astype(np.int64)
    ends = np.cumsum(sampled)
    cut = int(np.searchsorted(ends, events))
    sampled = sampled[: cut + 1]
    sampled[-1] -= int(ends[cut]) - events
    if len(sampled) > 1 and sampled[-1] < SHORTEST:
        sampled[-2] += sampled[-1]
        sampled = sampled[:-1]
    return sampled


def sample_day(plan: Plan, rng: np.random.Generator, day: int, events: int) -> DaySessions:
    """Sample the sessions of one day, with exactly ``events`` events."""
    trade, offers = stock.orders(plan), stock.submissions(plan)
    bounds = (day * DAY_S, (day + 1) * DAY_S)
    orders = np.arange(*np.searchsorted(trade.created_s, bounds))
    submitted = np.arange(*np.searchsorted(offers.created_s, bounds))
    items = trade.first_item[orders + 1] - trade.first_item[orders]
    needs = np.concatenate((2 * items + 2, np.full(len(submitted), 2)))
    length, host = lengths(rng, events, needs)
    own_user = np.concatenate((trade.user[orders], offers.user[submitted]))
    own_end = np.concatenate((trade.created_s[orders], offers.created_s[submitted])) - bounds[0]
    count = len(length)
    user = _users(plan, rng, day, count, host, own_user)
    end = np.full(count, -1)
    end[host] = own_end
    first = np.concatenate(([0], np.cumsum(length)))
    session = np.repeat(np.arange(count), length)
    known = user >= 0
    ip = np.where(known, user * 7919 + rng.integers(0, 2, count), rng.integers(0, 2**31, count))
    agent = np.where(known, user * 31 + rng.integers(0, 2, count), rng.integers(0, 2**31, count))
    return DaySessions(
        first=first,
        session=session,
        second=_seconds(rng, first, session, end, is_last_day=day == YEAR_DAYS - 1),
        user=user,
        token=columns.hex_bytes(rng, count, 16),
        ip=ip,
        agent=agent,
        orders=orders,
        order_session=host[: len(orders)],
        submissions=submitted,
        submission_session=host[len(orders) :],
    )


def _users(
    plan: Plan, rng: np.random.Generator, day: int, count: int, host: Ints, own_user: Ints
) -> Ints:
    """Accounts of sessions: given for orders and submissions, sampled for the others."""
    others = max(count - len(host), 1)
    missing = REGISTERED_SHARE * count - np.count_nonzero(own_user >= 0)
    registered = rng.random(count) < missing / others
    sampled = past.accounts(plan).sample(rng, np.full(count, day * DAY_S))
    user = np.where(registered, sampled, -1)
    user[host] = own_user
    return user


def _seconds(
    rng: np.random.Generator, first: Ints, session: Ints, end: Ints, *, is_last_day: bool
) -> Ints:
    """Second of the day of every event; a session with an ``end`` finishes at it."""
    pause = rng.exponential(PAUSE_S, len(session)).astype(np.int64)
    pause[first[:-1]] = 0
    elapsed = np.cumsum(pause)
    elapsed -= elapsed[first[:-1]][session]
    duration = elapsed[first[1:] - 1]
    free = end < 0
    start = np.minimum(calendar.seconds_of_day(rng, len(end)), DAY_S - 1 - duration)
    if is_last_day and free.any():
        chosen = int(np.flatnonzero(free)[0])
        start[chosen] = DAY_S - 1 - duration[chosen]
    hurried = ~free & (duration > end)
    if hurried.any():
        squeezed = elapsed * end[session] // np.maximum(duration, 1)[session]
        elapsed = np.where(hurried[session], squeezed, elapsed)
        duration = elapsed[first[1:] - 1]
    start = np.where(free, start, end - duration)
    return start[session] + elapsed
