"""The main job, strung together: seed, build arms, load, measure, migrate, judge, show, store."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.analysis import job as evidence
from bench.documents import (
    Outcome,
    claims_of,
    judge,
    peak_rss_bytes,
    run_document,
    write_report,
)
from bench.load import job as loading
from bench.load import online_migration, online_migration_options
from bench.load.ab_test import LoadProfile
from bench.load.workspace import Workspace
from bench.measure import arms, disk, environment
from bench.measure.claimable import require_claimable
from bench.measure.files import ArmFiles
from bench.measure.measurer import Measurer
from bench.measure.scratch import scratch
from bench.measure.trial import failing_operations, not_run, without
from bench.micro.export import micro_json
from bench.output import claimed_file
from bench.progress import bars
from bench.results import store
from bench.results.comparison import Comparison
from bench.results.documents import RunDocuments
from bench.results.live import OnlineMigration
from bench.results.load import Load
from bench.results.migration import Migration
from bench.results.run import Realism, Run, Shape
from bench.results.samples import write_samples
from bench.stages import Say, Stages
from bench.study import Operation, Study
from bench.study.hooks import Dataset, generator_of, hooks_of


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is asked for. `database` None: seed one and remove it afterwards.

    `scale` and `seed` are those of the database, where one is given. `load` and `live` say
    whether load is put on a service too: on base and judged arm in turn, and while the migration
    runs; `visit_seconds` is how long each block of load counts, and what surrounds the migration.
    `evidence` says whether indexes, statistics, cost and growth are looked into as well.
    """

    study: Study
    results: Path
    name: str
    scale: float
    seed: int
    work: Path
    database: Path | None = None
    operations: tuple[str, ...] = ()
    command: str = "resale-bench run"
    load: bool = True
    live: bool = True
    visit_seconds: float = 10.0
    evidence: bool = False

    def load_options(self) -> loading.LoadOptions:
        """What is asked of the served arms."""
        arms = (self.study.base, self.study.judged)
        return loading.LoadOptions(self.study, arms, LoadProfile(seconds=self.visit_seconds))

    def live_options(self, folder: Path | None = None) -> online_migration_options.Options:
        """What is asked of the service that is migrated while it runs."""
        return online_migration_options.Options(
            before_s=self.visit_seconds, after_s=self.visit_seconds, keep=folder
        )


def run(options: Options, *, say: Say, progress: Say) -> Path:
    """Do the main job and return the run's folder.

    Raises:
        BenchError, LoadError: each says what to do; nothing is left behind then.
    """
    started = datetime.now(UTC)
    stages = Stages(say, progress)
    parts = checked_parts(options, say)
    with (
        store.new_run(options.results, options.name) as folder,
        scratch(options.work) as work,
        disk.spilling_into(work),
    ):
        source, dataset, shapes = _source(options, work, stages)
        files = build_arms(options, source, work, stages)
        refusals = tried(options, dataset, files, stages)
        # Before anything is measured that writes, so that requests find every row they draw.
        load = measure_load(options, files, source, folder, work, stages)
        context = evidence.Context(
            without(options.study, refusals), dataset, files, work, options.seed, options.command
        )
        on_files = evidence.on_files(context, parts, stages)
        outcome = measure(options, dataset, files, stages, refusals)
        # Of the arms' files none is needed any more; each way of migrating makes a copy.
        files.without([name for name in files.arms if name != options.study.base])
        live = measure_online_migration(options, source, folder, work, stages)
        with stages.stage("judge"):
            comparison = judge(options.study, dataset, outcome, options.seed)
            claims = claims_of(options.study, comparison, outcome.migration)
        documents = RunDocuments(
            run=run_document(
                options.study, dataset, outcome,
                name=options.name, started=started, command=options.command,
            ),
            comparison=comparison, claims=claims, migration=outcome.migration,
            realism=Realism(shapes=shapes), load=load, live=live,
        )  # fmt: skip
        documents = documents.with_evidence(
            evidence.complete(context, parts, on_files, documents, stages)
        )
        write_samples(
            folder / "samples.parquet",
            {name: entry.latencies_ns for name, entry in outcome.measured.items()},
        )
        store.write_json(folder / "micro.json", exported(outcome, dataset))
        _write(options.study, documents, folder, stages)
    return options.results / options.name


def checked_parts(options: Options, say: Say) -> tuple[str, ...]:
    """Refuse what cannot be measured before anything is made; name the parts of the evidence."""
    store.check_name(options.results, options.name)
    planned = Workspace(
        options.study, options.results, options.work, options.scale, options.seed, options.database
    ).dataset()
    require_claimable(options.study, planned.rows)
    validate_load(options)
    parts = evidence.parts_of(options.study, of_run=True) if options.evidence else ()
    if parts:
        evidence.check_parts(options.study, parts, of_run=True)
    check_disk(options, say)
    return parts


def _source(
    options: Options, work: Path, stages: Stages
) -> tuple[Path, Dataset, tuple[Shape, ...]]:
    """The database of the base arm, seeded if need be; its data, and how true to life that is."""
    source = options.database or work / "source.db"
    if options.database is None:
        with stages.stage("seed"), bars() as bar:
            generator_of(options.study).seed(source, options.scale, options.seed, bar)
    hooks = hooks_of(options.study)
    dataset = hooks.dataset(source)
    shapes: tuple[Shape, ...] = ()
    if hooks.generator is not None:
        with stages.stage("check the seeded shapes"):
            shapes = tuple(Shape(**asdict(shape)) for shape in hooks.generator.shapes(source))
    for missed in (shape for shape in shapes if not shape.ok):
        stages.say(f"  shape missed: {missed.name} is {missed.actual:g}, not {missed.target:g}")
    return source, dataset, shapes


def _write(study: Study, documents: RunDocuments, folder: Path, stages: Stages) -> None:
    with stages.stage("report"):
        # The page cannot tell how long it took to draw it.
        write_report(study, replace(documents, run=so_far(documents.run, stages)), folder)
    whole = replace(documents, run=so_far(documents.run, stages))
    for name, document in whole.by_name().items():
        store.write_json(folder / f"{name}.json", document)


def so_far(run: Run, stages: Stages) -> Run:
    """The run with the stages that have ended, and the memory that they took."""
    ended = {"stages": tuple(stages.done), "peak_rss_bytes": peak_rss_bytes()}
    return run.model_copy(update=ended)


def validate_load(options: Options) -> None:
    """Refuse a load that this study cannot be offered, before it is seeded.

    Raises:
        InvalidSchedule, ScheduleExhausted, BenchError, StudyError: each says what to change.
    """
    if options.load:
        loading.check_size(options.load_options(), options.scale, options.seed)
    if options.live:
        online_migration_options.validate(options.live_options(), options.study)


def micro(options: Options, out: Path | None, *, say: Say, progress: Say) -> Comparison:
    """Measure a seeded database's operations alone.

    Raises:
        As `run` does; and BenchError: `out` is in the way.
    """
    assert options.database is not None, "micro measures a database that is there"
    arms.check_source(options.database, options.study)
    dataset = hooks_of(options.study).dataset(options.database)
    check_disk(options, say)
    with (
        nullcontext() if out is None else claimed_file(out),
        scratch(options.work) as work,
        disk.spilling_into(work),
    ):
        stages = Stages(say, progress)
        files = build_arms(options, options.database, work, stages)
        outcome = measure(options, dataset, files, stages, tried(options, dataset, files, stages))
        comparison = judge(options.study, dataset, outcome, options.seed)
        if out is not None:
            store.write_json(out, exported(outcome, dataset))
    return comparison


def exported(outcome: Outcome, dataset: Dataset) -> dict[str, Any]:
    """What was measured, in pytest-benchmark's format."""
    return micro_json(
        outcome.measured,
        facts={"scale": dataset.scale, "seed": dataset.seed},
        commit=environment.commit(Path(__file__).parent),
    )


def check_disk(options: Options, say: Say) -> None:
    """Say and check what the run needs of disk at its peak.

    Raises:
        BenchError: that much is not free.
    """
    copies = arms.files_needed(options.study)
    if options.database is None:
        source_bytes = generator_of(options.study).size_estimate(options.scale, options.seed)
        needed = disk.need(source_bytes, copies=copies, plain=1).total_bytes
    else:
        source_bytes = options.database.stat().st_size
        needed = disk.need(source_bytes, copies=copies, plain=2).total_bytes - source_bytes
    say(f"disk needed at the peak: {disk.amount(needed)} in {options.work}")
    disk.require_free_space(options.work, needed, sized=options.database is None)


def build_arms(options: Options, source: Path, work: Path, stages: Stages) -> ArmFiles:
    """Build a file for every arm of the study that needs one of its own."""
    with stages.stage("build the arms"):
        return arms.build(
            source,
            work,
            options.study,
            keep_source=options.database is not None,
            control=True,
            progress=stages.progress,
        )


def measure_load(
    options: Options, files: ArmFiles, source: Path, folder: Path, work: Path, stages: Stages
) -> Load | None:
    """Load on base and judged arm, if it is wanted."""
    if not options.load:
        return None
    with stages.stage("load on the served arms"):
        return loading.run_load(
            options.load_options(), files, source, folder, work,
            say=stages.say, progress=stages.progress,
        )  # fmt: skip


def measure_online_migration(
    options: Options, source: Path, folder: Path, work: Path, stages: Stages
) -> OnlineMigration | None:
    """The migration while the service runs, if it is wanted."""
    if not options.live:
        return None
    with stages.stage("migrate while the service runs"):
        return online_migration.run_live(
            options.live_options(folder), source, options.study, work,
            stages.say, stages.progress,
        )  # fmt: skip


def measure(
    options: Options,
    dataset: Dataset,
    files: ArmFiles,
    stages: Stages,
    refusals: Mapping[str, Mapping[str, str]],
) -> Outcome:
    """Measure every operation on the arms, but for those that one of them refuses."""
    study = options.study
    measurer = Measurer(study, files, dataset.sample_parameters, seed=options.seed)
    try:
        migration = Migration(
            base=study.base,
            judged=study.judged,
            arms=arms.migration_arms(files),
            facts=measurer.facts(),
        )
        pragmas, arm_facts = measurer.pragmas(), measurer.arm_facts()
        chosen = _chosen(options)
        many = "operation" if len(chosen) == 1 else "operations"
        with stages.stage(f"measure {len(chosen)} {many}"):
            able = [operation for operation in chosen if operation.name not in refusals]
            measured = measurer.measure(able, stages.progress)
        for operation in chosen:
            if operation.name in refusals:
                measured[operation.name] = not_run(study, operation, refusals[operation.name])
    finally:
        measurer.close()
    return Outcome(measured, migration, pragmas, arm_facts)


def tried(
    options: Options, dataset: Dataset, files: ArmFiles, stages: Stages
) -> Mapping[str, Mapping[str, str]]:
    """Try every operation on every arm; see `bench.measure.trial.failing_operations`."""
    stages.progress("trying every operation")
    try:
        refusals = failing_operations(
            options.study, files, dataset.sample_parameters, seed=options.seed
        )
    finally:
        files.close()
        stages.progress("")
    for name, why in refusals.items():
        stages.say(f"  {name} fails: {'; '.join(f'{arm}: {text}' for arm, text in why.items())}")
    return refusals


def _chosen(options: Options) -> list[Operation]:
    return [
        operation
        for operation in options.study.operations
        if not options.operations or operation.name in options.operations
    ]
