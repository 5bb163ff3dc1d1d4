"""How numbers are written in everything that is shown.

Times and speedups are written as `bench.judge` writes them in its reasons.
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.judge import format

DASH, DIGITS = format.DASH, format.DIGITS
decided, duration, effect, effect_interval = (
    format.decided, format.duration, format.effect, format.effect_interval,
)  # fmt: skip
measured, significant, span, times = format.measured, format.significant, format.span, format.times


def size(value_bytes: float | None, digits: int = DIGITS) -> str:
    """Bytes as B, kB, MB or GB, in powers of one thousand."""
    if value_bytes is None:
        return DASH
    return format.scaled(value_bytes, ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")), digits)


def count(value: float | None, digits: int = DIGITS) -> str:
    """A counter: exact below 1,000, then with `digits` digits and k, M or G."""
    if value is None:
        return DASH
    if abs(value) < 1000:
        return significant(value)
    return format.scaled(value, ((1e9, "G"), (1e6, "M"), (1e3, "k")), digits)


def short_count(value: float) -> str:
    """A counter without a space, for a label of an axis."""
    return count(value).replace("\N{NO-BREAK SPACE}", "")


def whole(value: int | None) -> str:
    """A number that identifies rather than measures, such as a dataset's rows: exact."""
    return DASH if value is None else f"{value:,}"


def rate(value: float | None) -> str:
    """Requests per second, such as 12/s."""
    return DASH if value is None else f"{significant(value)}/s"


def errors(counts: Mapping[str, int]) -> str:
    """Errors by kind, such as `3 timed out`; `none` where there are none."""
    return ", ".join(f"{whole(n)} {kind}" for kind, n in counts.items() if n) or "none"


def share(value: float | None) -> str:
    """A share of one as percent."""
    return DASH if value is None else f"{significant(value * 100)}\N{NO-BREAK SPACE}%"


def dollars(value: float | None) -> str:
    """Dollars with at most three significant digits, such as $36.4."""
    return DASH if value is None else f"${significant(value)}"
