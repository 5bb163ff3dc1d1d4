"""A migration under load: one server, open arrivals, and the statements beside them.

Checks, generates, migrates, judges and stores.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from bench.engines.sqlite.migration_strategies import MigrationStrategy
from bench.engines.sqlite.new_rows import newest_rowids
from bench.engines.sqlite.online_migration import OnlineMigration
from bench.engines.sqlite.rewind import fold_log
from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge.format import duration
from bench.load import invariants, records, servers
from bench.load import online_migration_options as offered
from bench.load.generator import GeneratorResult, run_open
from bench.load.load_result import ProgressTick
from bench.load.online_migration_document import Outcome, live_document
from bench.load.online_migration_options import Options
from bench.load.schedule import RequestMix, Schedule
from bench.load.server_process import copy_for_serving
from bench.load.servers import Server, placement
from bench.load.workspace import Say, Workspace
from bench.measure import disk, environment, page_cache
from bench.measure.scratch import scratch
from bench.results import live as results
from bench.results import store
from bench.study import Study
from bench.study.hooks import hooks_of, service_of


def require_disk(source_bytes: int, work: Path, *, generated: bool = False) -> None:
    """Refuse where a copy, its new indexes in file and log, and what the sorter spills do not fit.

    `generated` says that the source itself is still to be made there.

    Raises:
        BenchError: says how much is needed and how much is free.
    """
    needed = disk.need(source_bytes, copies=1)
    log_bytes = int(source_bytes * (disk.MIGRATED_SHARE - 1))
    copy_bytes = needed.copies_bytes + log_bytes + needed.spill_bytes
    disk.require_free_space(work, copy_bytes + (source_bytes if generated else 0), sized=generated)


def measure(
    options: Options, workspace: Workspace, *, say: Say, progress: Say
) -> results.OnlineMigration:
    """Do the whole job; live.json and the raw records are in `workspace.out` then.

    Raises:
        As `run_live`, bench.results.store.new_run and bench.measure.arms.check_source do: each
        says what to do; nothing is left behind then.
    """
    out, study = workspace.out.absolute(), workspace.study
    store.check_name(out.parent, out.name)
    workspace.dataset()
    require_disk(workspace.source_bytes(), workspace.work, generated=workspace.database is None)
    offered.validate(options, study)
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
) -> results.OnlineMigration:
    """Migrate copies of `source` by each strategy under load; the content of live.json.

    `source` is a file of the base arm that nobody has open; it is left as it is, and `work` too.

    Raises:
        BenchError, InvalidSchedule, ScheduleExhausted: the load cannot be offered.
        BenchError: the migration outlasted the schedule, or a statement was refused.
        BenchError, DatabaseError: the source or the disk is not fit for it.
        NotServed, BenchError, ServerUnfit, GeneratorFailed: a child process failed.
    """
    require_disk(source.stat().st_size, work)
    progress("drawing the schedule")
    shares = offered.shares_of(study, source, options.families)
    mix = RequestMix(service_of(study), hooks_of(study).dataset(source), shares)
    seconds = offered.schedule_seconds(source, options)
    short = offered.used_up(mix, round(options.rate_per_second * seconds))
    if short:
        say(f"not requested, for want of rows that they would use up: {', '.join(short)}")
        mix = mix.only(offered.shares_of(study, source, options.families, short))
    schedule = offered.migration_schedule(mix, options, seconds)
    page_cache.reload([source])
    outcomes = []
    for strategy in options.strategies:
        outcome = _run_strategy(strategy, source, study, mix, schedule, options, work, progress)
        progress("")
        took = outcome.migration.ended_ns - outcome.migration.begun_ns
        say(f"migrated under load, {strategy.name}: {duration(took)}")
        outcomes.append(outcome)
    progress("judging")
    document = live_document(outcomes, schedule, seconds, options, placement(), mix, short)
    progress("")
    return document


def _run_strategy(
    strategy: MigrationStrategy,
    source: Path,
    study: Study,
    mix: RequestMix,
    schedule: Schedule,
    options: Options,
    work: Path,
    progress: Say,
) -> Outcome:
    """Run the migration by one strategy on a copy of `source`, beside a server under load.

    Raises:
        BenchError: the source is in use, the schedule ended first, or a process failed.
    """
    with tempfile.TemporaryDirectory(prefix="live-", dir=work) as folder:
        path = Path(folder, "served.db")
        progress(f"{strategy.name}: copying the database")
        copy_for_serving(source, path)
        before, since = path.stat().st_size, newest_rowids(path)
        arm = study.arm(study.judged)
        # It goes on as ever: nothing is rewound, since the copy is thrown away.
        environment = dict(
            mix.service.environment(
                counters=False, checkpoints=True, busy_timeout_ms=strategy.busy_timeout_ms
            )
        )
        pending = mix.service.pending(path, arm.migrations)
        name, cores = f"the service ({strategy.name})", placement().server_cores
        with (
            disk.spilling_into(Path(folder)),
            servers.serving(path, mix, environment, name=name, cores=cores) as server,
        ):
            migration = OnlineMigration(
                path, pending, strategy, statistics=arm.statistics,
                on_step=lambda step: progress(f"{strategy.name}: {step}"),
            )  # fmt: skip
            result = _under_load(server, migration, schedule, options, Path(folder))
        _require_done(migration)
        if options.keep is not None:
            records.write(options.keep / f"answers-{strategy.name}.parquet", result.answers)
        progress(f"{strategy.name}: checking the database")
        written = invariants.writes(path, since, mix.service.written, result.answers)
        migrated = invariants.migrated(path, migration.made)
        audited = mix.service.audit_migrated(path, study)
        checked = invariants.checked((*audited, *migrated, *written))
        return Outcome(
            strategy, result, migration, environment, checked, before, fold_log(path),
            migration.sizes.wal_peak_bytes,
        )  # fmt: skip


def _under_load(
    server: Server, migration: OnlineMigration, schedule: Schedule, options: Options, folder: Path
) -> GeneratorResult:
    """Send the schedule and migrate meanwhile; it is cut when that is through."""
    enough = folder / "enough"

    def through() -> None:
        if migration.done:
            migration.wait(options.after_s)
        enough.touch()

    def on_second(tick: ProgressTick) -> None:
        if tick.second == 0:
            migration.begin(tick.begun_ns + round(options.before_s * 1e9), through)

    try:
        result = run_open(
            schedule, server.url, folder, connections=options.connections,
            timeout_s=options.timeout_s, core=placement().player_core,
            on_second=on_second, stop_file=enough,
        )  # fmt: skip
        server.require_alive()
        return result
    finally:
        migration.stop()


def _require_done(migration: OnlineMigration) -> None:
    if migration.error is not None and not migration.cut_short:
        raise migration.error
    if not migration.done:
        raise BenchError(
            "The schedule ended before the migration did, so its end was not seen; close what else "
            "runs on this machine and start again.",
            INVALID,
        )
