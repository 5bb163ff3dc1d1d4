"""The migration under load from end to end: checks, generates, migrates, judges, stores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.judge.format import duration
from bench.load import online_migration, online_migration_options
from bench.load.online_migration_document import live_document
from bench.load.online_migration_options import Options
from bench.load.schedule import RequestMix
from bench.load.servers import placement
from bench.load.workspace import Say, Workspace
from bench.measure import environment, page_cache
from bench.measure.scratch import scratch
from bench.results import store
from bench.results.live import OnlineMigration
from bench.study import Study
from bench.study.hooks import hooks_of, service_of


def measure(options: Options, workspace: Workspace, *, say: Say, progress: Say) -> OnlineMigration:
    """Do the whole job; live.json and the raw records are in `workspace.out` then.

    Raises:
        As `run_live`, bench.results.store.new_run and bench.measure.arms.check_source do:
        each says what to do; nothing is left behind then.
    """
    out, study = workspace.out.absolute(), workspace.study
    store.check_name(out.parent, out.name)
    workspace.dataset()
    online_migration.require_disk(
        workspace.source_bytes(), workspace.work, generated=workspace.database is None
    )
    online_migration_options.validate(options, study)
    with store.new_run(out.parent, out.name) as folder, scratch(workspace.work) as work:
        source = workspace.source(work)
        document = run_live(replace(options, keep=folder), source, study, work, say, progress)
        document = document.model_copy(
            update={
                "study": study.name,
                "dataset": hooks_of(study).dataset(source).summary,
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
    """Migrate copies of `source` by each strategy under load; the content of live.json.

    `source` is a file of the base arm that nobody has open; it is left as it is, and `work` too.

    Raises:
        BenchError, InvalidSchedule, ScheduleExhausted: the load cannot be offered.
        BenchError: the migration outlasted the schedule, or a statement was refused.
        BenchError, DatabaseError: the source or the disk is not fit for it.
        NotServed, BenchError, ServerUnfit, GeneratorFailed: a child process failed.
    """
    online_migration.require_disk(source.stat().st_size, work)
    progress("drawing the schedule")
    shares = online_migration_options.shares_of(study, source, options.families)
    mix = RequestMix(service_of(study), hooks_of(study).dataset(source), shares)
    seconds = online_migration_options.schedule_seconds(source, options)
    short = online_migration_options.used_up(mix, round(options.rate_per_second * seconds))
    if short:
        say(f"not requested, for want of rows that they would use up: {', '.join(short)}")
        mix = mix.only(online_migration_options.shares_of(study, source, options.families, short))
    schedule = online_migration_options.migration_schedule(mix, options, seconds)
    page_cache.reload([source])
    outcomes = []
    for strategy in options.strategies:
        outcome = online_migration.run_strategy(
            strategy, source, study, mix, schedule, options, work, progress
        )
        progress("")
        took = outcome.migration.ended_ns - outcome.migration.begun_ns
        say(f"migrated under load, {strategy.name}: {duration(took)}")
        outcomes.append(outcome)
    progress("judging")
    document = live_document(outcomes, schedule, seconds, options, placement(), mix, short)
    progress("")
    return document
