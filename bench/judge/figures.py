"""How figures are written: with units, and with at most three significant digits.

Judging room: values in, text out; no file, no clock, no database may enter. The
reasons of verdicts and everything that is shown write figures with these.
"""

from __future__ import annotations

import math

DASH = "–"


def significant(value: float) -> str:
    """A number with at most three significant digits, thousands set apart by commas."""
    if not math.isfinite(value):
        return "∞" if value > 0 else DASH
    if value == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    if abs(rounded) >= 100:
        return f"{rounded:,.0f}"
    return f"{rounded:.{max(digits, 0)}f}".rstrip("0").rstrip(".")


def scaled(value: float, steps: tuple[tuple[float, str], ...]) -> str:
    """A number in the largest unit that it fills; `steps` are sizes and units, largest first."""
    for size, unit in steps:
        if abs(value) >= size * 0.9995:
            return f"{significant(value / size)}\N{NO-BREAK SPACE}{unit}"
    size, unit = steps[-1]
    return f"{significant(value / size)}\N{NO-BREAK SPACE}{unit}"


def duration(value_ns: float | None) -> str:
    """Nanoseconds as ns, µs, ms, s or min."""
    if value_ns is None:
        return DASH
    steps = ((60e9, "min"), (1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
    return scaled(value_ns, steps)


def times(value: float | None) -> str:
    """A ratio, such as 12.5×."""
    return DASH if value is None else f"{significant(value)}×"


def effect(speedup: float | None) -> str:
    """A speedup in words: `885× faster`, or its reciprocal, `5.3× slower`."""
    if speedup is None or not math.isfinite(speedup) or speedup <= 0:
        return DASH
    if significant(speedup) == "1":
        return times(1)
    if speedup >= 1:
        return f"{times(speedup)} faster"
    return f"{times(1 / speedup)} slower"


def effect_interval(speedup: float | None, low: float | None, high: float | None) -> str:
    """The interval of a speedup, in the same direction as `effect` words it."""
    if speedup is None or low is None or high is None or low <= 0 or high <= 0:
        return ""
    if not decided(low, high):
        return f"{span(low, high)}×"
    if speedup < 1:
        low, high = 1 / high, 1 / low
    return span(low, high)


def decided(low: float | None, high: float | None) -> bool:
    """Whether an interval of speedups leaves out 1, so that it has a direction."""
    return low is not None and high is not None and (low > 1 or high < 1)


def measured(speedup: float | None, low: float | None, high: float | None) -> str:
    """A speedup as `effect` words it, or as a bare ratio where its direction is open."""
    return effect(speedup) if decided(low, high) else times(speedup)


def span(low: float, high: float) -> str:
    """A promised range, such as 10 to 100."""
    first, last = significant(low), significant(high)
    return first if first == last else f"{first} to {last}"
