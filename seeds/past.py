"""Accounts, logins and products of the seeded shop, as arrays.

Row ``i`` of an array belongs to id ``i + 1``. Ids ascend with time, so what existed at some
moment is a prefix. Generators turn these arrays into tables; `seeds.plan` samples ids from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from seeds import calendar
from seeds.calendar import DAY_S, NOW_S, YEAR_DAYS
from seeds.scale import Plan

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EVENT_TYPES = (
    "page_view",
    "product_view",
    "search",
    "add_to_cart",
    "checkout_start",
    "purchase",
    "login",
    "sell_submit",
)
CATEGORIES = ("BN-CLOTHES", "BN-SHOES", "PO-CLOTHES", "PO-SHOES")
CATEGORY_SHARES = (0.20, 0.25, 0.28, 0.27)
CLOTHES_SIZES = ("XS", "S", "M", "L", "XL", "XXL")
SHOE_SIZES = ("UK 3", "UK 4", "UK 5", "UK 6", "UK 6.5", "UK 7", "UK 7.5", "UK 8", "UK 8.5",
              "UK 9", "UK 9.5", "UK 10", "UK 11", "UK 12")  # fmt: skip
CLOTHES_SHARES = (0.06, 0.18, 0.28, 0.26, 0.15, 0.07)
SHOE_SHARES = (0.03, 0.05, 0.07, 0.08, 0.08, 0.10, 0.10, 0.12, 0.10, 0.10, 0.06, 0.06, 0.03, 0.02)
SIZES = CLOTHES_SIZES + SHOE_SIZES

POPULARITY_SIGMA = 1.82
"""Published (OTTO): events per item fit a lognormal of sigma 1.82."""
ACTIVITY_SIGMA = 1.2
"""Chosen: how unequally accounts use the shop."""
MULTI_PIECE_SHARE = 0.2
"""Chosen: brand-new products of which the shop holds 2 to 12 pieces; of all others it holds one."""
VERIFIED_PERCENT = 92
"""Chosen: customers with a verified address; all staff have one."""
SESSION_DAYS = 30
"""A session is valid for this long, and the shop keeps those of the last so many days."""
FIRST_GUEST_BUYER, FIRST_GUEST_SELLER = 10_000_000, 20_000_000
"""Keys of guests' names and addresses start here, above those of accounts."""
REGISTERED_ORDER_SHARE = 0.7
REGISTERED_SELLER_SHARE = 0.6

ORDER_STATUSES = ("pending", "confirmed", "shipped", "completed", "cancelled", "returned")
PENDING, CONFIRMED, SHIPPED, COMPLETED, CANCELLED, RETURNED = range(6)


@dataclass(frozen=True)
class Accounts:
    """created_s and activity per user; the first ``admins`` accounts are the staff's."""

    created_s: Ints
    cumulative_activity: Floats
    admins: int

    def sample(self, rng: np.random.Generator, before_s: Ints) -> Ints:
        """Sample one account (0-based) for each time, opened before the day of that time."""
        existing = np.searchsorted(self.created_s, before_s // DAY_S * DAY_S)
        return weighted_prefix(rng, self.cumulative_activity, existing)

    def is_verified(self, key: Ints) -> NDArray[np.bool_]:
        """Whether the addresses of 0-based accounts are verified."""
        return (key < self.admins) | (key * 37 % 100 < VERIFIED_PERCENT)


@dataclass(frozen=True)
class Logins:
    """Sessions of the last 30 days: arrays over sessions, and over accounts."""

    created_s: Ints
    user: Ints
    """0-based account, always a verified one; the newest sessions are the staff's, one each."""
    newest: Ints
    """Per account its newest session that is valid for another day when the year ends, or -1."""
    customers: range
    """Sessions of customers that are valid for another day."""


@dataclass(frozen=True)
class Catalogue:
    """Arrays over products."""

    created_s: Ints
    category: Ints
    size: Ints
    price_cents: Ints
    pieces: Ints
    popularity: Floats


def weighted_prefix(rng: np.random.Generator, cumulative: Floats, existing: Ints) -> Ints:
    """Sample one index by weight among the first ``existing[i]`` of cumulative weights, each i."""
    if len(existing) and int(existing.min()) < 1:
        raise ValueError("Nothing exists yet at one of these times: ask for later ones.")
    points = rng.random(len(existing)) * cumulative[existing - 1]
    return np.minimum(np.searchsorted(cumulative, points, side="right"), existing - 1)


def lognormal_exactly(rng: np.random.Generator, count: int, sigma: float) -> Floats:
    """``count`` quantiles of a lognormal (median 1) in random order: its shape at every size."""
    return np.asarray(np.exp(sigma * ndtri((rng.permutation(count) + 0.5) / count)))


def times_in_year(rng: np.random.Generator, count: int) -> Ints:
    """``count`` ascending seconds over the 365 days, along the weekday and hour curves."""
    per_day = calendar.apportion(count, calendar.day_weights())
    days = np.repeat(np.arange(YEAR_DAYS), per_day)
    return np.sort(days * DAY_S + calendar.seconds_of_day(rng, count))


def _arrivals(rng: np.random.Generator, count: int, days: int) -> Ints:
    """Ascending times over ``days`` days, the first at once, none in the year's last day."""
    start = (YEAR_DAYS - days) * DAY_S
    times = np.sort(rng.integers(start, (YEAR_DAYS - 1) * DAY_S, count))
    times[0] = start
    return times


@lru_cache(maxsize=4)
def accounts(plan: Plan) -> Accounts:
    """Accounts: when they were opened, how much they use the shop."""
    rng = plan.rng("users")
    count = plan.counts["users"]
    created = _arrivals(rng, count, calendar.ACCOUNT_DAYS)
    admins = max(1, count // 5_000)
    created[:admins] = created[0]
    activity = lognormal_exactly(rng, count, ACTIVITY_SIGMA)
    return Accounts(created, np.cumsum(activity), admins)


@lru_cache(maxsize=4)
def logins(plan: Plan) -> Logins:
    """Logins of verified accounts: an unverified one is replaced by the account before it."""
    rng, owners = plan.rng("sessions"), accounts(plan)
    count = plan.counts["sessions"]
    created = np.sort(rng.integers(NOW_S - SESSION_DAYS * DAY_S, NOW_S, count))
    user = owners.sample(rng, created)
    # Of two neighbours one is verified, as 37 steps over the 8 % that are not.
    user = np.where(owners.is_verified(user), user, user - 1)
    user[-owners.admins :] = np.arange(owners.admins)
    first = int(np.searchsorted(created, NOW_S - (SESSION_DAYS - 1) * DAY_S))
    newest = np.full(len(owners.created_s), -1)
    np.maximum.at(newest, user[first:], np.arange(first, count))
    return Logins(created, user, newest, range(first, count - owners.admins))


@lru_cache(maxsize=4)
def catalogue(plan: Plan) -> Catalogue:
    """Arrival, category, size, price, pieces and popularity of every product."""
    rng = plan.rng("products")
    count = plan.counts["products"]
    created = _arrivals(rng, count, calendar.CATALOGUE_DAYS)
    category = rng.choice(4, count, p=CATEGORY_SHARES)
    clothes = rng.choice(len(CLOTHES_SIZES), count, p=CLOTHES_SHARES)
    shoes = rng.choice(len(SHOE_SIZES), count, p=SHOE_SHARES) + len(CLOTHES_SIZES)
    size = np.where(category % 2 == 0, clothes, shoes)
    euros = np.exp(rng.normal(np.where(category % 2 == 0, 4.2, 4.8), 0.5))
    price = np.maximum(np.round(euros / 5), 2).astype(np.int64) * 500 - 1
    many = (category < 2) & (rng.random(count) < MULTI_PIECE_SHARE)
    pieces = np.where(many, rng.integers(2, 13, count), 1)
    popularity = lognormal_exactly(rng, count, POPULARITY_SIGMA)
    return Catalogue(created, category, size, price, pieces, popularity)


@lru_cache(maxsize=4)
def password_resets(plan: Plan) -> tuple[Ints, Ints]:
    """(created_s, user) of each password reset; user is 0-based."""
    rng = plan.rng("password_resets")
    created = times_in_year(rng, plan.counts["password_resets"])
    return created, accounts(plan).sample(rng, created)


def ordinals(created_s: Ints) -> Ints:
    """Number of each row within its day, from 1; ``created_s`` ascends."""
    days = created_s // DAY_S
    return np.arange(1, len(days) + 1) - np.searchsorted(days, days)


def numbered(prefix: str, created_s: Ints, index: int) -> str:
    """The number of one order or batch: prefix, date, number within the day."""
    day = int(created_s[index]) // DAY_S
    ordinal = index + 1 - int(np.searchsorted(created_s, day * DAY_S))
    return f"{prefix}-{calendar.date_of(day).replace('-', '')}-{ordinal:05d}"
