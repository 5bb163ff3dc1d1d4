"""Rows of the system log and of the staff's activity log."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa

from seeds import accounts, columns, past
from seeds.columns import join, take, texts, times
from seeds.past import Ints
from seeds.scale import Plan
from seeds.vocabulary import Vocabulary

LEVELS = ("debug", "info", "warning", "error", "critical")
LEVEL_SHARES = (0.10, 0.78, 0.08, 0.037, 0.003)
"""Chosen."""
CATEGORIES = ("http", "auth", "checkout", "payment", "email", "images", "sell", "jobs")
_ACTIONS = ("product_update", "offer_send", "order_update", "user_update", "sell_review")
_ENTITIES = ("product", "sell_submission", "order", "user", "sell_submission")
_ENTITY_TABLES = ("products", "sell_submissions", "orders", "users", "sell_submissions")


@lru_cache(maxsize=4)
def _log_times(plan: Plan) -> Ints:
    return past.times_in_year(plan.rng("system_logs"), plan.counts["system_logs"])


def system_logs(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """The application's log; three lines in five name no account."""
    created, count = _log_times(plan)[rows], len(rows)
    user = past.accounts(plan).sample(rng, created)
    user = np.where(rng.random(count) < 0.4, user, -1)
    timing = texts([f'{{"duration_ms":{ms}}}' for ms in range(500)])
    took = np.minimum(rng.lognormal(3.0, 0.9, count), 499).astype(np.int64)
    return {
        "level": take(texts(LEVELS), rng.choice(5, count, p=LEVEL_SHARES)),
        "category": take(texts(CATEGORIES), rng.integers(0, len(CATEGORIES), count)),
        "message": take(texts(words.sentences), rng.integers(0, len(words.sentences), count)),
        "details": take(timing, np.where(rng.random(count) < 0.5, took, -1)),
        "user_id": pa.array(user + 1, mask=user < 0),
        "ip_address": accounts.ip_addresses(words, rng, count),
        "created_at": times(created),
    }


@lru_cache(maxsize=4)
def _staff_times(plan: Plan) -> Ints:
    table = "admin_activity_log"
    return past.times_in_year(plan.rng(table), plan.counts[table])


def admin_activity_log(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Actions of staff, each on one row of a table."""
    count = len(rows)
    action = rng.choice(len(_ACTIONS), count, p=(0.35, 0.2, 0.25, 0.05, 0.15))
    most = np.array([plan.counts[table] for table in _ENTITY_TABLES])[action]
    entity = (rng.random(count) * most).astype(np.int64)
    return {
        "admin_id": pa.array(rng.integers(0, past.accounts(plan).admins, count) + 1),
        "action": take(texts(_ACTIONS), action),
        "entity_type": take(texts(_ENTITIES), action),
        "entity_id": pa.array(entity + 1),
        "details": columns.keep_if(rows % 2 == 0, join('{"id":', columns.digits(entity + 1), "}")),
        "ip_address": accounts.ip_addresses(words, rng, count),
        "created_at": times(_staff_times(plan)[rows]),
    }
