"""How figures are written: with units, and with at most three significant digits.

The reasons of verdicts and everything that is shown write figures with these.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

DASH = "–"


DIGITS = 3
_MOST_DIGITS = 15


def significant(value: float, digits: int = DIGITS) -> str:
    """A number with at most so many significant digits, thousands set apart by commas."""
    if not math.isfinite(value):
        return "∞" if value > 0 else DASH
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{round(value, places):,.{max(places, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def digits_apart(values: Iterable[float], bounds: Iterable[float]) -> int:
    """How many digits a sentence needs that holds `values` against `bounds`.

    The fewest, from three on, with which no value is written like a bound that it differs from:
    "at 10 ms, beyond 10 ms" says nothing.
    """
    pairs = [(value, bound) for value in values for bound in bounds if value != bound]
    for digits in range(DIGITS, _MOST_DIGITS):
        if all(significant(value, digits) != significant(bound, digits) for value, bound in pairs):
            return digits
    return _MOST_DIGITS


def scaled(value: float, steps: tuple[tuple[float, str], ...], digits: int = DIGITS) -> str:
    """A number in the largest unit that it fills; `steps` are sizes and units, largest first."""
    for size, unit in steps:
        if abs(value) >= size * 0.9995:
            return f"{significant(value / size, digits)}\N{NO-BREAK SPACE}{unit}"
    size, unit = steps[-1]
    return f"{significant(value / size, digits)}\N{NO-BREAK SPACE}{unit}"


def duration(value_ns: float | None, digits: int = DIGITS) -> str:
    """Nanoseconds as ns, µs, ms, s or min."""
    if value_ns is None:
        return DASH
    steps = ((60e9, "min"), (1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
    return scaled(value_ns, steps, digits)


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


def effect_interval(
    speedup: float | None, low: float | None, high: float | None, digits: int = DIGITS
) -> str:
    """The interval of a speedup, in the same direction as `effect` words it."""
    if speedup is None or low is None or high is None or low <= 0 or high <= 0:
        return ""
    if not decided(low, high):
        return f"{span(low, high, digits)}×"
    if speedup < 1:
        low, high = 1 / high, 1 / low
    return span(low, high, digits)


def decided(low: float | None, high: float | None) -> bool:
    """Whether an interval of speedups leaves out 1, so that it has a direction."""
    return low is not None and high is not None and (low > 1 or high < 1)


def measured(speedup: float | None, low: float | None, high: float | None) -> str:
    """A speedup as `effect` words it, or as a bare ratio where its direction is open."""
    return effect(speedup) if decided(low, high) else times(speedup)


def percents_apart(first: float, second: float) -> tuple[str, str]:
    """Two unequal shares as per cents, with as many places as tell them apart."""
    for places in range(2, 8):
        texts = f"{first:.{places}%}", f"{second:.{places}%}"
        if texts[0] != texts[1]:
            break
    return texts


def counted(count: int, singular: str, plural: str = "") -> str:
    """A number with its noun: "1 row", "2 rows"."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def span(low: float, high: float, digits: int = DIGITS) -> str:
    """A promised range, such as 10 to 100."""
    first, last = significant(low, digits), significant(high, digits)
    return first if first == last else f"{first} to {last}"


def joined(names: Sequence[str]) -> str:
    """Names in a sentence: "a", "a and b", "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def sentence_case(text: str) -> str:
    """Text with a capital at its beginning."""
    return text[:1].upper() + text[1:]
