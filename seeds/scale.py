"""Scale and seed of a shop, and the rows of each table."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np

from seeds import calendar

DEFAULT_SEED = 20251005
SMALLEST_SCALE = 0.0005
LARGEST_SCALE = 10.0

ROWS_AT_SCALE_1: Mapping[str, int] = MappingProxyType(
    {
        "users": 50_000,
        "sessions": 80_000,
        "password_resets": 20_000,
        "email_verifications": 50_000,
        "products": 100_000,
        "images": 250_000,
        "product_reservations": 30_000,
        "orders": 60_000,
        "order_items": 66_000,
        "sell_submissions": 40_000,
        "sell_items": 100_000,
        "customer_offers": 30_000,
        "analytics_events": 10_000_000,
        "system_logs": 1_000_000,
        "admin_activity_log": 100_000,
        "notifications": 150_000,
        "shipping_addresses": 40_000,
        "idempotency_keys": 60_000,
    }
)


class BadScale(ValueError):
    """The scale is outside its limits."""

    exit_code = 2


class BadSeed(ValueError):
    """The seed is outside its limits."""

    exit_code = 2


@dataclass(frozen=True)
class Plan:
    """Scale and seed; all data follow from them.

    Raises BadScale outside 0.0005 to 10 (below that some table would be empty or a day too
    short for its orders) and BadSeed outside 0 to 2**63 - 1.
    """

    scale: float = 1.0
    seed: int = DEFAULT_SEED

    def __post_init__(self) -> None:
        if not math.isfinite(self.scale) or not SMALLEST_SCALE <= self.scale <= LARGEST_SCALE:
            raise BadScale(
                f"A scale of {self.scale:g} cannot be seeded: give one from {SMALLEST_SCALE:g} "
                f"to {LARGEST_SCALE:g} (1 makes 100,000 products and 10,000,000 events)."
            )
        if not 0 <= self.seed < 2**63:
            raise BadSeed(
                f"A seed of {self.seed} cannot be used: give a whole number from 0 to 2**63 - 1."
            )

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Rows of each of the 18 tables."""
        counts = {name: round(rows * self.scale) for name, rows in ROWS_AT_SCALE_1.items()}
        orders, submissions = counts["orders"], counts["sell_submissions"]
        counts["order_items"] = orders + orders // 10
        counts["sell_items"] = 2 * submissions + submissions // 2
        counts["idempotency_keys"] = orders
        return MappingProxyType(counts)

    @property
    def now(self) -> str:
        """Text time of the newest event; every "last 7 days" counts back from it."""
        return calendar.NOW

    def rng(self, table: str, block: int = 0) -> np.random.Generator:
        """The generator of one block of one table, independent of all others."""
        sequence = np.random.SeedSequence([self.seed, zlib.crc32(table.encode()), block])
        return np.random.Generator(np.random.Philox(sequence))
