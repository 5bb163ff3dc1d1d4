"""The paired loop: every series measures every sample, places balanced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure import timing
from bench.measure.paired import in_passes, on_end, paired_rounds, series_orders
from bench.measure.timing import executions_of, samples_per_round

arms = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=6, unique=True)


def orders(names: list[str], seed: int, count: int) -> list[tuple[str, ...]]:
    return list(islice(series_orders(names, np.random.default_rng(seed)), count))


@given(arms, st.integers(0, 50))
def test_each_series_takes_one_turn_at_a_time(names: list[str], seed: int) -> None:
    assert all(sorted(order) == sorted(names) for order in orders(names, seed, 10))


@given(arms, st.integers(0, 50))
def test_every_second_order_runs_backwards(names: list[str], seed: int) -> None:
    found = orders(names, seed, 20)
    assert found[1::2] == [order[::-1] for order in found[::2]]


def test_every_series_stands_at_every_place_and_beside_every_other() -> None:
    found = orders(list("ABCD"), 1, 400)
    places = Counter((name, place) for order in found for place, name in enumerate(order))
    neighbours = Counter(pair for order in found for pair in pairwise(order))
    assert len(places) == 16
    assert len(neighbours) == 12
    assert max(places.values()) < 1.6 * min(places.values())
    assert max(neighbours.values()) < 1.6 * min(neighbours.values())


def test_the_same_seed_gives_the_same_orders() -> None:
    assert orders(list("ABC"), 7, 9) == orders(list("ABC"), 7, 9) != orders(list("ABC"), 8, 9)


def test_a_series_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="name it once"):
        orders(["a", "a"], 1, 1)


@given(st.integers(0, 10**11), st.integers(1, 10**9), st.integers(2, 100))
def test_slow_operations_get_fewer_samples(sample_ns: int, slice_ns: int, most: int) -> None:
    samples = samples_per_round(sample_ns, slice_ns=slice_ns, most=most, steady=2)
    least = 2 if sample_ns < timing.STEADY_NS else 1
    assert least <= samples <= most
    assert samples == least or samples * sample_ns <= slice_ns


@given(st.integers(0, 10**10))
def test_executions_are_odd_and_bounded(typical_ns: int) -> None:
    executions = executions_of(typical_ns)
    assert executions % 2 == 1
    assert 1 <= executions <= timing.MOST_EXECUTIONS
    assert (executions == 1) == (typical_ns >= timing.SINGLE_NS)


@pytest.mark.parametrize(
    ("typical_ns", "executions"), [(9_000_000, 1), (900_000, 3), (200_000, 5), (9, 9)]
)
def test_the_quicker_the_more_executions(typical_ns: int, executions: int) -> None:
    assert executions_of(typical_ns) == executions


class Rounds:
    """Series that note when they are opened, measured and closed."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    @contextmanager
    def opened(self) -> Iterator[Mapping[str, Callable[[int], str]]]:
        self.noted.append("open")
        try:
            yield {name: partial(self.measure, name) for name in "AB"}
        finally:
            self.noted.append("close")

    def measure(self, name: str, sample: int) -> str:
        self.noted.append(f"{name}{sample}")
        if sample < 0:
            raise ArithmeticError
        return f"{name} of {sample}"


def test_series_take_turns_sample_by_sample_in_rounds_of_their_own() -> None:
    rounds = Rounds()
    orders = iter([("A", "B"), ("B", "A"), ("B", "A")])
    measured = list(paired_rounds([[1, 2], [3]], rounds.opened, orders))
    assert rounds.noted == ["open", "A1", "B1", "B2", "A2", "close", "open", "B3", "A3", "close"]
    assert measured == [
        {"A": ["A of 1", "A of 2"], "B": ["B of 1", "B of 2"]}, {"A": ["A of 3"], "B": ["B of 3"]},
    ]  # fmt: skip


def test_a_round_that_fails_is_closed_and_ends_the_loop() -> None:
    rounds = Rounds()
    with pytest.raises(ArithmeticError):
        list(paired_rounds([[-1, 2], [3]], rounds.opened, cycle([("A", "B")])))
    assert rounds.noted == ["open", "A-1", "close"]


def test_passes_spread_the_rounds_of_each_measurement_over_the_whole_time() -> None:
    noted: list[str] = []

    def measure(name: str, rounds: int) -> Generator[int, None, str]:
        noted.append(f"prepare {name}")
        yield rounds
        for left in reversed(range(rounds)):
            noted.append(name)
            yield left
        noted.append(f"end {name}")
        return name.upper()

    def refuse() -> Generator[int, None, str]:
        return "NOTHING"
        yield 0

    def passes(text: str) -> None:
        noted.append(f"({text})")

    under_way = {"a": measure("a", 5), "b": measure("b", 2), "none": refuse()}
    assert in_passes(under_way, 2, passes) == {"a": "A", "b": "B", "none": "NOTHING"}
    assert noted == [
        "(a)", "prepare a", "(b)", "prepare b", "(none)",
        "(a (1 of 2))", "a", "a", "a", "(b (1 of 2))", "b",
        "(a (2 of 2))", "a", "a", "end a", "(b (2 of 2))", "b", "end b",
    ]  # fmt: skip


@given(st.integers(0, 100), st.integers(1, 30))
def test_no_round_is_lost_in_passes(rounds: int, passes: int) -> None:
    def measure() -> Generator[int, None, int]:
        done = 0
        yield rounds
        for left in reversed(range(rounds)):
            done += 1
            yield left
        return done

    assert in_passes({"a": measure()}, passes, lambda _: None) == {"a": rounds}
    assert on_end(measure()) == rounds
