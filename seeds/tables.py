"""Tables and their blocks.

Every table but the events is made in blocks of fixed length; (seed, table, block) alone decides the
content of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from seeds import accounts, catalogue, journal, trade
from seeds.past import Ints
from seeds.scale import Plan
from seeds.vocabulary import Vocabulary

BLOCK_ROWS = 25_000
"""Another length would make other data."""


@dataclass(frozen=True)
class Context:
    """What all blocks of a seeding share."""

    plan: Plan
    words: Vocabulary
    views: Ints
    """Product views of the year per product."""


Make = Callable[[Plan, Vocabulary, Ints, np.random.Generator], dict[str, pa.Array]]

MAKERS: Mapping[str, Make] = MappingProxyType(
    {
        "users": accounts.users,
        "sessions": accounts.sessions,
        "password_resets": accounts.password_resets,
        "email_verifications": accounts.email_verifications,
        "shipping_addresses": accounts.shipping_addresses,
        "notifications": accounts.notifications,
        "products": catalogue.products,
        "images": catalogue.images,
        "product_reservations": catalogue.product_reservations,
        "customer_offers": catalogue.customer_offers,
        "orders": trade.orders,
        "order_items": trade.order_items,
        "idempotency_keys": trade.idempotency_keys,
        "sell_submissions": trade.sell_submissions,
        "sell_items": trade.sell_items,
        "system_logs": journal.system_logs,
        "admin_activity_log": journal.admin_activity_log,
    }
)
"""Every table but analytics_events, referenced tables before those that refer to them."""


def blocks(plan: Plan, table: str) -> int:
    """Number of blocks of a table."""
    return -(-plan.counts[table] // BLOCK_ROWS)


def block(context: Context, table: str, number: int) -> pa.RecordBatch:
    """One block of a table as an Arrow batch; ids and columns final."""
    plan = context.plan
    start = number * BLOCK_ROWS
    rows = np.arange(start, min(start + BLOCK_ROWS, plan.counts[table]))
    columns = {"id": pa.array(rows + 1)}
    columns |= MAKERS[table](plan, context.words, rows, plan.rng(table + "/block", number))
    if table == "products":
        columns["views_count"] = pa.array(context.views[rows])
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
