"""What holds for all tests: properties are tried without a clock, and slow modules come first.

A machine that is busy for a moment must not fail a test, so no example has a deadline. A module
stays in one process (see the Makefile), and one that is slow and begun last would leave the others
idle.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


# The modules that take more than 20 s each, the slowest first.
SLOW = (
    "test_load_command",
    "test_end_to_end",
    "test_cases",
    "test_capacity",
    "test_shop_load",
    "test_shop",
    "test_online_migration",
    "test_gate_command",
    "test_contract",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(SLOW)}
    items.sort(key=lambda item: places.get(item.path.stem, len(SLOW)))
