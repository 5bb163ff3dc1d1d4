"""How two answers differ: in order, columns, types, or values; and the rows that show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, Literal

from bench.judge.format import counted
from bench.results.gate import AnswerDifference, DifferentRow

Row = tuple[Any, ...]

SHOWN_ROWS = 3
SHOWN_CHARACTERS = 40
_BEFORE = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """What one side answered to one parameter set: rows of SQL, or the `body` of a request.

    `rows` are the first of `total`, sorted where the order is nobody's (`ordered` is False).
    `groups` has a hash for each sort key in order, of the key and of all rows that have it, those
    beyond the LIMIT included; None where the key is not known.
    """

    columns: tuple[str, ...] | None = None
    rows: tuple[Row, ...] = ()
    total: int = 0
    ordered: bool = True
    groups: tuple[str, ...] | None = None
    body: str | None = None


def answer_from(values: Mapping[str, Any]) -> Answer:
    """An answer from what JSON made of it."""
    return Answer(**{name: _tuples(value) for name, value in values.items()})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Differing:
    """Answers that differ for a set that was to be timed; None: not between base and head.

    Then the base's own processes answer otherwise each time. An answer is None where it took too
    long to be fetched. `refusal` is why the head has none at all.
    """

    set_index: int | None
    base: Answer | None = None
    head: Answer | None = None
    refusal: str | None = None


def difference(base: Answer, head: Answer) -> AnswerDifference:
    """How two answers differ that are not equal; of long ones the first rows are known only."""
    if base.body is not None or head.body is not None:
        return _of_bodies(base.body or "", head.body or "")
    rows = tuple(_rows(base, head))
    whole = base.total == len(base.rows) and head.total == len(head.rows)
    columns = _columns(base, head)
    kind: Literal["ties", "order", "columns", "types", "values"] = "values"
    if base.groups is not None and base.groups == head.groups:
        kind, text = "ties", " only in rows that tie in the ORDER BY"
    elif whole and Counter(map(repr, base.rows)) == Counter(map(repr, head.rows)):
        # The same rows in any order, of the same types.
        kind, text = "order", " only in the order of their rows"
    elif columns is not None:
        kind, text = "columns", columns
    elif base.total == head.total and _loosely(base.rows) == _loosely(head.rows):
        kind, text = "types", " only in the types of values, such as 1 and '1'"
    elif base.total != head.total:
        text = f": {counted(head.total, 'row')} instead of {base.total:,}"
    else:
        text = f", with as many rows ({base.total:,})" if rows else ", beyond the rows looked at"
    return AnswerDifference(kind=kind, told=text, rows=rows)


def _columns(base: Answer, head: Answer) -> str | None:
    """What columns one side has more, where those of both hold the same; None otherwise."""
    old, new = base.columns, head.columns
    if old is None or new is None or old == new or base.total != head.total:
        return None
    repeated = len(set(old)) < len(old) or len(set(new)) < len(new)
    # A column of another name and other values is another answer.
    if repeated or (len(old) == len(new) and set(old) != set(new)):
        return None
    common = [name for name in old if name in new]
    if not common or _only(base, common) != _only(head, common):
        return None
    more = ", ".join(name for name in new if name not in old)
    lost = ", ".join(name for name in old if name not in new)
    parts = [f"the head has {more} more" if more else "", f"the head lacks {lost}" if lost else ""]
    changed = " and ".join(filter(None, parts)) or "they come in another order"
    return f" only in their columns: {changed}"


def _only(answer: Answer, names: Sequence[str]) -> list[str]:
    assert answer.columns is not None
    positions = [answer.columns.index(name) for name in names]
    rows = [repr([row[position] for position in positions]) for row in answer.rows]
    return rows if answer.ordered else sorted(rows)


def _loosely(rows: Sequence[Row]) -> list[list[str]]:
    return [[_loose(value) for value in row] for row in rows]


def _loose(value: Any) -> str:
    """A value without its type: 1, 1.0, '1' and x'31' are alike."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    return text[:-2] if text.endswith(".0") and text[:-2].lstrip("-").isdigit() else text


def _rows(base: Answer, head: Answer) -> Iterator[DifferentRow]:
    """The first rows that differ, by their place; of answers in any order those of one side."""
    differing: Iterable[tuple[int | None, Row | None, Row | None]]
    if base.ordered and head.ordered:
        differing = (
            (number, old, new)
            for number, (old, new) in enumerate(zip_longest(base.rows, head.rows), 1)
            if repr(old) != repr(new)
        )
    else:
        olds, news = _without(base.rows, head.rows), _without(head.rows, base.rows)
        differing = ((None, old, new) for old, new in zip_longest(olds, news))
    for number, old, new in islice(differing, SHOWN_ROWS):
        yield DifferentRow(row=number, base=_shown(old, base), head=_shown(new, head))


def _without(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    """The rows that the other answer does not have, or not as often."""
    left = Counter(map(repr, others))
    missing = []
    for row in rows:
        left[repr(row)] -= 1
        if left[repr(row)] < 0:
            missing.append(row)
    return missing


def _shown(row: Row | None, answer: Answer) -> str | None:
    """A row in words, such as `id 17, topic 'a'`; None where there is none."""
    if row is None:
        return None
    values = list(map(literal, row))
    if answer.columns and len(answer.columns) == len(row):
        values = [f"{name} {value}" for name, value in zip(answer.columns, values, strict=True)]
    return ", ".join(values)


def literal(value: Any) -> str:
    """A value as SQL writes it, shortened: 1, 1.0, 'text', x'00', NULL."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        text, end = f"x'{value.hex()}", "'"
    elif isinstance(value, str):
        text, end = f"'{value.replace(chr(39), chr(39) * 2)}", "'"
    else:
        return repr(value)
    return text + end if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def parameters_text(parameters: Mapping[str, Any]) -> str:
    """Parameters in words, such as `customer = 5`; empty without any."""
    return ", ".join(f"{name} = {literal(value)}" for name, value in parameters.items())


def _of_bodies(base: str, head: str) -> AnswerDifference:
    """Where two bodies begin to differ."""
    at = next(
        (index for index, (a, b) in enumerate(zip(base, head, strict=False)) if a != b),
        min(len(base), len(head)),
    )
    begun = max(0, at - _BEFORE)
    row = DifferentRow(row=None, base=_excerpt(base, begun), head=_excerpt(head, begun))
    return AnswerDifference(kind="values", told=f" from character {at + 1:,} on", rows=(row,))


def _excerpt(body: str, begun: int) -> str:
    text = body[begun : begun + 4 * _BEFORE]
    end = "…" if begun + len(text) < len(body) else ""
    return f"{'…' if begun else ''}{text}{end}"
