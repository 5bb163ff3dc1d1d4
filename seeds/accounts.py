"""Rows of accounts, sessions, resets, verifications, addresses and notifications.

Every maker takes (plan, words, rows, rng): the 0-based rows of one block, and its generator.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa

from seeds import access, columns, past
from seeds.calendar import DAY_S, NOW_S
from seeds.columns import fixed_text, hex_bytes, join, take, texts, times
from seeds.past import Ints
from seeds.scale import Plan
from seeds.vocabulary import Vocabulary

_KINDS = ("order_update", "offer_received", "drop", "price_drop", "reminder")
_TITLES = ("Your order has moved", "We have an offer for you", "A new drop is live",
           "A piece you watch costs less", "Your basket is waiting")  # fmt: skip
_USER_AGENT_SHARE = 31


@lru_cache(maxsize=32)
def dated(plan: Plan, table: str) -> tuple[Ints, Ints]:
    """(created_s, 0-based account) of each row of a table that grows through the year."""
    rng = plan.rng(table)
    created = past.times_in_year(rng, plan.counts[table])
    return created, past.accounts(plan).sample(rng, created)


def first_names(words: Vocabulary, key: Ints) -> pa.Array:
    """A first name that always belongs to the same key."""
    return take(texts(words.first_names), key * 7_919 % len(words.first_names))


def last_names(words: Vocabulary, key: Ints) -> pa.Array:
    """A last name that always belongs to the same key."""
    return take(texts(words.last_names), key * 104_729 % len(words.last_names))


def full_names(words: Vocabulary, key: Ints) -> pa.Array:
    """First and last name of the same key."""
    return join(first_names(words, key), " ", last_names(words, key))


def emails(key: Ints) -> pa.Array:
    """The addresses of `seeds.access.email_of`, of 0-based keys."""
    return join("shopper.", columns.digits(key + 1), "@example.com")


def phones(words: Vocabulary, key: Ints) -> pa.Array:
    """A telephone number that always belongs to the same key."""
    return take(texts(words.phones), key * 31 % len(words.phones))


def ip_addresses(words: Vocabulary, rng: np.random.Generator, count: int) -> pa.Array:
    """Addresses from the pool."""
    pool = words.ip_addresses
    return take(texts(pool), rng.integers(0, len(pool), count))


def users(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Accounts; `seeds.access.DEMO_PASSWORD` is the password of all that are verified."""
    accounts, count = past.accounts(plan), len(rows)
    created = accounts.created_s[rows]
    seen = np.minimum(created + (rng.random(count) * (NOW_S - created)).astype(np.int64), NOW_S)
    return {
        "email": emails(rows),
        "password_hash": columns.constant(access.PASSWORD_HASH, count),
        "first_name": first_names(words, rows),
        "last_name": last_names(words, rows),
        "phone": columns.keep_if(rows % 5 != 0, phones(words, rows)),
        "role": take(texts(("customer", "admin")), (rows < accounts.admins).astype(np.int64)),
        "email_verified": pa.array(accounts.is_verified(rows).astype(np.int64)),
        "created_at": times(created),
        "updated_at": times(seen),
        "last_login_at": columns.times_or_null(seen, rows % 7 != 0),
    }


def sessions(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Sessions of the last 30 days, valid for 30 days; their tokens are in `seeds.access`."""
    known = past.logins(plan)
    created, user = known.created_s, known.user
    agents, count = words.user_agents, len(rows)
    return {
        "token_hash": texts([access.token_hash_of(plan.seed, int(row)) for row in rows]),
        "user_id": pa.array(user[rows] + 1),
        "ip_address": ip_addresses(words, rng, count),
        "user_agent": take(texts(agents), user[rows] * _USER_AGENT_SHARE % len(agents)),
        "created_at": times(created[rows]),
        "expires_at": times(created[rows] + past.SESSION_DAYS * DAY_S),
    }


def password_resets(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Password resets, valid for an hour; most were used."""
    created, user = (values[rows] for values in past.password_resets(plan))
    used = (rng.random(len(rows)) < 0.7) & (created < NOW_S - 3600)
    return {
        "user_id": pa.array(user + 1),
        "token_hash": fixed_text(hex_bytes(rng, len(rows), 64)),
        "expires_at": times(created + 3600),
        "used": pa.array(used.astype(np.int64)),
        "created_at": times(created),
    }


def email_verifications(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """One verification for each account."""
    accounts = past.accounts(plan)
    created = accounts.created_s[rows]
    answered = created + rng.integers(30, DAY_S, len(rows))
    return {
        "user_id": pa.array(rows + 1),
        "token_hash": fixed_text(hex_bytes(rng, len(rows), 64)),
        "expires_at": times(created + 2 * DAY_S),
        "verified_at": columns.times_or_null(answered, accounts.is_verified(rows)),
        "created_at": times(created),
    }


def addresses(words: Vocabulary, key: Ints) -> dict[str, pa.Array]:
    """Street, city, county and postcode that always belong to the same key."""
    return {
        "line1": take(texts(words.streets), key * 17 % len(words.streets)),
        "city": take(texts(words.cities), key * 13 % len(words.cities)),
        "county": take(texts(words.counties), key * 11 % len(words.counties)),
        "postcode": take(texts(words.postcodes), key * 19 % len(words.postcodes)),
    }


def shipping_addresses(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Address books; an account's first address is its default."""
    created, user = dated(plan, "shipping_addresses")
    firsts = np.zeros(len(user), dtype=np.int64)
    firsts[np.unique(user, return_index=True)[1]] = 1
    key = user[rows] + (1 - firsts[rows]) * 1_000_003
    address = addresses(words, key)
    return {
        "user_id": pa.array(user[rows] + 1),
        "name": full_names(words, user[rows]),
        "line1": address["line1"],
        "line2": columns.keep_if(key % 6 == 0, join("Apartment ", columns.digits(key % 40 + 1))),
        "city": address["city"],
        "county": address["county"],
        "postcode": address["postcode"],
        "country": take(texts(("IE", "GB")), (key % 10 > 6).astype(np.int64)),
        "is_default": pa.array(firsts[rows]),
        "created_at": times(created[rows]),
    }


def notifications(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Messages to accounts; about two in three were read."""
    created, user = (values[rows] for values in dated(plan, "notifications"))
    count = len(rows)
    kind = rng.choice(len(_KINDS), count, p=(0.35, 0.2, 0.2, 0.15, 0.1))
    read = np.minimum(created + rng.integers(60, 3 * DAY_S, count), NOW_S)
    return {
        "user_id": pa.array(user + 1),
        "kind": take(texts(_KINDS), kind),
        "title": take(texts(_TITLES), kind),
        "body": take(texts(words.sentences), rng.integers(0, len(words.sentences), count)),
        "read_at": columns.times_or_null(read, rng.random(count) < 0.66),
        "created_at": times(created),
    }
