"""What is compared: arms, operations and claims, as frozen records read from a TOML file.

This room holds no clock, no database and no statistics. `resale.toml` beside
this file is the built-in study; any other file of the same form can be used.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from bench.traffic import Traffic, TrafficError, refuse, traffic_of

BUILT_IN = Path(__file__).with_name("resale.toml")

Kind = Literal["read", "write"]
ClaimKind = Literal["speedup", "fact", "limit", "growth"]


class StudyError(ValueError):
    """A study file that cannot be used; the text says which entry and what to change."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One state of the database.

    `migrations` are names of numbered SQL files in the order in which they are
    applied; `statistics` are statements run after them (for example ANALYZE).
    Arms with equal migrations share a file and differ only in its statistics.
    """

    name: str
    label: str
    description: str
    migrations: tuple[str, ...]
    statistics: tuple[str, ...] = ()

    @property
    def without_samples(self) -> bool:
        """Whether the statistics end without samples of values (rows of sqlite_stat4)."""
        return bool(self.statistics) and "DELETE FROM sqlite_stat4" in self.statistics[-1]


@dataclass(frozen=True, slots=True)
class Operation:
    """One named request, the unit that micro-benchmarks and scenarios share.

    `needs` are the tables that an arm must have to answer it; an operation
    that the base arm cannot answer is shown, not compared. `exclusive` names
    the parameter that a write uses up, so that no draw may repeat it. `writes`
    are the tables that a write puts rows into or changes rows of; `updates` are
    those of them in which it only changes rows.
    """

    name: str
    title: str
    asks: str
    kind: Kind
    http: str
    family: str
    indexes: tuple[str, ...] = ()
    control: bool = False
    needs: tuple[str, ...] = ()
    exclusive: str | None = None
    writes: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A promise of the report, quoted.

    kind "speedup": `expected` is the promised range of base time / arm time on
    `operations`. kind "limit": the p95 of every read on `arm`, or of `operations`, is held
    against `limit_ns`, at `at_products` and `at_events` or more. kind "fact":
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


@dataclass(frozen=True, slots=True)
class Study:
    """Everything that one comparison needs to know before it starts.

    `rounds` is what every operation gets, `quick_rounds` what those get whose turns take
    some milliseconds only; `minimum_effect` is the share below which a difference is "same".
    """

    name: str
    title: str
    base: str
    judged: str
    rounds: int
    quick_rounds: int
    minimum_effect: float
    arms: tuple[Arm, ...]
    operations: tuple[Operation, ...]
    claims: tuple[Claim, ...]
    families: Mapping[str, str] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)

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

    def operation(self, name: str) -> Operation:
        """The operation of that name.

        Raises:
            StudyError: the study has no such operation.
        """
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise StudyError(
            f"The study {self.name} has no operation {name!r}; "
            "see `resale-bench micro --list` for the names."
        )


def load_study(path: Path = BUILT_IN) -> Study:
    """Read a study from a TOML file.

    Raises:
        StudyError: the file is missing, is not TOML, or contradicts itself.
    """
    data = _toml(path)
    try:
        study = _study_of(data)
    except (KeyError, TypeError) as error:
        raise StudyError(f"The study file {path} lacks or misspells an entry: {error}.") from error
    _check(study)
    return study


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StudyError(f"There is no file {path}; check the path.") from error
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"The file {path} is not valid TOML: {error}.") from error


def with_claims(study: Study, path: Path) -> Study:
    """The study with the claims of another file, which needs to hold nothing else.

    Raises:
        StudyError: the file is missing, is not TOML, holds no claim, or one that does not fit
            the study's arms and operations.
    """
    data = _toml(path)
    claims = _claims_of(data)
    if not claims:
        raise StudyError(f"There is no [[claims]] entry in {path}; write at least one.")
    found = replace(study, claims=claims)
    _check(found)
    return found


def _study_of(data: dict[str, Any]) -> Study:
    head = data["study"]
    return Study(
        name=head["name"],
        title=head["title"],
        base=head["base"],
        judged=head["judged"],
        rounds=head["rounds"],
        quick_rounds=head.get("quick_rounds", head["rounds"]),
        minimum_effect=head["minimum_effect"],
        families=dict(data.get("families", {})),
        traffic=traffic_of(data.get("traffic", {})),
        arms=tuple(Arm(**_tuples(entry)) for entry in data["arms"]),
        operations=tuple(Operation(**_tuples(entry)) for entry in data["operations"]),
        claims=_claims_of(data),
    )


def _claims_of(data: Mapping[str, Any]) -> tuple[Claim, ...]:
    """The [[claims]] of a file, in order.

    Raises:
        StudyError: one lacks an entry that every claim has, or has one that none has.
    """
    known = [entry.name for entry in fields(Claim)]
    needed = [entry.name for entry in fields(Claim) if entry.default is MISSING]
    found = []
    for place, entry in enumerate(data.get("claims", []), 1):
        who = f"The claim {entry['id']}" if "id" in entry else f"Claim number {place}"
        for name in entry:
            if name not in known:
                like = get_close_matches(name, known, 1)
                hint = f"did you mean `{like[0]}`?" if like else f"it may have {', '.join(known)}."
                raise StudyError(f"{who} has the unknown entry `{name}`; {hint}")
        lacking = [name for name in needed if name not in entry]
        if lacking:
            raise StudyError(f"{who} lacks {' and '.join(f'`{name}`' for name in lacking)}.")
        found.append(Claim(**_tuples(entry)))
    return tuple(found)


def _tuples(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}


def _check_traffic(study: Study) -> None:
    try:
        refuse(study.traffic, {operation.name for operation in study.operations})
    except TrafficError as error:
        raise StudyError(str(error)) from error


def _check(study: Study) -> None:
    study.arm(study.base)
    study.arm(study.judged)
    for what, names in (
        ("arm", [arm.name for arm in study.arms]),
        ("operation", [operation.name for operation in study.operations]),
        ("claim", [claim.id for claim in study.claims]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise StudyError(f"The study names the {what} {twice[0]!r} twice; remove one of them.")
    if study.rounds < 7:
        raise StudyError(f"A study needs at least 7 rounds, not {study.rounds}; raise `rounds`.")
    if study.quick_rounds < study.rounds:
        raise StudyError(
            f"Quick operations get at least the {study.rounds} rounds that all get, not "
            f"{study.quick_rounds}; raise `quick_rounds`."
        )
    if not 0 < study.minimum_effect < 1:
        raise StudyError("`minimum_effect` is a share between 0 and 1, for example 0.05.")
    for operation in study.operations:
        if operation.kind not in ("read", "write"):
            raise StudyError(
                f"The operation {operation.name} is of kind {operation.kind!r}; "
                'write "read" or "write".'
            )
        if not set(operation.updates) <= set(operation.writes):
            raise StudyError(
                f"The operation {operation.name} updates tables that it does not write; "
                "name each of them in `writes` too."
            )
    _check_traffic(study)
    for claim in study.claims:
        study.arm(claim.arm)
        for name in claim.operations:
            study.operation(name)
        if claim.kind not in ("speedup", "fact", "limit", "growth"):
            raise StudyError(
                f"The claim {claim.id} is of kind {claim.kind!r}; write speedup, limit, fact or "
                "growth."
            )
        if claim.kind in ("speedup", "growth") and not (claim.expected and claim.operations):
            raise StudyError(f"The claim {claim.id} needs `expected` and `operations`.")
        if claim.kind == "fact" and claim.fact is None:
            raise StudyError(f"The claim {claim.id} needs `fact`.")
        if claim.kind == "limit" and claim.limit_ns is None:
            raise StudyError(f"The claim {claim.id} needs `limit_ns`.")
        if claim.expected is not None and not _is_range(claim.expected):
            raise StudyError(f"The claim {claim.id} needs `expected = [low, high]`, low first.")


def _is_range(value: Any) -> bool:
    """Whether a file's value is `[low, high]`."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(end, int | float) and not isinstance(end, bool) for end in value)
        and value[0] <= value[1]
    )
