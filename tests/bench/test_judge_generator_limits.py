"""The rule of when a generator offered another load than was planned."""

from __future__ import annotations

import math

import pytest

from bench.judge.generator_limits import fell_behind, was_busy


@pytest.mark.parametrize(
    ("scheduled", "late", "missed", "behind"),
    [
        (0, 0, 0, False),
        # One hiccup of the machine in a short load shows nothing.
        (89, 1, 0, False),
        (89, 3, 0, False),
        (89, 4, 0, True),
        (160, 3, 0, False),
        (10_000, 123, 0, False),
        (10_000, 124, 0, True),
        # What was never sent has no time at all, and is excused by no chance.
        (89, 0, 1, True),
        (100, 0, 1, False),
        (100, 3, 1, True),
        (1_000_000, 10_233, 0, True),
    ],
)
def test_too_many_late_requests_are_more_than_chance_makes_of_one_in_a_hundred(
    scheduled: int, late: int, missed: int, behind: bool
) -> None:
    assert fell_behind(scheduled, late, missed) is behind


@pytest.mark.parametrize(
    ("share", "busy"), [(0.0, False), (0.8, False), (0.81, True), (math.nan, True)]
)
def test_a_generator_that_uses_its_core_up_is_busy(share: float, busy: bool) -> None:
    assert was_busy(share) is busy
