"""The plan itself: counts, refusals, generators."""

from __future__ import annotations

import math

import pytest

from seeds.plan import BadScale, BadSeed, Plan
from seeds.scale import ROWS_AT_SCALE_1


def test_scale_one_is_the_published_size() -> None:
    counts = Plan(1.0).counts
    assert counts["products"] == 100_000
    assert counts["analytics_events"] == 10_000_000
    assert dict(counts) == dict(ROWS_AT_SCALE_1)


@pytest.mark.parametrize("scale", [0.0005, 0.0011, 0.01, 10.0])
def test_every_table_has_rows(scale: float) -> None:
    assert min(Plan(scale).counts.values()) >= 1


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf, 0.0004, 10.5])
def test_bad_scales_are_told_with_the_smallest_good_one(scale: float) -> None:
    with pytest.raises(BadScale, match=r"from 0\.0005 to 10"):
        Plan(scale)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_bad_seeds_are_told(seed: int) -> None:
    with pytest.raises(BadSeed, match="whole number"):
        Plan(1.0, seed)


def test_randomness_depends_on_seed_table_and_block_only() -> None:
    numbers = {
        (seed, table, block): int(Plan(1.0, seed).rng(table, block).integers(2**62))
        for seed in (1, 2)
        for table in ("users", "orders")
        for block in (0, 1)
    }
    assert len(set(numbers.values())) == len(numbers)
    assert int(Plan(0.5, 1).rng("users", 1).integers(2**62)) == numbers[1, "users", 1]
