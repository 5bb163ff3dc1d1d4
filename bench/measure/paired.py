"""The paired loop: several series measure the same samples in turns, round by round.

A series is an arm, a state of a file, a side of the gate, or one of them a second time (the A/A
control). Series take turns sample by sample: a machine that changes its pace every tenth of a
second then changes it for all of them alike.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import numpy as np

Series = TypeVar("Series")
Sample = TypeVar("Sample")
Measurement = TypeVar("Measurement")
Result = TypeVar("Result")
Rounds = Generator[int, None, Result]
"""A measurement under way: it yields how many rounds are left, at first all, and returns."""


def series_orders(
    series: Sequence[Series], rng: np.random.Generator
) -> Iterator[tuple[Series, ...]]:
    """Yield, without end, the order in which series measure each sample.

    Orders come in pairs, a random one and the same backwards (ABBA): what drifts evenly over a
    pair cancels, and over many pairs no series keeps the same neighbours, whose traces in the
    processor's caches it would otherwise inherit.

    Raises:
        ValueError: a series is named twice.
    """
    if len(set(series)) != len(series):
        raise ValueError(
            f"Each series takes one turn; name it once: {', '.join(map(str, series))}."
        )
    while True:
        order = tuple(series[index] for index in rng.permutation(len(series)))
        yield order
        yield order[::-1]


def paired_rounds(
    rounds: Iterable[Iterable[Sample]],
    opened: Callable[[], AbstractContextManager[Mapping[Series, Callable[[Sample], Measurement]]]],
    orders: Iterator[tuple[Series, ...]],
) -> Iterator[dict[Series, list[Measurement]]]:
    """Yield each round's measurements by series, one for each sample of the round.

    `opened` brings every series into the state in which a round begins, and gives for each the
    function that measures one sample. Each sample takes the next of `orders`.
    """
    for samples in rounds:
        measured: dict[Series, list[Measurement]] = {}
        with opened() as measure:
            measured = {series: [] for series in measure}
            for sample in samples:
                for series in next(orders):
                    measured[series].append(measure[series](sample))
        yield measured


def in_passes(
    measurements: Mapping[str, Rounds[Result]], passes: int, progress: Callable[[str], None]
) -> dict[str, Result]:
    """Finish measurements in so many passes over all of them, each with its share of their rounds.

    Rounds of one measurement that follow each other share a few seconds: what else the machine
    does then would look like a property of what is measured, and no other run would find it.
    Spread over the whole time, the rounds differ by it, and their interval tells so.
    """
    results: dict[str, Result] = {}
    whole: dict[str, int] = {}
    for number in range(passes + 1):
        for name, rounds in measurements.items():
            if name in results:
                continue
            progress(f"{name} ({number} of {passes})" if number else name)
            try:
                left = whole[name] * (passes - number + 1) // passes if number else next(rounds)
                whole.setdefault(name, left)
                last = whole[name] * (passes - number) // passes
                while left > last or last == 0:
                    left = next(rounds)
            except StopIteration as ended:
                results[name] = ended.value
    return results


def on_end(rounds: Rounds[Result]) -> Result:
    """Finish one measurement, round after round."""
    while True:
        try:
            next(rounds)
        except StopIteration as ended:
            result: Result = ended.value
            return result


@contextmanager
def without_gc() -> Iterator[None]:
    """Keep Python's collector from running within what is timed."""
    collect = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collect:
            gc.enable()
