"""The evidence by itself: for a finished run, or in a folder of its own.

Nothing of a run is changed before its document is whole; its report is drawn anew then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.analysis.job import (
    Context,
    check_parts,
    complete,
    growth_scales,
    on_files,
)
from bench.documents import write_report
from bench.engines.registry import engine_of
from bench.errors import BenchError
from bench.exit_codes import INCOMPARABLE
from bench.measure import arms, disk
from bench.measure.scratch import scratch
from bench.output import claimed_folder
from bench.progress import bars
from bench.results import store
from bench.results.documents import Evidence, RunDocuments
from bench.results.run import Run
from bench.stages import Say, Stages
from bench.study import Study
from bench.study.hooks import PARAMETER_SEED, Dataset, generator_of, hooks_of


@dataclass(frozen=True, slots=True)
class Options:
    """What the evidence is asked for: of a finished run, or into a new folder `out`.

    `database` None: seed one of `scale` and `seed` and remove it afterwards. With `run` these
    are the run's own (see `size_of_run`). `scales` are the sizes at which growth is measured;
    none: those that go with `scale`. `traffic` are requests a month by operation; None: what the
    study and its data tell. `times` says whether growth is timed too, or counted only.
    """

    study: Study
    parts: tuple[str, ...]
    work: Path
    scale: float
    seed: int
    out: Path
    run: Path | None = None
    database: Path | None = None
    scales: tuple[float, ...] = ()
    traffic: Mapping[str, float] | None = None
    times: bool = True
    command: str = "resale-bench evidence"


def size_of_run(run: Path) -> tuple[float, int]:
    """The scale and seed that a finished run was made with; of data that was not, those of sets.

    Raises:
        BenchError: there is no such run.
    """
    head = store.read_run(run).run
    return head.scale or 1.0, PARAMETER_SEED if head.seed is None else head.seed


def gather_evidence(options: Options, *, say: Say, progress: Say) -> Evidence:
    """Measure the parts asked for, write them and return them.

    Raises:
        BenchError: a part cannot be had like this.
        BenchError: the run was made of other data, or with another SQLite or study.
        BenchError: each says
            what to do. Nothing half-made is left.
    """
    study, run = options.study, options.run
    check_parts(study, options.parts, of_run=run is not None)
    whole = None if run is None else store.read_run(run)
    if whole is not None:
        _validate_run(whole.run, study)
    if options.database is not None:
        arms.check_source(options.database, study)
        _validate_dataset(whole, hooks_of(study).dataset(options.database))
    out = options.out.absolute()
    if run is None:
        store.check_name(out.parent, out.name)
    check_disk(options, say)
    stages = Stages(say, progress)
    with (
        written_to(run) if run is not None else store.new_run(out.parent, out.name) as folder,
        scratch(options.work) as work,
        disk.spilling_into(work),
    ):
        with _context(options, whole, work, stages) as context:
            on_arms = on_files(context, options.parts, stages)
            evidence = complete(context, options.parts, on_arms, whole, stages)
        for name, document in evidence.by_name().items():
            store.replace_json(folder / f"{name}.json", document)
        if run is not None:
            with stages.stage("report"):
                write_report(study, store.read_run(run), run)
    return evidence


@contextmanager
def written_to(run: Path) -> Iterator[Path]:
    """A finished run's folder, kept from others that would write into it.

    Raises:
        BenchError: it may not be written to, or somebody else does so.
    """
    with claimed_folder(run):
        yield run


def _validate_run(run: Run, study: Study) -> None:
    """Refuse a run of other arms, or another study or SQLite: counters would not be its own."""
    pairs = {
        "study": (run.study, study.name),
        "SQLite": (run.environment["sqlite"], engine_of(study).version()),
    }
    arms_of_run = {arm.name: (arm.migrations, arm.statistics) for arm in run.arms}
    changed = [
        arm.name
        for arm in study.arms
        if arms_of_run.get(arm.name) != (arm.migrations, arm.statistics)
    ]
    if changed:
        raise BenchError(
            f"The evidence would not be about this run: {', '.join(changed)} has other migrations "
            "or statistics since; make a new run, or leave --run out.",
            INCOMPARABLE,
        )
    unlike = [f"{name}: {old} against {new}" for name, (old, new) in pairs.items() if old != new]
    if unlike:
        raise BenchError(
            f"The evidence would not be about this run, they differ in {'; '.join(unlike)}; "
            "make a run with what is installed here, or leave --run out.",
            INCOMPARABLE,
        )


def _validate_dataset(documents: RunDocuments | None, dataset: Dataset) -> None:
    if documents is None:
        return
    of_run = documents.run.dataset.content_hash
    if of_run != dataset.content_hash:
        raise BenchError(
            "The evidence would not be about this run, they differ in the dataset: "
            f"{of_run} against {dataset.content_hash}; give the run's database with --db, or "
            "leave --run out.",
            INCOMPARABLE,
        )


def narrowed(study: Study, parts: Sequence[str]) -> Study:
    """The study with the arms that these parts need, so that no other is built."""
    if {"cost", "recommended"} & set(parts):
        return study
    wanted = (study.base, study.judged)
    return replace(study, arms=tuple(arm for arm in study.arms if arm.name in wanted), claims=())


def check_disk(options: Options, say: Say) -> None:
    """Say and check what the evidence needs of disk at its peak.

    Raises:
        BenchError: that much is not free.
    """
    copies = arms.files_needed(narrowed(options.study, options.parts))
    if options.database is None:
        source_bytes = generator_of(options.study).size_estimate(options.scale, options.seed)
        needed = disk.need(source_bytes, copies=copies).total_bytes
    else:
        source_bytes = options.database.stat().st_size
        needed = disk.need(source_bytes, copies=copies, plain=1).total_bytes - source_bytes
    if "growth" in options.parts:
        # Its databases stand beside the arms, one at a time.
        largest = max(options.scales or growth_scales(options.scale))
        growing = generator_of(options.study).size_estimate(largest, options.seed)
        needed += disk.need(growing, copies=2).total_bytes
    say(f"disk needed at the peak: {disk.amount(needed)} in {options.work}")
    sized = options.database is None and options.run is None
    disk.require_free_space(options.work, needed, sized=sized)


@contextmanager
def _context(
    options: Options, whole: RunDocuments | None, work: Path, stages: Stages
) -> Iterator[Context]:
    """Seed, if need be, and build the arms; their files are closed at the end."""
    source = options.database or work / "source.db"
    if options.database is None:
        with stages.stage("seed"), bars() as bar:
            generator_of(options.study).seed(source, options.scale, options.seed, bar)
    dataset = hooks_of(options.study).dataset(source)
    _validate_dataset(whole, dataset)
    with stages.stage("build the arms"):
        files = arms.build(
            source, work, narrowed(options.study, options.parts),
            keep_source=options.database is not None,
            progress=stages.progress,
        )  # fmt: skip
    try:
        yield Context(
            options.study,
            dataset,
            files,
            work,
            options.seed,
            options.command,
            options.scales,
            options.traffic,
            options.times,
        )
    finally:
        files.close()
