"""Read studies, claims, traffic and the gate's limits from TOML files.

Every error names the file, the entry and what to write there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from dataclasses import field, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from bench.study.gate_limits import GateLimits, Limits, ProjectLimits
from bench.study.models import ENGINES, Claim, Study, StudyError, Traffic

STUDY_FILE = "study.toml"
QUERIES = "queries.sql"
BUILT_IN = Path(__file__).parents[1] / "resale" / STUDY_FILE

Read = TypeVar("Read")
# What errors call a table where that is not its class's name.
_WORDS: dict[type, str] = {
    GateLimits: "gate", ProjectLimits: "gate", Limits: "gate's operation",
}  # fmt: skip


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="ignore"))
class _Parts:
    """What is read of a file that need not be a whole study."""

    claims: tuple[Claim, ...] = ()
    traffic: Traffic = field(default_factory=Traffic)
    gate: GateLimits | None = None


def load_study(path: Path = BUILT_IN) -> Study:
    """Read a study: its folder, or the study.toml in it. Without a path it is the built-in one.

    Raises:
        StudyError: the file is missing, is not TOML, or contradicts itself.
    """
    path = path / STUDY_FILE if path.is_dir() else path
    data = _toml(path)
    head = data.pop("study", None)
    if not isinstance(head, dict):
        raise StudyError(f"{path}: there is no table [study]; begin with it.")
    values = {**head, **data}
    values.setdefault("quick_rounds", head.get("rounds", 0))
    if "operations" not in data and (path.parent / QUERIES).is_file():
        values["operations"] = _operations_of(path.parent, str(head.get("engine")))
    study = replace(_checked(Study, values, path), folder=path.absolute().parent)
    _check(study, path)
    return study


def _operations_of(folder: Path, engine: str) -> list[dict[str, Any]]:
    """The operations of a folder's named SQL, for a study.toml that names none."""
    from bench.engines.registry import engine_named
    from bench.study.queries import read_queries

    # An unknown one is refused with the study.
    known = engine_named(engine if engine in ENGINES else ENGINES[0])
    return [
        {
            "name": query.name,
            "title": query.title,
            "asks": query.title,
            "kind": "write" if query.writes else "read",
            "http": "",
            "family": "operations",
            "needs": tuple(sorted(query.needs)),
        }
        for query in read_queries(folder / QUERIES, known)
    ]


def with_claims(study: Study, path: Path) -> Study:
    """The study with the claims of another file, of which nothing else is read.

    Raises:
        StudyError: the file is missing, is not TOML, holds no claim, or one that does not fit
            the study's arms and operations.
    """
    claims = _checked(_Parts, _toml(path), path).claims
    if not claims:
        raise StudyError(f"{path}: there is no [[claims]] entry; write at least one.")
    judged_by = replace(study, claims=claims)
    _check(judged_by, path)
    return judged_by


def load_traffic(path: Path, operations: Collection[str]) -> Traffic:
    """Requests a month by operation, from a TOML file's table `[traffic.requests_per_month]`.

    Raises:
        StudyError: the file is missing, is not TOML, or names no requests, fewer than none, or
            an operation that is not among `operations`.
    """
    traffic = _checked(_Parts, _toml(path), path).traffic
    if not traffic.requests_per_month:
        raise StudyError(
            f"{path}: no request is named; write a table [traffic.requests_per_month] with a "
            "number for each operation."
        )
    _check_traffic(traffic, operations, path)
    return traffic


def limits_beside(queries: Path) -> GateLimits | None:
    """`[gate]` of the study.toml beside a file of queries; None where there is none.

    Raises:
        StudyError: the file is not TOML, or the table cannot be used.
    """
    path = queries.with_name(STUDY_FILE)
    return _checked(_Parts, _toml(path), path).gate if path.is_file() else None


def load_limits(of_study: GateLimits | None, project: Path) -> GateLimits:
    """The limits of a study, else those that a project's pyproject.toml has.

    Raises:
        StudyError: that is not TOML, its table cannot be used, or a study has limits too.
    """
    path = project / ProjectLimits.file
    table: Any = _toml(path) if path.is_file() else {}
    for name in ProjectLimits.table.split("."):
        if not isinstance(table, dict):
            break
        table = table.get(name, {})
    if of_study is None:
        return _checked(ProjectLimits, table, path)
    if table:
        raise StudyError(
            f"{path}: [{ProjectLimits.table}] has limits, and so has [{GateLimits.table}] of the "
            f"study's {GateLimits.file}; keep the study's, and remove the others."
        )
    return of_study


def check_limits(limits: GateLimits, known: Collection[str]) -> None:
    """Refuse limits of operations that are not `known`.

    One that was allowed to go is gone later on both sides, which is no mistake.

    Raises:
        StudyError: there is no such operation.
    """
    for name, allowed in limits.operations.items():
        if name not in known and not allowed.removed:
            raise StudyError(
                f"{limits.file}: {limits.heading(name)} is about an operation that "
                f"neither side has ({_hint(name, list(known))}); correct or remove it."
            )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise StudyError(f"There is no file {path}; check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} is not valid TOML: {error}.") from error


def _check(study: Study, path: Path) -> None:
    """Refuse names that nothing bears or that two things bear."""
    for what, names in (
        ("arm", [arm.name for arm in study.arms]),
        ("operation", [operation.name for operation in study.operations]),
        ("claim", [claim.id for claim in study.claims]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise StudyError(f"{path}: two {what}s are named {twice[0]!r}; rename one of them.")
    if study.base == study.judged:
        raise StudyError(f"{path}: `judged` is the base arm itself; name the arm to be judged.")
    if study.quick_rounds < study.rounds:
        raise StudyError(
            f"{path}: quick operations get at least the {study.rounds} rounds that all get, not "
            f"{study.quick_rounds}; raise `quick_rounds`."
        )
    try:
        for name in (study.base, study.judged, *(claim.arm for claim in study.claims)):
            study.arm(name)
        example = () if study.example is None else (study.example,)
        for name in (*example, *(name for claim in study.claims for name in claim.operations)):
            study.operation(name)
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from error
    for claim in study.claims:
        arms = study.arms_of(claim.kind)
        if claim.arm not in arms:
            raise StudyError(
                f"{path}: the claim {claim.id} is on the arm {claim.arm}, but a claim of kind "
                f"{claim.kind} can only be judged on {', '.join(arms)}; write one of these."
            )
    _check_traffic(study.traffic, {operation.name for operation in study.operations}, path)


def _check_traffic(traffic: Traffic, operations: Collection[str], path: Path) -> None:
    named = [*traffic.requests_per_month, *(anchor.operation for anchor in traffic.anchors)]
    for name in named:
        if name not in operations:
            raise StudyError(
                f"{path}: the traffic names an operation {name!r}, which the study has not; "
                f"{_hint(name, list(operations))}."
            )


def _checked(model: type[Read], values: Any, path: Path) -> Read:
    try:
        return TypeAdapter(model).validate_python(values)
    except ValidationError as error:
        raise StudyError(f"{path}: {_explained(model, values, error.errors())}.") from error


def _explained(model: type, values: Any, errors: Sequence[ErrorDetails]) -> str:
    """The first thing that is wrong: where it stands, and what to write there."""
    # An entry that is misspelt is missing under its name too: the misspelling is what to mend.
    first = min(errors, key=lambda error: error["type"] != "unexpected_keyword_argument")
    kind, loc = first["type"], first["loc"]
    position = _ErrorPosition(model, values)
    # What is missing or unknown is told of what holds it.
    for step in loc[:-1] if kind in ("missing", "unexpected_keyword_argument") else loc:
        position.enter(step)
    where = position.where
    if kind == "unexpected_keyword_argument":
        return f"{where} has the unknown entry `{loc[-1]}`; {_hint(str(loc[-1]), position.known)}"
    if kind == "missing":
        lacking = [
            f"`{missing['loc'][-1]}`" for missing in errors if missing["loc"][:-1] == loc[:-1]
        ]
        more = (
            f"; write some, or {QUERIES} beside it"
            if where == "the study" and "`operations`" in lacking
            else ""
        )
        return f"{where} lacks {' and '.join(lacking)}{more}"
    if position.entry:
        return f"{where} needs `{position.entry}` to be {position.wanted}, not {first['input']!r}"
    if kind == "value_error":
        return f"{where} {first['ctx']['error']}"
    return f"{where} has to be a table of its own; begin it with a line {position.heading}"


class _ErrorPosition:
    """Where in a file an error stands: its table in words, and the entry that is wrong in it."""

    def __init__(self, model: type, values: Any) -> None:
        self._model, self._values = model, values
        self._path = getattr(model, "table", "")
        self.where = f"the {_WORDS.get(model, 'study')}"
        self.heading = f"[{self._path}]"
        self.entry = ""
        self.wanted: str | None = None

    @property
    def known(self) -> list[str]:
        """The entries that the table may have."""
        return list(getattr(self._model, "__pydantic_fields__", {}))

    def enter(self, step: str | int) -> None:
        """Go on to an entry, or to one of several tables; within a wrong value nothing is told."""
        if self.entry:
            return
        known = getattr(self._model, "__pydantic_fields__", {}).get(step)
        if known is None:
            self._values = self._values[step]
            named = self._values if isinstance(self._values, dict) else {}
            number = f"number {step + 1}" if isinstance(step, int) else step
            self.where += f" {named.get('id', named.get('name', number))}"
            return
        inner = _table_in(known.annotation)
        if inner is None:
            self.entry, self.wanted = str(step), known.description
            return
        self._path = f"{self._path}.{step}".lstrip(".")
        origin = get_origin(known.annotation)
        self.heading = f"[[{self._path}]]" if origin is tuple else f"[{self._path}]"
        if inner is Limits:
            self.heading = f"[{self._path}.NAME]"
        self.where = f"the {_WORDS.get(inner, inner.__name__.lower())}"
        self._model, self._values = inner, self._values[step]


def _table_in(annotation: Any) -> type | None:
    """The model of an annotation, such as that of `tuple[Arm, ...]`."""
    if isinstance(annotation, type) and is_dataclass(annotation):
        return annotation
    return next(filter(None, map(_table_in, get_args(annotation))), None)


def _hint(name: str, known: Sequence[str]) -> str:
    like = get_close_matches(name, known, 1)
    return f"did you mean `{like[0]}`?" if like else f"it may have {', '.join(known)}"
