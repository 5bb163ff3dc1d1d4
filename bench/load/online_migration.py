"""A migration under load: one server, open arrivals, and the statements beside them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.engines.sqlite.migration_strategies import MigrationStrategy
from bench.engines.sqlite.new_rows import newest_rowids
from bench.engines.sqlite.online_migration import OnlineMigration
from bench.engines.sqlite.rewind import fold_log
from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.load import invariants, records, servers
from bench.load.generator import GeneratorResult, run_open
from bench.load.invariants import Checked
from bench.load.load_result import ProgressTick
from bench.load.online_migration_options import Options
from bench.load.schedule import RequestMix, Schedule
from bench.load.server_process import copy_for_serving
from bench.load.servers import Server, placement
from bench.load.workspace import Say
from bench.measure import disk
from bench.study import Study
from bench.study.service import Service


@dataclass(frozen=True)
class Outcome:
    """One strategy, as it was measured; `environment` is what the server was started with."""

    strategy: MigrationStrategy
    result: GeneratorResult
    migration: OnlineMigration
    environment: dict[str, str]
    invariants: Checked
    file_bytes_before: int
    file_bytes_after: int
    wal_peak_bytes: int


def require_disk(source_bytes: int, work: Path, *, generated: bool = False) -> None:
    """Refuse where a copy, its new indexes in file and log, and what the sorter spills do not fit.

    `generated` says that the source itself is still to be made there.

    Raises:
        BenchError: says how much is needed and how much is free.
    """
    needed = disk.need(source_bytes, copies=1)
    log_bytes = int(source_bytes * (disk.MIGRATED_SHARE - 1))
    copy_bytes = needed.copies_bytes + log_bytes + needed.spill_bytes
    disk.demand(work, copy_bytes + (source_bytes if generated else 0), sized=generated)


def run_strategy(
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
        BenchError: the source is in use, or the schedule ended before the migration.
        NotServed, BenchError, ServerUnfit, GeneratorFailed: the server or the generator failed.
    """
    with tempfile.TemporaryDirectory(prefix="live-", dir=work) as folder:
        path = Path(folder, "served.db")
        progress(f"{strategy.name}: copying the database")
        copy_for_serving(source, path)
        before, since = path.stat().st_size, newest_rowids(path)
        arm = study.arm(study.judged)
        environment = environment_of(mix.service, strategy)
        pending = mix.service.pending(path, arm.migrations)
        with (
            disk.spilling_into(Path(folder)),
            servers.serving(
                path, mix, environment, name=f"the service ({strategy.name})",
                cores=placement().server_cores,
            ) as server,
        ):  # fmt: skip
            migration = OnlineMigration(
                path, pending, strategy, statistics=arm.statistics,
                on_step=lambda step: progress(f"{strategy.name}: {step}"),
            )  # fmt: skip
            result = _under_load(server, migration, schedule, options, Path(folder))
        _require_done(migration)
        if options.keep is not None:
            records.write(options.keep / f"answers-{strategy.name}.parquet", result.answers)
        progress(f"{strategy.name}: checking the database")
        findings = (
            *mix.service.audit_migrated(path, study),
            *invariants.migrated(path, migration.made),
            *invariants.writes(path, since, mix.service.written, result.answers),
        )
        return Outcome(
            strategy, result, migration, environment, invariants.checked(findings), before,
            fold_log(path), migration.sizes.wal_peak_bytes,
        )  # fmt: skip


def environment_of(service: Service, strategy: MigrationStrategy) -> dict[str, str]:
    """How a server is started that goes on as ever: nothing is rewound, the copy is thrown away."""
    return dict(
        service.environment(
            counters=False, checkpoints=True, busy_timeout_ms=strategy.busy_timeout_ms
        )
    )


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
