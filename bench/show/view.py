"""What every format shows of an operation: selected, ordered and named once.

Room show: takes the judged documents apart into flat records. It sorts and
looks up; every figure in the records stands in a document already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.errors import BenchError
from bench.show.report import Document, Report

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One line of a query plan; `changed` where the base arm's plan has no such line."""

    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class ArmView:
    """One operation in one arm; times in nanoseconds."""

    name: str
    label: str
    median_ns: float | None
    ci95_ns: Range | None
    figures: Mapping[str, float | None]
    plan: tuple[PlanLine, ...]


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """Two arms of one operation; `speedup` is base time / arm time.

    `band` is the share that a difference had to exceed, None where it is not recorded.
    """

    base: str
    arm: str
    base_label: str
    arm_label: str
    speedup: float | None
    ci95: Range | None
    verdict: str
    cause: str | None
    band: float | None


@dataclass(frozen=True, slots=True)
class OperationView:
    """One operation with its arms in the study's order.

    `versus` is the comparison that the report is about (base against judged),
    None where the base cannot answer the operation. `not_measured` pairs labels of
    arms with the reason why nothing was timed there. `promised` is the range of
    speedups that a claim on it names.
    """

    name: str
    anchor: str
    title: str
    family: str
    kind: str
    http: str
    indexes: tuple[str, ...]
    control: bool
    answers_equal: bool
    arms: tuple[ArmView, ...]
    comparisons: tuple[ComparisonView, ...]
    versus: ComparisonView | None
    not_measured: tuple[tuple[str, str], ...]
    promised: Range | None

    def arm(self, name: str) -> ArmView | None:
        """The arm of that name, None where it cannot answer."""
        return next((arm for arm in self.arms if arm.name == name), None)

    @property
    def slower(self) -> bool:
        """Whether the judged arm is slower than the base."""
        return self.versus is not None and self.versus.verdict == "slower"

    @property
    def answers_differ(self) -> bool:
        """Whether arms gave unlike answers; where none was asked, nothing is known of them."""
        return not self.answers_equal and bool(self.arms or not self.not_measured)


@dataclass(frozen=True, slots=True)
class FamilyView:
    """Operations that one claim family holds, slower ones first."""

    key: str
    title: str
    operations: tuple[OperationView, ...]

    @property
    def control(self) -> bool:
        """Whether the family holds controls only."""
        return all(operation.control for operation in self.operations)


def anchor(name: str) -> str:
    """A name as an HTML anchor: letters, digits, hyphen and underscore."""
    return "op-" + re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def arm_names(report: Report) -> tuple[str, ...]:
    """The study's arms in order; repetitions for the noise floor are not among them."""
    names = [arm["name"] if isinstance(arm, Mapping) else str(arm) for arm in _run_arms(report)]
    if not names:
        for entry in report.comparison["operations"]:
            names.extend(name for name in entry["arms"] if name not in names)
    return tuple(names)


def arm_label(report: Report, name: str) -> str:
    """An arm's label, or its name where the study gives none."""
    if name in report.arm_labels:
        return report.arm_labels[name]
    for arm in _run_arms(report):
        if isinstance(arm, Mapping) and arm["name"] == name:
            return str(arm.get("label") or name)
    return name


def _run_arms(report: Report) -> Sequence[Any]:
    arms: Sequence[Any] = report.run.get("arms") or ()
    return arms


def operations(report: Report) -> tuple[OperationView, ...]:
    """Every operation, in the document's order.

    Raises:
        BenchError: an entry lacks what comparison.json must hold.
    """
    try:
        return tuple(_operation(report, entry) for entry in report.comparison["operations"])
    except (KeyError, TypeError) as error:
        raise BenchError(
            f"The comparison document lacks {error}; make it again with `resale-bench run`."
        ) from error


def _operation(report: Report, entry: Document) -> OperationView:
    name = str(entry["name"])
    known = [arm for arm in arm_names(report) if arm in entry["arms"]]
    base_plan = _plan(entry["arms"].get(report.base, {}))
    comparisons = tuple(_comparison(report, item) for item in entry.get("comparisons") or ())
    return OperationView(
        name=name,
        anchor=anchor(name),
        title=str(entry.get("title") or name),
        family=str(entry.get("family") or "unclaimed"),
        kind=str(entry.get("kind") or "read"),
        http=str(entry.get("http") or ""),
        indexes=tuple(entry.get("indexes") or ()),
        control=bool(entry.get("control")),
        answers_equal=bool(entry.get("answers_equal", True)),
        arms=tuple(_arm(report, arm, entry["arms"][arm], base_plan) for arm in known),
        comparisons=comparisons,
        versus=next(
            (c for c in comparisons if (c.base, c.arm) == (report.base, report.judged)), None
        ),
        not_measured=tuple(
            (arm_label(report, arm), str(reason))
            for arm, reason in (entry.get("not_measured") or {}).items()
        ),
        promised=_promised(report, name, str(entry.get("family"))),
    )


def _plan(arm: Document) -> tuple[str, ...]:
    return tuple(str(line) for line in arm.get("plan") or ())


def _arm(report: Report, name: str, entry: Document, base_plan: tuple[str, ...]) -> ArmView:
    figures = (
        "p95_ns", "p99_ns", "rounds", "samples", "vm_steps", "fullscan_steps", "sorts", "rows",
        "pages_read", "pages_written", "log_bytes",
    )  # fmt: skip
    differs = bool(base_plan) and name != report.base
    return ArmView(
        name=name,
        label=arm_label(report, name),
        median_ns=entry.get("median_ns"),
        ci95_ns=_range(entry.get("ci95_ns")),
        figures={key: entry.get(key) for key in figures},
        plan=tuple(PlanLine(line, differs and line not in base_plan) for line in _plan(entry)),
    )


def _comparison(report: Report, entry: Document) -> ComparisonView:
    return ComparisonView(
        base=entry["base"],
        arm=entry["arm"],
        base_label=arm_label(report, entry["base"]),
        arm_label=arm_label(report, entry["arm"]),
        speedup=entry.get("speedup"),
        ci95=_range(entry.get("ci95")),
        verdict=entry.get("verdict") or "inconclusive",
        cause=entry.get("cause"),
        band=entry.get("band"),
    )


def _range(value: Sequence[float | None] | None) -> Range | None:
    if value is None or len(value) != 2 or value[0] is None or value[1] is None:
        return None
    return (float(value[0]), float(value[1]))


def _promised(report: Report, name: str, family: str) -> Range | None:
    """The range of the family's own claim, else of the first claim that names the operation."""
    naming = [
        claim
        for claim in report.claims["claims"]
        if claim.get("kind", "speedup") == "speedup" and name in (claim.get("evidence") or ())
    ]
    own = [claim for claim in naming if claim.get("id") == family]
    for claim in own or naming:
        return _range(claim.get("expected"))
    return None


def families(report: Report) -> tuple[FamilyView, ...]:
    """Families by their worst effect, slower operations on top.

    Families that nothing was compared in follow, controls stand at the foot.
    """
    groups: dict[str, list[OperationView]] = {}
    for operation in operations(report):
        groups.setdefault(operation.family, []).append(operation)
    views = [
        FamilyView(
            key,
            report.families.get(key, key.replace("-", " ").capitalize()),
            tuple(sorted(members, key=_effect)),
        )
        for key, members in groups.items()
    ]
    return tuple(sorted(views, key=lambda family: (family.control, _effect(family.operations[0]))))


def _effect(operation: OperationView) -> float:
    if operation.versus is None or operation.versus.speedup is None:
        return float("inf")
    return operation.versus.speedup


def slower_operations(report: Report) -> tuple[OperationView, ...]:
    """Operations that the headline names as slower: queries, then writes, the worst first."""
    named = set(report.headline.slower)
    slower = [operation for operation in operations(report) if operation.name in named]
    return tuple(sorted(slower, key=lambda o: (o.kind == "write", _effect(o))))


def mending(report: Report, operation: OperationView) -> tuple[ComparisonView, ...]:
    """Comparisons with the base of later arms in which the operation is not slower."""
    return tuple(
        comparison
        for comparison in operation.comparisons
        if comparison.base == report.base
        and comparison.arm != report.judged
        and comparison.arm in arm_names(report)
        and comparison.verdict in ("faster", "same")
    )
