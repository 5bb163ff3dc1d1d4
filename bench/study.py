"""What is compared: arms, operations and claims, as frozen records read from a TOML file.

This room holds no clock, no database and no statistics. `resale.toml` beside
this file is the built-in study; any other file of the same form can be used.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from bench.errors import BenchError
from bench.study_claims import Claim as Claim
from bench.study_claims import ClaimError, ClaimKind, claims_of
from bench.traffic import Traffic, TrafficError, refuse, traffic_of

BUILT_IN = Path(__file__).with_name("resale.toml")

Kind = Literal["read", "write"]

# A study may be somebody else's file, and `migrate` runs these on the database that it is given.
_STATISTICS = re.compile(
    r"(?:ANALYZE(?:\s+[\w.]+)?|DELETE\s+FROM\s+sqlite_stat[14](?:\s+WHERE\s+\w+\s*=\s*'[^']*')?"
    r"|PRAGMA\s+(?:analysis_limit\s*=\s*\d+|optimize(?:\s*[=(]\s*\w+\s*\)?)?))\s*;?\s*",
    re.I,
)


class StudyError(BenchError):
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
    except ClaimError as error:
        raise StudyError(str(error)) from error
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
    try:
        claims = claims_of(data)
    except ClaimError as error:
        raise StudyError(str(error)) from error
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
        claims=claims_of(data),
    )


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
    for arm in study.arms:
        for sql in arm.statistics:
            if not _STATISTICS.fullmatch(sql):
                raise StudyError(
                    f"The arm {arm.name} has {sql!r} among its `statistics`, where only ANALYZE, "
                    "DELETE FROM sqlite_stat1 or sqlite_stat4, PRAGMA analysis_limit and PRAGMA "
                    "optimize may stand; take it out."
                )
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
        if claim.arm not in study.arms_of(claim.kind):
            arms = ", ".join(study.arms_of(claim.kind))
            raise StudyError(
                f"The claim {claim.id} is on the arm {claim.arm}, but a claim of kind "
                f"{claim.kind} can only be judged on {arms}; write one of these."
            )
