"""The block generator: every arm once a round, places balanced."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.rounds import inner_executions, repetitions, turn_order

arms = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=6, unique=True)


@given(arms, st.integers(0, 50))
def test_each_arm_takes_one_turn_a_round(names: list[str], index: int) -> None:
    assert sorted(turn_order(names, index)) == sorted(names)


@given(arms)
def test_over_a_cycle_each_arm_stands_twice_at_each_place(names: list[str]) -> None:
    cycle = [turn_order(names, index) for index in range(2 * len(names))]
    places = Counter((name, place) for order in cycle for place, name in enumerate(order))
    assert set(places.values()) == {2}


@given(arms, st.integers(0, 25))
def test_every_second_round_runs_backwards(names: list[str], pair: int) -> None:
    assert turn_order(names, 2 * pair) == turn_order(names, 2 * pair + 1)[::-1]


def test_two_arms_alternate_as_abba() -> None:
    assert [turn_order("AB", index) for index in range(2)] == [("A", "B"), ("B", "A")]


def test_no_arm_has_no_order() -> None:
    assert turn_order([], 3) == ()


@pytest.mark.parametrize(("names", "index"), [(["a", "a"], 0), (["a"], -1)])
def test_bad_rounds_are_refused(names: list[str], index: int) -> None:
    with pytest.raises(ValueError, match="round"):
        turn_order(names, index)


@given(st.integers(0, 10**11), st.integers(1, 10**9), st.integers(1, 100))
def test_slow_operations_get_fewer_repetitions_but_one(slow: int, turn: int, most: int) -> None:
    found = repetitions(slow, turn_ns=turn, most=most)
    assert 1 <= found <= most
    assert found == 1 or found * slow <= turn


@given(st.integers(0, 10**10), st.integers(1, 10**8), st.integers(1, 50))
def test_inner_executions_are_odd_and_bounded(typical: int, least: int, most: int) -> None:
    found = inner_executions(typical, least_ns=least, most=most)
    assert found % 2 == 1
    assert 1 <= found <= most


def test_a_slow_draw_is_executed_once() -> None:
    assert inner_executions(5_000_000, least_ns=1_000_000, most=9) == 1
