"""How many rounds and executions an operation gets in one analysis: pure, no clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

ROUNDS = (16, 24, 48, 96, 192, 384)
"""How many rounds each analysis adds, for operations that are quick enough; see planned_rounds."""
LEAST_ROUNDS = 16
"""Fewer give no interval at the level of an alarm."""
EXECUTIONS, SLICE_NS = 10, 12_000_000
"""How often a worker executes in its slice, and how many nanoseconds that may take, the untimed
execution included (two are timed at least). Of a round the least time counts, and a core that
is shared runs at half its pace, or not for us, for milliseconds at a time: of a few executions
all may fall into such a time, of ten hardly. Measured on a noisy machine beside a busy core, ten
instead of four took the scatter of rounds of 0.14 and 0.26 ms from 2.7 and 2.3 % to 1.6 and 0.8 %;
twenty, or the same number in more slices, gave no more for the time they take."""
MOST_EXECUTIONS = 20
SUSPECT_AHEAD, SUSPECT_WEIGHT = 2, 6
"""What has looked slower than its limit gets the rounds of so many analyses later, and so many
times another's share of the time. An alarm's interval is half as wide again as a pass's, and in a
noisy hour the time ends with the second one, which up to 20 others share: there a loss of
10 % on 1 ms was found in 4 of 11 trials, where all had the same."""
QUICK_NS = 1_000_000
"""Quick operations are executed more often in a slice, until they have taken this long."""
SINGLE_NS, SLOW_NS = 6_000_000, 25_000_000
"""From SINGLE_NS on one execution is a slice, with none before it that is not timed; from
SLOW_NS on a worker has one slice a round, so that its orders are mirrored over two rounds."""


@dataclass(frozen=True, slots=True)
class Share:
    """What an analysis may spend on one operation: rounds at most, and seconds."""

    rounds: int
    seconds: float


def affordable(
    took_ns: Mapping[str, Sequence[int]], seconds: float, last: Collection[str] = ()
) -> dict[str, float]:
    """Which slow operations the budget has no room for: seconds that their least rounds take.

    `took_ns` is what an execution took on base, head and base again while it was counted: about
    what a slow one takes, but several times what a quick one does, which its analysis weighs. The
    quicker ones go first, those named in `last` after all others.
    Half of the time is kept for a second analysis, without which nothing is called slower.
    """
    needed_s = {
        name: least_seconds(times) for name, times in took_ns.items() if median(times) >= SINGLE_NS
    }
    left_s = seconds / 2
    left_out: dict[str, float] = {}
    for name in sorted(needed_s, key=lambda name: (name in last, needed_s[name])):
        if needed_s[name] > left_s:
            left_out[name] = needed_s[name]
        else:
            left_s -= needed_s[name]
    return left_out


def least_seconds(took_ns: Sequence[int]) -> float:
    """How long LEAST_ROUNDS of an operation take in workers that need `took_ns` an execution."""
    typical_ns = int(median(took_ns))
    if typical_ns >= SLOW_NS:
        executions = 1
    elif typical_ns >= SINGLE_NS:
        executions = 2
    else:
        # Two slices of two timed executions and one before them.
        executions = 6
    return LEAST_ROUNDS * executions * sum(took_ns) / 1e9


def planned_rounds(analysis: int, *, suspect: bool) -> int:
    """How many rounds an analysis (from 0) adds to an operation that is quick enough."""
    return ROUNDS[min(analysis + SUSPECT_AHEAD * suspect, len(ROUNDS) - 1)]


def extent(typical_ns: int, plan: Share, running: int) -> tuple[int, bool, int]:
    """Timed executions in a slice, whether one goes before, and slices of a worker in a round.

    Fewer than planned where LEAST_ROUNDS of so many `running` workers would take too long.
    """
    if typical_ns >= SINGLE_NS:
        return 1, False, 1 if typical_ns >= SLOW_NS else 2
    each = max(1, typical_ns)
    affordable = int(plan.seconds * 1e9 / (LEAST_ROUNDS * 2 * running * each)) - 1
    wanted = max(EXECUTIONS, QUICK_NS // each)
    return max(2, min(MOST_EXECUTIONS, wanted, SLICE_NS // each - 1, affordable)), True, 2
