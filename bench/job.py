"""The main job, strung together: seed, build arms, measure, judge, show, store.

This room only calls the others, in that order; it holds no statistics, no SQL
and no formatting of its own.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench import store
from bench.judge.claims import claims_document
from bench.judge.compare import comparison_document
from bench.judge.records import ArmSamples
from bench.judge.records import Counters as JudgedCounters
from bench.judge.summary import headline
from bench.measure import arms, disk, environment
from bench.micro import runner
from bench.micro.measurer import Measurer
from bench.micro.paired import TWIN, Measured, sample_medians
from bench.show import figures, render_html, render_markdown, to_png, to_svg
from bench.show.report import Report
from bench.study import Study
from seeds import checks, ledger, load, plan, realism
from seeds.manifest import Manifest, read_manifest

Say = Callable[[str], None]

LIMITS = (
    "One process, one connection at a time, a warm operating system cache: no concurrency and "
    "no network are in these times.",
    "Times come from this machine; ratios travel better than times, and counters best.",
    "Write operations commit in WAL mode with synchronous=NORMAL, so no commit waits for the disk.",
    "Rollup and ledger rows were filled in by the seeds after the migration, outside its time.",
)


class OutputExists(Exception):
    """A file that was to be written is there already."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is asked for. `database` None: seed one and remove it afterwards."""

    study: Study
    results: Path
    name: str
    scale: float
    seed: int
    work: Path
    database: Path | None = None
    operations: tuple[str, ...] = ()
    command: str = "resale-bench run"


@dataclass
class Stages:
    """Says each stage as it ends, with its time, and keeps the list."""

    say: Say
    done: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage."""
        begun = time.perf_counter_ns()
        yield
        duration_ns = time.perf_counter_ns() - begun
        self.done.append({"name": name, "duration_ns": duration_ns})
        self.say(f"{name:<42} {duration_ns / 1e9:8.1f} s")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a measurement leaves behind before it is judged."""

    measured: Mapping[str, Measured]
    migration: dict[str, Any]
    pragmas: dict[str, Any]


def run(options: Options, *, say: Say, progress: Say) -> Path:
    """Do the main job and return the run's folder.

    Raises:
        StoreError, NotEnoughDisk, LoadError, ArmsError, MeasurementError: each says
            what to do; nothing is left behind then.
    """
    started = datetime.now(UTC)
    stages = Stages(say)
    store.check_name(options.results, options.name)
    if options.database is not None:
        arms.check_source(options.database, options.study)
        read_manifest(options.database)
    check_disk(options, say)
    options.work.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="resale-bench-", dir=options.work) as scratch,
        disk.spilling_into(Path(scratch)),
        store.new_run(options.results, options.name) as folder,
    ):
        work = Path(scratch)
        source = options.database or work / "source.db"
        if options.database is None:
            with stages.stage("seed"):
                load.seed(source, scale=options.scale, seed=options.seed)
        manifest = read_manifest(source)
        with stages.stage("check the seeded shapes"):
            shapes = [asdict(shape) for shape in realism.check(source)]
        outcome = measure(
            options, source, work, manifest.plan(), folder / "micro.json", stages, progress
        )
        with stages.stage("judge"):
            documents = judge(options.study, manifest, outcome, options.seed)
        documents["realism"] = {"schema_version": 1, "shapes": shapes}
        documents["run"] = _run_document(options, started, manifest, outcome, stages)
        store.write_samples(folder / "samples.parquet", outcome.measured)
        with stages.stage("report"):
            for name, document in documents.items():
                store.write_json(folder / f"{name}.json", document)
            write_report(options.study, documents, folder)
    return options.results / options.name


def micro(options: Options, out: Path | None, *, say: Say, progress: Say) -> dict[str, Any]:
    """Measure a seeded database's operations alone and return what comparison.json would hold.

    Raises:
        As `run` does; and OutputExists: `out` is in the way.
    """
    assert options.database is not None, "micro measures a database that is there"
    if out is not None and out.exists():
        raise OutputExists(f"{out} is already there; choose another --out or remove it.")
    arms.check_source(options.database, options.study)
    manifest = read_manifest(options.database)
    check_disk(options, say)
    options.work.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="resale-bench-", dir=options.work) as scratch,
        disk.spilling_into(Path(scratch)),
    ):
        work = Path(scratch)
        written = work / "micro.json"
        outcome = measure(
            options, options.database, work, manifest.plan(), written, Stages(say), progress
        )
        comparison = judge(options.study, manifest, outcome, options.seed)["comparison"]
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(written, out)
    return comparison


def check_disk(options: Options, say: Say) -> None:
    """Say and check what the run needs of disk at its peak.

    Raises:
        NotEnoughDisk: that much is not free.
    """
    copies = arms.files_needed(options.study)
    if options.database is None:
        source_bytes = checks.size_estimate(plan.Plan(options.scale, options.seed))
        needed = disk.need(source_bytes, copies=copies).total_bytes
    else:
        source_bytes = options.database.stat().st_size
        needed = disk.need(source_bytes, copies=copies).total_bytes - source_bytes
    say(f"disk needed at the peak: {disk.amount(needed)} in {options.work}")
    disk.demand(options.work, needed)


def measure(
    options: Options,
    source: Path,
    work: Path,
    plan_of_data: plan.Plan,
    json_path: Path,
    stages: Stages,
    progress: Say,
) -> Outcome:
    """Build the arms and measure every operation on them."""
    study = options.study
    with stages.stage("build the arms"):
        files = arms.build(
            source,
            work,
            study,
            fill=partial(ledger.fill_after_tables, source=source),
            progress=progress,
        )
    measurer = Measurer(
        study,
        files,
        partial(plan.draw, plan_of_data),
        seed=options.seed,
        # Somebody's own file is never written to.
        read_only=None if options.database is None else (source, work),
    )
    try:
        migration = {
            "schema_version": 1,
            "base": study.base,
            "judged": study.judged,
            "arms": arms.migration_arms(files),
            "facts": measurer.facts(),
        }
        pragmas = measurer.pragmas()
        # Reads first: writes change the files.
        chosen = sorted(
            (
                operation
                for operation in study.operations
                if not options.operations or operation.name in options.operations
            ),
            key=lambda operation: operation.kind == "write",
        )
        session = runner.Session(
            chosen,
            {operation.name: measurer.lanes(operation) for operation in chosen},
            measurer.measure,
            facts={"scale": options.scale, "seed": options.seed},
            progress=progress,
        )
        with stages.stage(f"measure {len(chosen)} operations"):
            measured = runner.run(session, json_path)
    finally:
        measurer.close()
    return Outcome(measured, migration, pragmas)


def judge(
    study: Study, manifest: Manifest, outcome: Outcome, seed: int
) -> dict[str, dict[str, Any]]:
    """Turn measurements into comparison.json and claims.json."""
    samples: list[ArmSamples] = []
    counters: dict[tuple[str, str], JudgedCounters] = {}
    plans: dict[tuple[str, str], Sequence[str]] = {}
    for entry in outcome.measured.values():
        samples.extend(_samples(entry))
        for arm, seen in entry.observations.items():
            counters[entry.operation, arm] = JudgedCounters(**asdict(seen.counters), rows=seen.rows)
            plans[entry.operation, arm] = seen.plan
    dataset = {
        "seed": manifest.seed,
        "products": manifest.counts["products"],
        "events": manifest.counts["analytics_events"],
        "content_hash": manifest.content_hash,
    }
    comparison = comparison_document(
        study, dataset, samples, counters, plans,
        {name: entry.answers_equal for name, entry in outcome.measured.items()},
        np.random.default_rng(seed),
    )  # fmt: skip
    return {
        "comparison": comparison,
        "claims": claims_document(study, comparison, outcome.migration),
        "migration": outcome.migration,
    }


def _samples(entry: Measured) -> Iterator[ArmSamples]:
    for lane, latencies_ns in entry.latencies_ns.items():
        rounds = tuple(tuple(draws) for draws in sample_medians(latencies_ns))
        twin = lane == TWIN
        yield ArmSamples(entry.operation, entry.twin_of if twin else lane, rounds, twin=twin)


def _run_document(
    options: Options,
    started: datetime,
    manifest: Manifest,
    outcome: Outcome,
    stages: Stages,
) -> dict[str, Any]:
    study = options.study
    not_measured = [
        f"{entry.operation} was not measured on {arm}: {reason}."
        for entry in outcome.measured.values()
        for arm, reason in entry.not_measured.items()
    ]
    return {
        "schema_version": 1,
        "name": options.name,
        "study": study.name,
        "title": study.title,
        "scale": manifest.scale,
        "seed": manifest.seed,
        "commit": environment.commit(Path(__file__).parent),
        "started_at": started.strftime("%Y-%m-%d %H:%M:%S"),
        "dataset": {
            "seed": manifest.seed,
            "products": manifest.counts["products"],
            "events": manifest.counts["analytics_events"],
            "content_hash": manifest.content_hash,
            "counts": dict(manifest.counts),
        },
        "environment": environment.environment(),
        "pragmas": outcome.pragmas,
        "arms": [asdict(arm) for arm in study.arms],
        "rounds": study.rounds,
        "quick_rounds": study.quick_rounds,
        "minimum_effect": study.minimum_effect,
        "stages": stages.done,
        "commands": [options.command],
        "limits": [*LIMITS, *not_measured],
    }


def write_report(study: Study, documents: Mapping[str, Any], folder: Path) -> Report:
    """Write report.html, report.md and the plots of a run into its folder."""
    report = report_of(study, documents)
    plots = folder / "plots"
    plots.mkdir(exist_ok=True)
    for name, figure in figures(report).items():
        (plots / f"{name}.png").write_bytes(to_png(figure))
        (plots / f"{name}.svg").write_text(to_svg(figure), encoding="utf-8")
    (folder / "report.html").write_text(render_html(report), encoding="utf-8")
    (folder / "report.md").write_text(render_markdown(report), encoding="utf-8")
    return report


def report_of(study: Study, documents: Mapping[str, Any]) -> Report:
    """Put a run's documents together for showing."""
    return Report(
        run=documents["run"],
        comparison=documents["comparison"],
        claims=documents["claims"],
        migration=documents["migration"],
        headline=headline(documents["comparison"], documents["claims"], documents["migration"]),
        realism=documents["realism"]["shapes"],
        title=study.title,
        families=study.families,
        arm_labels={arm.name: arm.label for arm in study.arms},
        base=study.base,
        judged=study.judged,
    )
