"""What the sections of the report share: words for numbers and effects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bench.judge.format import sentence_case as sentence_case
from bench.report import units

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


def counted(number: int, one: str, many: str) -> str:
    """A number in words with its noun, such as `three operations`."""
    return f"{number_word(number)} {one if number == 1 else many}"


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
    if size >= 9.5:
        for unit, word in ((1e6, "M"), (1e3, "k"), (1.0, "")):
            if size >= unit * 0.995:
                return f"{sign}{size / unit:.2g}{word}" if size / unit < 99.5 else (
                    f"{sign}{size / unit:.0f}{word}"
                )  # fmt: skip
    return f"{sign}{size:.1f}".removesuffix(".0")


def counters_text(seen: Mapping[str, object], keys: Iterable[str]) -> str:
    """Counters in words, such as `131 VM steps, 1 sort`; zeros are left out."""
    words = {"vm_steps": "VM steps", "fullscan_steps": "full-scan steps", "sorts": "sorts",
             "autoindexes": "automatic indexes"}  # fmt: skip
    parts = [
        f"{units.count(value)} {words.get(key, key)}"
        for key in keys
        if isinstance(value := seen.get(key), (int, float)) and value
    ]
    return ", ".join(parts)
