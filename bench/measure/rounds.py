"""In which order arms take their turns: pure, no clock and no database."""

from __future__ import annotations

from collections.abc import Sequence


def turn_order(arms: Sequence[str], round_index: int) -> tuple[str, ...]:
    """The order in which arms take their turns in one round.

    Every second round runs the order backwards, so that a drift of the machine
    that is linear over two rounds cancels (the ABBA design); every pair of
    rounds starts one arm further, so that over 2 x len(arms) rounds each arm
    stands twice at each place.

    Raises:
        ValueError: the round is negative, or an arm is named twice.
    """
    if round_index < 0:
        raise ValueError(f"A round's index is 0 or more, not {round_index}.")
    if len(set(arms)) != len(arms):
        raise ValueError(f"Each arm takes one turn a round; name it once: {', '.join(arms)}.")
    if not arms:
        return ()
    shift = (round_index // 2) % len(arms)
    turned = (*arms[shift:], *arms[:shift])
    return turned if round_index % 2 == 0 else turned[::-1]


def repetitions(slowest_ns: int, *, turn_ns: int, most: int) -> int:
    """How many draws a turn holds when the slowest arm needs `slowest_ns` for one.

    Slow operations get fewer repetitions, at least 1; the number of rounds is
    never touched.
    """
    return max(1, min(most, turn_ns // max(1, slowest_ns)))


def inner_executions(typical_ns: int, *, least_ns: int, most: int) -> int:
    """How often one draw is executed in one arm, so that a sample rests on `least_ns`.

    An odd number, since the sample is the median of these executions.
    """
    wanted = min(most, -(-least_ns // max(1, typical_ns)))
    return max(1, wanted - (wanted + 1) % 2)
