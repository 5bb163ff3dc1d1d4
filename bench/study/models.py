"""What a study names: arms, operations, claims and traffic, checked as they are made.

The description of a field says what to write there; `bench.study.files` puts it into its errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, field, fields
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FiniteFloat,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    model_validator,
)
from pydantic.dataclasses import dataclass

from bench.errors import BenchError
from bench.study.gate_limits import CONFIG, GateLimits

Kind = Literal["read", "write"]
EngineName = Literal["sqlite"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
ClaimKind = Literal["speedup", "fact", "limit", "growth"]
Text = Annotated[StrictStr, StringConstraints(pattern=r"\S"), Field(description="a text in quotes")]
Names = Annotated[tuple[Text, ...], Field(description="a list of names in quotes")]
# Files are named by it.
FileName = Annotated[
    StrictStr,
    StringConstraints(pattern=r"^\w[\w.-]{0,79}$"),
    Field(description="a name of letters, digits, dots, dashes and underscores"),
]
Number = StrictInt | Annotated[FiniteFloat, Field(strict=True)]

Rows = Annotated[
    Mapping[Text, Annotated[StrictInt, Field(gt=0)]],
    Field(
        description="a table with a whole number of rows above 0 for each table of the database, "
        "or left out for the size of the run"
    ),
]

# What each kind of claim has to have beside id, quote, kind and arm, and what else it reads.
_ENTRIES: Mapping[ClaimKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "speedup": (("expected", "operations"), ()),
    "limit": (("limit_ns",), ("operations", "promise", "at_rows", "crash_at_rows")),
    "fact": (("fact", "expected"), ("unit",)),
    "growth": (("expected", "operations"), ()),
}
# A study may be somebody else's file, and `migrate` runs these on the database that it is given.
_STATISTICS = re.compile(
    r"(?:ANALYZE(?:\s+[\w.]+)?|DELETE\s+FROM\s+sqlite_stat[14](?:\s+WHERE\s+\w+\s*=\s*'[^']*')?"
    r"|PRAGMA\s+(?:analysis_limit\s*=\s*\d+|optimize(?:\s*[=(]\s*\w+\s*\)?)?))\s*;?\s*",
    re.I,
)


class StudyError(BenchError):
    """A study that cannot be used; the text says which entry and what to change."""


def _not_empty(names: object) -> object:
    # The default is an empty tuple; a file that writes an empty list has forgotten something.
    if names == []:
        raise ValueError("it is empty")
    return names


def _in_order(ends: tuple[Number, Number]) -> tuple[Number, Number]:
    if ends[0] > ends[1]:
        raise ValueError("the first is larger than the second")
    return ends


def _statistics(statements: Names) -> Names:
    for sql in statements:
        if not _STATISTICS.fullmatch(sql):
            raise ValueError(f"{sql!r} is none")
    return statements


Statistics = Annotated[
    Names,
    AfterValidator(_statistics),
    Field(
        description="statements of which only ANALYZE, DELETE FROM sqlite_stat1 or sqlite_stat4, "
        "PRAGMA analysis_limit and PRAGMA optimize may stand there"
    ),
]


@dataclass(frozen=True, slots=True, config=CONFIG)
class Arm:
    """One state of the database.

    `migrations` are names of numbered SQL files in the order in which they are applied;
    `statistics` are statements run after them (for example ANALYZE). Arms with equal
    migrations share a file and differ only in its statistics.
    """

    name: FileName
    label: Text
    description: Text
    migrations: Annotated[
        tuple[FileName, ...],
        Field(description="a list of the names of files in migrations/, without .sql"),
    ]
    statistics: Statistics = ()

    @property
    def without_samples(self) -> bool:
        """Whether the statistics end without samples of values (rows of sqlite_stat4)."""
        return bool(self.statistics) and "DELETE FROM sqlite_stat4" in self.statistics[-1]


@dataclass(frozen=True, slots=True, config=CONFIG)
class Operation:
    """One named request, the unit that micro-benchmarks and load share.

    `needs` are the tables that an arm must have to answer it; an operation that the base arm
    cannot answer is shown, not compared. `exclusive` names the parameter that a write uses up,
    so that no draw may repeat it. `writes` are the tables that a write puts rows into or changes
    rows of; `updates` are those of them in which it only changes rows.
    """

    name: Text
    title: Text
    asks: str
    kind: Annotated[Kind, Field(description='"read" or "write"')]
    http: str
    family: str
    indexes: Names = ()
    control: StrictBool = False
    needs: Names = ()
    exclusive: Text | None = None
    writes: Names = ()
    updates: Names = ()

    @model_validator(mode="after")
    def _updates_are_written(self) -> Self:
        if not set(self.updates) <= set(self.writes):
            raise ValueError("updates tables that it does not write; name each in `writes` too")
        return self


@dataclass(frozen=True, slots=True, config=CONFIG)
class Claim:
    """A promise, quoted.

    kind "speedup": `expected` is the promised range of base time / arm time on `operations`.
    kind "limit": the p95 of every read on `arm`, or of `operations`, is held against `limit_ns`
    where tables have `at_rows` or more; without these at the size of the run. Who promises
    "beyond" may promise errors under load from `crash_at_rows` on. kind "fact":
    `fact` names an entry of migration.json's facts, `expected` its value as a range and `unit`
    what it is counted in. kind "growth": `expected` is the range of the exponent with which the
    steps of `operations` grow with the data. Something rests on a `required` claim:
    `resale-bench claims` fails where it does not hold.
    """

    id: Text
    quote: Text
    kind: Annotated[ClaimKind, Field(description="speedup, limit, fact or growth")]
    arm: Text
    expected: Annotated[
        Annotated[tuple[Number, Number], AfterValidator(_in_order)] | None,
        Field(description="[low, high], two numbers, low first"),
    ] = None
    operations: Annotated[
        Names,
        BeforeValidator(_not_empty),
        Field(description="a list of at least one name in quotes"),
    ] = ()
    fact: Text | None = None
    unit: Text = "value"
    limit_ns: Annotated[
        Annotated[StrictInt, Field(gt=0)] | None,
        Field(description="a whole number of nanoseconds above 0"),
    ] = None
    promise: Annotated[Literal["within", "beyond"], Field(description='"within" or "beyond"')] = (
        "within"
    )
    at_rows: Rows = field(default_factory=dict)
    crash_at_rows: Rows = field(default_factory=dict)
    note: StrictStr = ""
    required: Annotated[StrictBool, Field(description="true or false")] = False

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        """Refuse what can come out one way only, and entries that the kind does not read."""
        needed, further = _ENTRIES[self.kind]
        given = {
            entry.name
            for entry in fields(self)
            if getattr(self, entry.name) != ({} if entry.default is MISSING else entry.default)
        }
        lacking = [name for name in needed if name not in given]
        if lacking:
            raise ValueError(f"lacks {' and '.join(f'`{name}`' for name in lacking)}")
        unread = given - {"id", "quote", "kind", "arm", "note", "required", *needed, *further}
        if unread:
            raise ValueError(
                f"is of kind {self.kind}, which does not read `{min(unread)}`; remove it"
            )
        if self.crash_at_rows and self.promise == "within":
            raise ValueError('promises no crash; write promise = "beyond", or `at_rows`')
        if self.kind == "speedup" and self.expected is not None and self.expected[0] < 1:
            raise ValueError(
                "needs `expected` from 1 on: a speedup is base time / arm time, and below 1 the "
                "arm is the slower one"
            )
        return self


@dataclass(frozen=True, slots=True, config=CONFIG)
class Anchor:
    """Rows of a table that count the requests that wrote them.

    `table` got rows within `days` of its newest `column`, a time; each request of `operation`
    writes `rows` of them.
    """

    operation: Text
    table: Text
    column: Text
    days: Annotated[StrictInt, Field(gt=0, description="a whole number above 0")]
    rows: Annotated[StrictInt, Field(gt=0, description="a whole number above 0")]


@dataclass(frozen=True, slots=True, config=CONFIG)
class Traffic:
    """What a month asks: requests by operation, and what the data tells of others."""

    requests_per_month: Annotated[
        Mapping[Text, Annotated[FiniteFloat, Field(strict=True, ge=0)]],
        Field(description="a table with a number of requests, 0 or more, for each operation"),
    ] = field(default_factory=dict)
    anchors: tuple[Anchor, ...] = ()


@dataclass(frozen=True, slots=True, config=CONFIG)
class Study:
    """Everything that one comparison needs to know before it starts.

    `rounds` is what every operation gets at least, `quick_rounds` what those get that are quick;
    `minimum_effect` is the share below which a difference is "same".
    `example` is the operation that the report's first answer on planner statistics is about.
    `size` has a noun for each table whose rows stand for the size of the data; `gate` is None where
    pyproject.toml may have its limits. `hooks` is a module of Python with a HOOKS (see
    `bench.study.hooks`); without one, SQL and migrations are those of `folder`, that of study.toml.
    """

    name: Text
    title: Text
    base: Text
    judged: Text
    rounds: Annotated[StrictInt, Field(ge=7, description="a whole number, at least 7")]
    quick_rounds: Annotated[StrictInt, Field(description="a whole number")]
    minimum_effect: Annotated[
        FiniteFloat, Field(gt=0, lt=1, description="a share between 0 and 1, for example 0.05")
    ]
    arms: tuple[Arm, ...]
    operations: tuple[Operation, ...]
    claims: tuple[Claim, ...] = ()
    families: Mapping[str, Text] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    gate: GateLimits | None = None
    example: Text | None = None
    size: Annotated[
        Mapping[Text, Text], Field(description="a table with a noun in quotes for each table")
    ] = field(default_factory=dict)
    engine: Annotated[
        EngineName, Field(description=f"one of the engines that there are: {', '.join(ENGINES)}")
    ] = "sqlite"
    hooks: Text | None = None
    folder: Path | None = None

    @property
    def listing(self) -> str:
        """The command that lists the operations."""
        option = "" if self.hooks or self.folder is None else f" --study {quote(str(self.folder))}"
        return f"resale-bench micro --list{option}"

    def arm(self, name: str) -> Arm:
        """The arm of that name.

        Raises:
            StudyError: the study has no such arm.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        known = ", ".join(arm.name for arm in self.arms)
        raise StudyError(f"The study {self.name} has no arm {name!r}; choose one of: {known}.")

    def arms_of(self, kind: ClaimKind) -> tuple[str, ...]:
        """The arms on which a run measures what a claim of that kind is about."""
        names = tuple(arm.name for arm in self.arms)
        if kind == "speedup":
            return tuple(name for name in names if name != self.base)
        if kind == "fact":
            return (self.judged,)
        if kind == "growth":
            return tuple(dict.fromkeys((self.base, self.judged, names[-1])))
        return names

    def operation(self, name: str) -> Operation:
        """The operation of that name.

        Raises:
            StudyError: the study has no such operation.
        """
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise StudyError(
            f"The study {self.name} has no operation {name!r}; see `{self.listing}` for the names."
        )
