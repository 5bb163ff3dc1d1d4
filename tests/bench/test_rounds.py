"""The block generator: every arm once a round, places balanced."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.rounds import inner_executions, repetitions, turn_orders

arms = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=6, unique=True)


def orders(names: list[str], seed: int, count: int) -> list[tuple[str, ...]]:
    return list(islice(turn_orders(names, np.random.default_rng(seed)), count))


@given(arms, st.integers(0, 50))
def test_each_lane_takes_one_turn_at_a_time(names: list[str], seed: int) -> None:
    assert all(sorted(order) == sorted(names) for order in orders(names, seed, 10))


@given(arms, st.integers(0, 50))
def test_every_second_order_runs_backwards(names: list[str], seed: int) -> None:
    found = orders(names, seed, 20)
    assert found[1::2] == [order[::-1] for order in found[::2]]


def test_every_lane_stands_at_every_place_and_beside_every_other() -> None:
    found = orders(list("ABCD"), 1, 400)
    places = Counter((name, place) for order in found for place, name in enumerate(order))
    neighbours = Counter(pair for order in found for pair in pairwise(order))
    assert len(places) == 16
    assert len(neighbours) == 12
    assert max(places.values()) < 1.6 * min(places.values())
    assert max(neighbours.values()) < 1.6 * min(neighbours.values())


def test_the_same_seed_gives_the_same_orders() -> None:
    assert orders(list("ABC"), 7, 9) == orders(list("ABC"), 7, 9) != orders(list("ABC"), 8, 9)


def test_a_lane_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="name it once"):
        orders(["a", "a"], 1, 1)


@given(st.integers(0, 10**11), st.integers(1, 10**9), st.integers(1, 100))
def test_slow_operations_get_fewer_repetitions_but_one(slow: int, turn: int, most: int) -> None:
    found = repetitions(slow, turn_ns=turn, most=most)
    assert 1 <= found <= most
    assert found == 1 or found * slow <= turn


@given(st.integers(0, 10**10), st.integers(1, 10**8), st.integers(3, 50))
def test_inner_executions_are_odd_and_bounded(typical: int, least_ns: int, most: int) -> None:
    found = inner_executions(typical, least_ns=least_ns, least=3, most=most, single_ns=10**7)
    assert found % 2 == 1
    assert 1 <= found <= most
    assert (found == 1) == (typical >= 10**7)


@pytest.mark.parametrize(("typical", "found"), [(9_000_000, 1), (900_000, 3), (200_000, 5), (9, 9)])
def test_the_quicker_the_more_executions(typical: int, found: int) -> None:
    assert (
        inner_executions(typical, least_ns=1_000_000, least=3, most=9, single_ns=8_000_000) == found
    )
