"""The small seeded shop of the tests of bench."""

from __future__ import annotations

from tests.bench.conftest import seeded, shop

__all__ = ["seeded", "shop"]
