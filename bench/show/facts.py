"""How the run was made, as rows of label and text: machine, data, stages, checks.

Room show: takes run.json and the rows of realism apart for every format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.judge.figures import listed
from bench.report import units
from bench.show.evidence_parts import counted
from bench.show.report import Document, Report
from bench.show.view import arm_label
from bench.show.wording import noise_text, scalar

Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RealismRow:
    """One published shape against the data."""

    name: str
    target: str
    actual: str
    tolerance: str
    source: str
    ok: bool
    note: str


def measured(report: Report) -> str:
    """What was measured, in two sentences: the migration, the size, and what the arms are."""
    arms = {entry["name"]: entry.get("migrations") or [] for entry in report.run.get("arms") or ()}
    own = [name for name in arms.get(report.judged, []) if name not in arms.get(report.base, [])]
    kinds = [
        statement.kind
        for migration in report.migration.arms
        if migration.arm == report.judged
        for statement in migration.statements
    ]
    made = [
        counted(kinds.count(kind), *words)
        for kind, words in (
            ("create_index", ("index", "indexes")), ("create_table", ("table", "tables"))
        )
        if kind in kinds
    ]  # fmt: skip
    data: Mapping[str, Any] = report.run.get("dataset") or {}
    sizes = [f"{units.whole(data[key])} {key}" for key in ("products", "events") if key in data]
    what = f"Measured: {listed(own)}" if own else "Measured: the migration"
    adds = f", which adds {listed(made)}" if made else ""
    on = f", on {listed(sizes)}" if sizes else ""
    base, judged = arm_label(report, report.base), arm_label(report, report.judged)
    return (
        f"{what}{adds}{on}. “{base}” is the database without it, “{judged}” with it; what was "
        "promised stands under Claims."
    )


def dataset_rows(report: Report) -> tuple[Row, ...]:
    """What the data was: size, seed, hash."""
    data: Mapping[str, Any] = report.run.get("dataset") or report.comparison.get("dataset") or {}
    rows = [
        ("scale", scalar(report.run.get("scale"))),
        *(
            (key.replace("_", " "), units.whole(value) if _counts(key, value) else scalar(value))
            for key, value in data.items()
            if not isinstance(value, Mapping) and key != "scale"
        ),
    ]
    return _present(rows)


def _counts(key: str, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and key != "seed"


def machine_rows(report: Report) -> tuple[Row, ...]:
    """What it ran on: processor, memory, versions, pragmas, commit."""
    environment: Mapping[str, Any] = report.run.get("environment") or {}
    rows = [
        ("processor", scalar(environment.get("cpu"))),
        ("cores", scalar(environment.get("cores"))),
        ("memory", units.size(environment.get("memory_bytes"))),
        ("system", scalar(environment.get("os"))),
        ("Python", scalar(environment.get("python"))),
        ("SQLite", scalar(environment.get("sqlite"))),
        ("packages", _pairs(environment.get("packages"))),
        ("pragmas", _pairs(report.run.get("pragmas"), " = ")),
        ("commit", scalar(report.run.get("commit"))),
        ("started", scalar(report.run.get("started_at"))),
    ]
    return _present(rows)


def method_rows(report: Report) -> tuple[Row, ...]:
    """How it was measured: rounds, minimum effect, noise floor."""
    effect = report.run.get("minimum_effect")
    rows = [
        ("rounds", _rounds(report.run)),
        ("smallest effect that counts", units.share(effect)),
        ("noise floor", noise_text(report) or units.DASH),
    ]
    return _present(rows)


def stage_rows(report: Report) -> tuple[Row, ...]:
    """Each stage of the run and how long it took."""
    return tuple(
        (str(stage["name"]), units.duration(stage.get("duration_ns")))
        for stage in report.run.get("stages") or ()
    )


def arm_rows(report: Report) -> tuple[Row, ...]:
    """Each arm: its label and how it is made."""
    rows = []
    for arm in report.run.get("arms") or ():
        if not isinstance(arm, Mapping):
            continue
        steps = [*(arm.get("migrations") or ()), *(arm.get("statistics") or ())]
        description = str(arm.get("description") or "")
        rows.append((str(arm.get("label") or arm["name"]), f"{description} ({', '.join(steps)})"))
    return tuple(rows)


def _rounds(run: Document) -> str:
    rounds, quick = run.get("rounds"), run.get("quick_rounds")
    text = scalar(rounds)
    return text if quick in (None, rounds) else f"{text}; {scalar(quick)} for quick operations"


def realism_rows(report: Report) -> tuple[RealismRow, ...]:
    """The data against the published shapes."""
    return tuple(
        RealismRow(
            name=str(row["name"]),
            target=_target(row),
            actual=scalar(_number(row.get("actual"))),
            tolerance=scalar(_number(row.get("tolerance"))),
            source=str(row.get("source") or ""),
            ok=bool(row.get("ok")),
            note=_sentence(str(row.get("note") or "")),
        )
        for row in report.realism
    )


def _target(row: Document) -> str:
    """The published value, and the shop's own where that has to give way to its limits."""
    published, own = row.get("target"), row.get("shop_target")
    text = scalar(_number(published))
    return text if own in (None, published) else f"{text}; the shop's own {scalar(_number(own))}"


def realism_failures(report: Report) -> str:
    """The shapes that the data misses, in one sentence; empty where it misses none."""
    rows = realism_rows(report)
    missed = [row for row in rows if not row.ok]
    if not missed:
        return ""
    named = "; ".join(f"{row.name} ({row.actual}, target {row.target})" for row in missed)
    return f"The data misses {len(missed)} of {len(rows)} published shapes: {named}."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _pairs(value: Mapping[str, Any] | None, between: str = " ") -> str:
    return ", ".join(f"{key}{between}{item}" for key, item in (value or {}).items()) or units.DASH


def _present(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(row for row in rows if row[1] not in ("", units.DASH))
