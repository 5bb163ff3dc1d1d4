"""Every figure of a page, and whether the JSON that its row names holds it.

A word with a digit in front is a figure. It belongs to the nearest element around it
with `data-source`, and must be one of the numbers there, written as the page writes
numbers, or stand in a text there. Three derivations are admitted, each with a name:

- reciprocal: a speedup of 0.5 is told as 2× slower;
- difference: two numbers of one object, such as `ended_s` and `begun_s`;
- counted: how many entries a list has, or has of one verdict or kind.

Not figures of the run: labels of an axis (class `tick`), the page's own prose
(`data-prose`), and the `95 %` that every interval covers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from html.parser import HTMLParser
from itertools import combinations
from typing import Any
from urllib.parse import unquote

from bench.report import units
from bench.report.contents import render_html
from bench.report.run_report import Report
from bench.report.text import short_effect
from tests.bench.fixtures.evidence_documents import make_evidence
from tests.bench.fixtures.load_documents import make_felt

VOID = {"meta", "br", "wbr", "link", "img", "hr", "input"}
INLINE = {"wbr", "span", "strong", "code", "a", "q", "em", "b"}
UNITS = {"ns", "µs", "ms", "s", "min", "B", "kB", "MB", "GB", "%", "k", "M", "G"}
NUMBER = re.compile(r"^[+\-−~]?\d[\d,]*(\.\d+)?(×|/s)?$")


@dataclass(frozen=True)
class Found:
    """A figure as it stands on the page; `source` is None where no element names one."""

    text: str
    source: str | None
    around: str


class Walker(HTMLParser):
    """Runs of text with the source that holds them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str | None, bool]] = [("", None, False)]
        self.runs: list[tuple[str | None, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in INLINE or "line" in (given.get("class") or "").split():
            self._add(" ")
        if tag in VOID:
            return
        _, source, skipped = self.open[-1]
        skipped = skipped or tag in ("style", "script", "title") or "data-prose" in given
        skipped = skipped or "tick" in (given.get("class") or "").split()
        self.open.append((tag, given.get("data-source") or source, skipped))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add("" if tag in INLINE else " ")

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1][0] == tag, (tag, self.open[-3:])
        self.open.pop()
        if tag not in INLINE:
            self._add(" ")

    def handle_data(self, data: str) -> None:
        self._add(data)

    def _add(self, text: str) -> None:
        _, source, skipped = self.open[-1]
        if not skipped:
            self.runs.append((source, text))


def figures(html: str) -> list[Found]:
    """Every figure of a page in its order."""
    return [one for source, text in _joined(Walker(html).runs) for one in _figures(source, text)]


def _joined(runs: list[tuple[str | None, str]]) -> Iterator[tuple[str | None, str]]:
    source, text = None, ""
    for own, piece in runs:
        if own != source:
            yield source, text
            source, text = own, ""
        text += piece
    yield source, text


def _figures(source: str | None, text: str) -> Iterator[Found]:
    text = re.sub(r"95\s%(?= (interval|of operations))", "", text)
    words = text.split()
    for place, word in enumerate(words):
        bare = word.strip("()[]{},;:!?\"'“”‘’.…▲▼●◐◌≠→=")
        if not re.match(r"[+\-−~]?\d", bare):
            continue
        after = words[place + 1].strip("(),;:.") if place + 1 < len(words) else ""
        with_unit = f"{bare} {after}" if after in UNITS and word.endswith(bare) else bare
        yield Found(with_unit, source, " ".join(words[max(0, place - 6) : place + 7]))


class Sources:
    """What the documents of a run hold at each source."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        self._documents = documents
        self._known: dict[str, tuple[set[str], str]] = {}

    def holds(self, found: Found) -> bool:
        """Whether the figure stands where its element says."""
        return found.source is not None and any(
            self._part_holds(found.text, part) for part in found.source.split()
        )

    def _part_holds(self, figure: str, part: str) -> bool:
        if part not in self._known:
            self._known[part] = self._read(part)
        forms, told = self._known[part]
        if figure in forms or figure.lstrip("+-−~") in forms:
            return True
        return re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d,.]*\d)", told) is not None

    def _read(self, part: str) -> tuple[set[str], str]:
        value = self.resolve(part)
        texts: list[str] = []
        numbers: list[float] = []
        _collect(value, numbers, texts)
        forms: set[str] = set()
        for number in numbers:
            forms |= written(number)
        for number in _differences(value):
            forms |= written(number)
        forms |= {units.whole(count) for count in _counts(value)} | set(_with_units(value))
        if part.startswith("ablation.json"):
            forms |= {form for number in numbers if number > 0 for form in in_a_cell(number)}
        told = " \n ".join(texts).replace("\N{NO-BREAK SPACE}", " ")
        return forms, re.sub(r"[^\S\n]+", " ", told)

    def resolve(self, part: str) -> Any:
        """The part of a document that a pointer leads to; KeyError where there is none."""
        file, _, pointer = part.partition("#")
        value = self._documents[file.removesuffix(".json")]
        for step in unquote(pointer).split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            value = value[int(step)] if isinstance(value, (list, tuple)) else value[step]
        return value


def written(value: float) -> set[str]:
    """A number in every way in which the page may write it, its reciprocal with them."""
    forms = {units.significant(value), units.count(value), units.rate(value), f"{value:g}"}
    forms |= {units.times(value), units.share(value), str(value), f"{abs(value):.2f}"}
    forms |= {units.duration(value), units.duration(value * 1e9), units.size(value)}
    forms |= {
        f"{units.significant(value)} GB",
        units.count(value).replace("\N{NO-BREAK SPACE}", ""),
    }
    if value == int(value):
        forms |= {units.whole(int(value)), str(int(value))}
    if value:
        forms |= {units.times(1 / value), units.significant(1 / value)}
    return {form.replace("\N{NO-BREAK SPACE}", " ") for form in forms}


def in_a_cell(ratio: float) -> set[str]:
    """An effect as a cell of the heat map has it: two digits, without a sign, `t` by time."""
    short = short_effect(ratio)[1:]
    return {short, f"{short}t"} | ({"10⁵"} if max(ratio, 1 / ratio) >= 99_500 else set())


def _collect(value: Any, numbers: list[float], texts: list[str]) -> None:
    if isinstance(value, Mapping):
        for key, one in value.items():
            texts.append(str(key))
            _collect(one, numbers, texts)
    elif isinstance(value, (list, tuple)):
        for one in value:
            _collect(one, numbers, texts)
    elif isinstance(value, str):
        texts.append(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        numbers.append(value)


def _differences(value: Any) -> Iterator[float]:
    """Later less earlier of one object: `ended_s` less `begun_s`, bytes after less before."""
    if isinstance(value, Mapping):
        for (one, first), (other, second) in combinations(value.items(), 2):
            if {one, other} in (
                {"asked_s", "begun_s"},
                {"begun_s", "ended_s"},
                {"database_bytes_before", "database_bytes_after"},
            ):
                yield abs(second - first)
    for one in value.values() if isinstance(value, Mapping) else value if _is_list(value) else ():
        yield from _differences(one)


def _counts(value: Any) -> Iterator[int]:
    if _is_list(value):
        yield len(value)
        entries = [one for one in value if isinstance(one, Mapping)]
        for key in ("verdict", "kind", "ok", "arm"):
            yield from Counter(str(one.get(key)) for one in entries).values()
        yield from Counter(_moved(one) for one in entries).values()
        yield from Counter(
            (one.get("kind"), pair.get("base"), pair.get("arm"), pair.get("verdict"))
            for one in entries
            for pair in one.get("comparisons") or ()
        ).values()
    for one in value.values() if isinstance(value, Mapping) else value if _is_list(value) else ():
        yield from _counts(one)


def _moved(entry: Mapping[str, Any]) -> bool:
    """Whether any statistics flip an operation's plan or change its time."""
    states: Mapping[str, Any] = entry.get("states") or {}
    pairs: list[Mapping[str, Any]] = entry.get("comparisons") or []
    return any(state.get("flipped") for state in states.values()) or any(
        pair.get("verdict") in ("faster", "slower") for pair in pairs
    )


def _with_units(value: Any) -> Iterator[str]:
    """Numbers of an object that names their unit, such as a claim's `"unit": "s"`."""
    if isinstance(value, Mapping):
        numbers: list[float] = []
        if isinstance(value.get("unit"), str):
            _collect(value, numbers, [])
        yield from (f"{units.significant(number)} {value['unit']}" for number in numbers)
    for one in value.values() if isinstance(value, Mapping) else value if _is_list(value) else ():
        yield from _with_units(one)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def whole_report() -> Report:
    """A hand-made report with every document that a run may hold."""
    visited = make_felt()
    return replace(make_evidence(), load=visited.load, live=visited.live, capacity=visited.capacity)


@cache
def whole_page() -> str:
    """Its page, drawn once for all tests of the process."""
    return render_html(whole_report())


def documents_of(report: Report) -> dict[str, Any]:
    """What lies beside the page of a hand-made report."""
    return {name: document.json_values() for name, document in report.by_name().items()}
