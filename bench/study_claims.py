"""Claims of a study: promises read from the [[claims]] of a TOML file, refused where unusable.

A claim that could only ever come out one way (a limit that nothing is held against, a promised
range that is missing, an entry that its kind does not read) is refused here, before anything is
measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from typing import Any, Literal, get_args

ClaimKind = Literal["speedup", "fact", "limit", "growth"]


class ClaimError(ValueError):
    """A claim that cannot be judged; the text names it and says what to change."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A promise of the report, quoted.

    kind "speedup": `expected` is the promised range of base time / arm time on
    `operations`. kind "limit": the p95 of every read on `arm`, or of `operations`, is held
    against `limit_ns`, at `at_products` and `at_events` or more; without these at the size of
    the run. kind "fact":
    `fact` names an entry of migration.json's facts, `expected` its value as a range
    and `unit` what it is counted in. kind "growth": `expected` is the range of the exponent with
    which the steps of `operations` grow with the data. Something rests on a `required` claim:
    `resale-bench claims` fails where it does not hold.
    """

    id: str
    quote: str
    kind: ClaimKind
    arm: str
    expected: tuple[float, float] | None = None
    operations: tuple[str, ...] = ()
    fact: str | None = None
    unit: str = "value"
    limit_ns: int | None = None
    promise: Literal["within", "beyond"] = "within"
    at_products: int = 0
    at_events: int = 0
    note: str = ""
    required: bool = False


_NEEDED = tuple(entry.name for entry in fields(Claim) if entry.default is MISSING)
# What each kind has to have beside id, quote, kind and arm, and what else it reads.
_ENTRIES: Mapping[ClaimKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "speedup": (("expected", "operations"), ()),
    "limit": (("limit_ns",), ("operations", "promise", "at_products", "at_events")),
    "fact": (("fact", "expected"), ("unit",)),
    "growth": (("expected", "operations"), ()),
}


def claims_of(data: Mapping[str, Any]) -> tuple[Claim, ...]:
    """The [[claims]] of a file, in order.

    Raises:
        ClaimError: one lacks an entry, has one that its kind does not read, or a value that
            leaves nothing to judge.
    """
    entries = data.get("claims", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ClaimError("Claims are tables of their own; begin each with a line [[claims]].")
    return tuple(_claim(place, entry) for place, entry in enumerate(entries, 1))


def _claim(place: int, entry: Mapping[str, Any]) -> Claim:
    who = f"The claim {entry['id']}" if "id" in entry else f"Claim number {place}"
    known = [one.name for one in fields(Claim)]
    for name in entry:
        if name not in known:
            like = get_close_matches(name, known, 1)
            hint = f"did you mean `{like[0]}`?" if like else f"it may have {', '.join(known)}."
            raise ClaimError(f"{who} has the unknown entry `{name}`; {hint}")
    _require(who, entry, _NEEDED)
    kind = entry["kind"]
    if kind not in get_args(ClaimKind):
        raise ClaimError(f"{who} is of kind {kind!r}; write speedup, limit, fact or growth.")
    needed, further = _ENTRIES[kind]
    _require(who, entry, needed)
    for name in entry:
        if name not in (*_NEEDED, *needed, *further, "note", "required"):
            raise ClaimError(f"{who} is of kind {kind}, which does not read `{name}`; remove it.")
        fits, wanted = _FORMS[name]
        if not fits(entry[name]):
            raise ClaimError(f"{who} needs {wanted}.")
    if kind == "speedup" and entry["expected"][0] < 1:
        raise ClaimError(
            f"{who} needs `expected` from 1 on: a speedup is base time / arm time, and below 1 "
            "the arm is the slower one."
        )
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()
    }
    return Claim(**values)


def _require(who: str, entry: Mapping[str, Any], names: tuple[str, ...]) -> None:
    lacking = [name for name in names if name not in entry]
    if lacking:
        raise ClaimError(f"{who} lacks {' and '.join(f'`{name}`' for name in lacking)}.")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_text(name) for name in value)


def _is_range(value: Any) -> bool:
    """Whether a file's value is `[low, high]`, of finite numbers."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(_is_whole(end) or (isinstance(end, float) and math.isfinite(end)) for end in value)
        and value[0] <= value[1]
    )


# What a value has to be, and how that is said.
_FORMS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    **{name: (_is_text, f"`{name}` to be a text in quotes")
       for name in ("id", "quote", "kind", "arm", "fact", "unit")},
    "note": (lambda value: isinstance(value, str), "`note` to be a text in quotes"),
    "required": (lambda value: isinstance(value, bool), "`required = true` or `false`"),
    "promise": (("within", "beyond").__contains__, '`promise = "within"` or `"beyond"`'),
    "operations": (_is_names, "`operations` to be a list of at least one name in quotes"),
    "expected": (_is_range, "`expected = [low, high]`, two numbers, low first"),
    "limit_ns": (lambda value: _is_whole(value) and value > 0,
                 "`limit_ns` to be a whole number of nanoseconds above 0"),
    **{name: (lambda value: _is_whole(value) and value >= 0,
              f"`{name}` to be a whole number, or left out for the size of the run")
       for name in ("at_products", "at_events")},
}  # fmt: skip
