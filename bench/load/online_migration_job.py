"""The migration beside an open shop from end to end: checks, seeds, migrates, judges, stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.engines.sqlite.files import scratch
from bench.judge.format import duration
from bench.load import online_migration, online_migration_options
from bench.load.online_migration_document import live_document
from bench.load.online_migration_options import Options
from bench.load.servers import placement
from bench.load.workspace import Workspace
from bench.measure import arms, environment, page_cache
from bench.progress import bars
from bench.resale.hooks import dataset_of
from bench.results import store
from bench.results.live import OnlineMigration
from bench.study import Study
from seeds import checks, load
from seeds.manifest import read_manifest
from seeds.plan import Plan

Say = Callable[[str], None]


def measure(
    options: Options, place: Workspace, study: Study, *, say: Say, progress: Say
) -> OnlineMigration:
    """Do the whole job; live.json and the raw records stand in `place.out` then.

    Raises:
        As `run_live`, bench.results.store.new_run and bench.measure.arms.check_source do:
        each says what to do; nothing is left behind then.
    """
    out = place.out.absolute()
    store.check_name(out.parent, out.name)
    if place.database is not None:
        arms.check_source(place.database, study)
        read_manifest(place.database)
        online_migration.demand_disk(place.database.stat().st_size, place.work)
    else:
        source_bytes = checks.size_estimate(Plan(place.scale, place.seed))
        online_migration.demand_disk(source_bytes, place.work, seeded=True)
    online_migration_options.refuse(options)
    with store.new_run(out.parent, out.name) as folder, scratch(place.work) as work:
        source = place.database or work / "source.db"
        if place.database is None:
            with bars() as bar:
                load.seed(source, scale=place.scale, seed=place.seed, progress=bar)
        found = run_live(replace(options, keep=folder), source, study, work, say, progress)
        document = found.model_copy(
            update={
                "study": study.name,
                "dataset": dataset_of(read_manifest(source)).summary,
                "environment": environment.environment(study),
            }
        )
        store.write_json(folder / "live.json", document)
    return document


def run_live(
    options: Options,
    source: Path,
    study: Study,
    work: Path,
    say: Say,
    progress: Say,
) -> OnlineMigration:
    """Migrate copies of `source` in each way while they are visited; the content of live.json.

    `source` is a file of the base arm that nobody has open; it is left as it is, and `work` too.

    Raises:
        BenchError, InvalidSchedule, ScheduleExhausted: the load cannot be offered.
        BenchError: the migration outlasted the tape.
        BenchError, DatabaseError: the source or the disk is not fit for it.
        NotServed, BenchError, ServerUnfit, GeneratorFailed: a child process failed.
        MigrationError: a statement was refused.
    """
    online_migration.demand_disk(source.stat().st_size, work)
    plan = read_manifest(source).plan()
    progress("recording the tape")
    shares = online_migration_options.asked(study, source, options.families)
    seconds = online_migration_options.tape_seconds(source, options)
    short = online_migration_options.used_up(plan, shares, round(options.rate_per_second * seconds))
    if short:
        say(f"not asked, for want of rows that they would use up: {', '.join(short)}")
        shares = online_migration_options.asked(study, source, options.families, short)
    tape = online_migration_options.tape_of(plan, shares, options, seconds)
    page_cache.reload([source])
    outcomes = []
    for way in options.ways:
        outcome = online_migration.go(way, source, study, tape, plan, options, work, progress)
        progress("")
        took = outcome.migrating.ended_ns - outcome.migrating.begun_ns
        say(f"migrated while the shop was open, {way.name}: {duration(took)}")
        outcomes.append(outcome)
    progress("judging")
    document = live_document(outcomes, tape, seconds, options, placement(), shares, short)
    progress("")
    return document
