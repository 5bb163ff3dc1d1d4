"""How the run was made: machine, data, stages, and every limit that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.judge.format import joined
from bench.judge.sizes import noun_of, size_of, size_text
from bench.report import blocks, palette, units
from bench.report.arms import Arms
from bench.report.provenance import at
from bench.report.text import counted, present, scalar
from bench.results.comparison import Comparison
from bench.results.migration import Migration
from bench.results.run import Realism, Run, Shape

PROSE = (
    "Every arm is a copy of the same data. The same parameters run on each arm in short "
    "interleaved rounds, in which all operations take turns; answers must be equal before a time "
    "counts. A speedup is the base's time divided by the arm's, with a 95 % interval; it is "
    "called faster or slower only where the whole interval lies beyond the smallest effect that "
    "counts and the noise, and the same only where all of it lies within the smallest effect. A "
    "speedup is the median of the rounds' ratios, and so not quite the ratio of the two medians "
    "beside it. A median is that of the samples, each of which is the median of its repetitions; "
    "p95 and p99 are those of all executions, and a dash stands where there were fewer than 20 or"
    " 100 of them."
)


@blocks.section("method", "How it was measured")
def method_section(
    run: Run, comparison: Comparison, realism: Realism, arms: Arms
) -> Iterator[blocks.Block]:
    """The last section of the report."""
    missed = [
        f"{shape.name} ({scalar(shape.actual)}, target {_target(shape)})"
        for shape in realism.shapes
        if not shape.ok
    ]
    if missed:
        of = f"{len(missed)} of {len(realism.shapes)}"
        text = f"The data misses {of} published shapes: {'; '.join(missed)}."
        yield blocks.Text(text, "warning", at("realism", "shapes"))
    yield blocks.Text(PROSE, prose=True)
    quick = "" if run.quick_rounds == run.rounds else f"; {run.quick_rounds} for quick operations"
    method = (
        ("rounds", f"{run.rounds}{quick}"),
        ("smallest effect that counts", units.share(run.minimum_effect)),
        ("noise floor", noise_text(comparison)),
    )
    yield blocks.Facts(present(method), f"{at('run')} {at('comparison', 'noise_floor')}")
    steps = [", ".join([*arm.migrations, *arm.statistics]) for arm in run.arms]
    described = tuple(
        (arm.label or arm.name, f"{arm.description} ({step})")
        for arm, step in zip(run.arms, steps, strict=True)
    )
    yield blocks.Facts(described, at("run", "arms"), "Arms")
    yield blocks.Facts(_data(run, arms.nouns), at("run"), "Data")
    if realism.shapes:
        yield _shapes(realism)
    yield blocks.Facts(_machine(run), at("run"), "Machine and versions")
    stages = tuple((stage.name, units.duration(stage.duration_ns)) for stage in run.stages)
    yield blocks.Facts(stages, at("run", "stages"), "Stages", figures=True)
    if run.commands:
        yield blocks.Heading("To repeat it")
        yield blocks.CodeBlock(blocks.lines(run.commands), source=at("run", "commands"))
    if run.limits:
        yield blocks.Heading("Limits that the authors know of")
        yield blocks.Bullets(run.limits, at("run", "limits"), small=False)


def measured(run: Run, migration: Migration, arms: Arms, *, claimed: bool) -> str:
    """What was measured, in two sentences: the migration, the size, and what the arms are."""
    migrations = {arm.name: arm.migrations for arm in run.arms}
    before = migrations.get(arms.base, ())
    new_migrations = [name for name in migrations.get(arms.judged, ()) if name not in before]
    judged = [arm for arm in migration.arms if arm.arm == arms.judged]
    kinds = [statement.kind for arm in judged for statement in arm.statements]
    nouns = (("create_index", "index", "indexes"), ("create_table", "table", "tables"))
    made = [
        counted(kinds.count(kind), singular, plural)
        for kind, singular, plural in nouns
        if kind in kinds
    ]
    size = size_text(arms.nouns, run.dataset.rows)
    promised = "; what was promised stands under Claims" if claimed else ""
    what = f"Measured: {joined(new_migrations)}" if new_migrations else "Measured: the migration"
    adds = f", which adds {joined(made)}" if made else ""
    on = f", on {size}" if size else ""
    return (
        f"{what}{adds}{on}. “{arms.label(arms.base)}” is the database without it, "
        f"“{arms.label(arms.judged)}” with it{promised}."
    )


def noise_text(comparison: Comparison) -> str:
    """What one arm measured twice differed by."""
    floor = comparison.noise_floor
    if floor.ci95 is None:
        return ""
    return (
        f"One arm measured twice came out at {units.span(*floor.ci95)}× for 95 % of operations; "
        f"no difference up to {units.share(floor.floor)} counts in this run; on "
        f"{floor.worst_operation}, the most restless operation, none up to "
        f"{units.share(floor.worst_floor)}."
    )


def _data(run: Run, nouns: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    size = size_of(nouns, run.dataset.rows)
    return present(
        [
            ("scale", scalar(run.scale)),
            ("seed", scalar(run.seed)),
            *((noun_of(nouns, table), units.whole(count)) for table, count in size.items()),
            ("content hash", scalar(run.dataset.content_hash)),
        ]
    )


def _machine(run: Run) -> tuple[tuple[str, str], ...]:
    environment = run.environment
    return present(
        [
            ("processor", scalar(environment.get("cpu"))),
            ("cores", scalar(environment.get("cores"))),
            ("memory", units.size(environment.get("memory_bytes"))),
            ("system", scalar(environment.get("os"))),
            ("Python", scalar(environment.get("python"))),
            ("SQLite", scalar(environment.get("sqlite"))),
            ("packages", _pairs(environment.get("packages"))),
            ("pragmas", _pairs(run.pragmas, " = ")),
            ("commit", scalar(run.commit)),
            ("started", run.started_at),
        ]
    )


def _pairs(values: Mapping[str, Any] | None, between: str = " ") -> str:
    return ", ".join(f"{key}{between}{item}" for key, item in (values or {}).items()) or units.DASH


def _target(shape: Shape) -> str:
    """The published value, and the data's own where that has to give way to its limits."""
    text = scalar(shape.target)
    if shape.own_target in (None, shape.target):
        return text
    return f"{text}; the data's own {scalar(shape.own_target)}"


def _shapes(realism: Realism) -> blocks.Table:
    good, bad = palette.Verdict("yes", "●", "good"), palette.Verdict("no", "▼", "bad")
    rows = []
    for n, shape in enumerate(realism.shapes):
        note = f". {shape.note[:1].upper()}{shape.note[1:]}" if shape.note else ""
        cells: list[blocks.Inlines] = [_target(shape), scalar(shape.actual)]
        cells += [scalar(shape.tolerance), [blocks.Badge(good if shape.ok else bad)]]
        cells.append(f"{shape.source}{note}")
        rows.append(blocks.Row(shape.name, cells, at("realism", "shapes", n)))
    return blocks.Table(
        blocks.columns("shape", figures=("target", "actual", "tolerance"))
        + blocks.columns("within", "source"),
        rows,
        "The data against published shapes",
        at("realism", "shapes"),
    )
