"""Sentences and cells that several sections share: comparisons, noise, numbers in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bench.report import palette, units
from bench.report.blocks import Badge, Bullets, Heading
from bench.results.comparison import Pair


def anchor(name: str) -> str:
    """A name as an HTML anchor: letters, digits, hyphen and underscore."""
    return "op-" + re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def comparison_text(pair: Pair) -> str:
    """A comparison in words: `5.3× slower (5.1 to 5.5)`, or `same (0.99 to 1.02×)`."""
    interval = interval_text(pair)
    return f"{effect_text(pair)} ({interval})" if interval else effect_text(pair)


def effect_text(pair: Pair) -> str:
    """The effect with its direction; the verdict alone where it has none."""
    return units.effect(pair.speedup) if pair.decided else pair.verdict


def interval_text(pair: Pair) -> str:
    """The 95 % interval: in a verdict's direction, or as bare speedups where it has none."""
    if pair.ci95 is None:
        return ""
    low, high = pair.ci95
    if pair.decided:
        return units.effect_interval(pair.speedup, low, high)
    return f"{units.span(low, high)}×"


def effect_badge(pair: Pair) -> Badge:
    """The effect with the verdict's shape and colour."""
    return Badge(palette.verdict(pair.verdict), effect_text(pair))


def threshold_text(pair: Pair) -> str:
    """From where on a difference of this comparison counts."""
    return (
        f"A difference counts here beyond {units.share(pair.band)}: the largest of the "
        "smallest effect that counts, the noise of the run and that of this operation."
    )


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun, such as `3 queries`."""
    return f"{number} {one if number == 1 else many}"


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


def limits(title: str, sentences: tuple[str, ...], source: str) -> tuple[Heading | Bullets, ...]:
    """The limits of a part as blocks; none where there are none."""
    return (Heading(title), Bullets(sentences, source)) if sentences else ()
