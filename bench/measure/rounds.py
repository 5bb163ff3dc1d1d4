"""In which order lanes take their turns, and how often: pure, no clock and no database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


def turn_orders(lanes: Sequence[str], rng: np.random.Generator) -> Iterator[tuple[str, ...]]:
    """Yield, without end, the order in which lanes take each turn.

    Orders come in pairs, a random one and the same backwards (ABBA): what drifts
    evenly over a pair cancels, and over many pairs no lane keeps the same
    neighbours, whose traces in the processor's caches it would otherwise inherit.

    Raises:
        ValueError: a lane is named twice.
    """
    if len(set(lanes)) != len(lanes):
        raise ValueError(f"Each lane takes one turn; name it once: {', '.join(lanes)}.")
    while True:
        order = tuple(lanes[place] for place in rng.permutation(len(lanes)))
        yield order
        yield order[::-1]


def repetitions(slowest_ns: int, *, turn_ns: int, most: int) -> int:
    """How many draws a turn holds when the slowest arm needs `slowest_ns` for one.

    Slow operations get fewer repetitions, at least 1; the number of rounds is
    never touched.
    """
    return max(1, min(most, turn_ns // max(1, slowest_ns)))


def inner_executions(
    typical_ns: int, *, least_ns: int, least: int, most: int, single_ns: int
) -> int:
    """How often one draw is executed in one lane: an odd number, the sample being their median.

    Enough that the sample rests on `least_ns`, between `least` and `most`; once where a
    single execution takes `single_ns` or more, beside which caches weigh nothing.
    """
    if typical_ns >= single_ns:
        return 1
    wanted = max(least, min(most, -(-least_ns // max(1, typical_ns))))
    return max(1, wanted - (wanted + 1) % 2)
