"""Sentences and cells that several sections share: comparisons, numbers and effects in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from bench.judge.format import sentence_case as sentence_case
from bench.report import palette, units
from bench.report.blocks import Badge
from bench.results.comparison import DECIDED, Pair
from bench.results.model import Interval

_WORDS = (
    "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def number_word(number: int) -> str:
    """A number below a hundred as a word; larger ones as figures."""
    if not 0 <= number < 100:
        return units.whole(number)
    if number < 20:
        return _WORDS[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens - 2]}-{_WORDS[ones]}" if ones else _TENS[tens - 2]


def noun(number: float, singular: str, plural: str) -> str:
    """The form of a noun that goes with a number."""
    return singular if number == 1 else plural


def counted(
    number: int, singular: str, plural: str, say: Callable[[int], str] = number_word
) -> str:
    """A number with its noun, such as `three operations`, or `3 operations` with `say` str."""
    return f"{say(number)} {noun(number, singular, plural)}"


def steps_effect(ratio: float | None) -> str:
    """Steps without an index / with it: `×830` where it saves, `÷3` where it wastes."""
    if ratio is None or ratio <= 0:
        return units.DASH
    if ratio >= 1:
        return f"×{units.significant(ratio)}"
    return f"÷{units.significant(1 / ratio)}"


def short_effect(ratio: float | None) -> str:
    """The same in as little room as a cell of a picture has: two digits, k for thousands."""
    if ratio is None or ratio <= 0:
        return units.DASH
    sign, size = ("×", ratio) if ratio >= 1 else ("÷", 1 / ratio)
    for unit, word in ((1e6, "M"), (1e3, "k"), (1.0, "")):
        if size >= max(unit * 0.995, 9.5):
            digits = ".2g" if size / unit < 99.5 else ".0f"
            return f"{sign}{size / unit:{digits}}{word}"
    return f"{sign}{size:.1f}".removesuffix(".0")


def anchor(name: str) -> str:
    """A name as an HTML anchor: letters, digits, hyphen and underscore."""
    return "op-" + re.sub(r"[^A-Za-z0-9_-]+", "-", name)


class Compared(Protocol):
    """What has a speedup, its 95 % interval and the verdict on it, in whichever document."""

    @property
    def speedup(self) -> float | None: ...  # noqa: D102
    @property
    def ci95(self) -> Interval | None: ...  # noqa: D102
    @property
    def verdict(self) -> str: ...  # noqa: D102


def comparison_text(compared: Compared) -> str:
    """A comparison in words: `5.3× slower (5.1 to 5.5)`, or `same (0.99 to 1.02×)`."""
    interval = interval_text(compared)
    return f"{effect_text(compared)} ({interval})" if interval else effect_text(compared)


def effect_text(compared: Compared) -> str:
    """The effect with its direction; the verdict alone where it has none."""
    decided = compared.verdict in DECIDED
    return units.effect(compared.speedup) if decided else compared.verdict


def interval_text(compared: Compared) -> str:
    """The 95 % interval: in a verdict's direction, or as bare speedups where it has none."""
    if compared.ci95 is None:
        return ""
    if compared.verdict in DECIDED:
        return units.effect_interval(compared.speedup, *compared.ci95)
    return f"{units.span(*compared.ci95)}×"


def effect_badge(compared: Compared) -> Badge:
    """The effect with the verdict's shape and colour."""
    return Badge(palette.verdict(compared.verdict), effect_text(compared))


def threshold_text(pair: Pair) -> str:
    """From where on a difference of this comparison counts."""
    return (
        f"A difference counts here beyond {units.share(pair.band)}: the largest of the "
        "smallest effect that counts, the noise of the run and that of this operation."
    )


def titled(text: str, titles: Mapping[str, str]) -> str:
    """A sentence that calls operations by their titles, as everything around it does."""
    if not titles:
        return text
    names = "|".join(re.escape(name) for name in sorted(titles, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{names})(?!\w)", lambda name: titles[name.group()], text)


def scalar(value: Any) -> str:
    """A value of a document as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return units.span(value[0], value[1]) if len(value) == 2 else ", ".join(map(str, value))
    if isinstance(value, float):
        return units.significant(value)
    return units.DASH if value is None else str(value)


def present(rows: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Rows that say something."""
    return tuple(row for row in rows if row[1] not in ("", units.DASH))
