"""A migration while the shop is open: one server, open arrivals, and statements beside them.

It strings together a copy, a server, a tape and a migration, and hands what came of
them to bench.judge.live.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench.engines.sqlite.connection import connect
from bench.engines.sqlite.files import snapshot
from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.load import records, servers
from bench.load.generator import GeneratorResult, play
from bench.load.load_result import Second
from bench.load.migration_steps import Migrating
from bench.load.migration_strategies import MigrationStrategy
from bench.load.online_migration_options import PROBE, Options
from bench.load.schedule import Schedule
from bench.load.servers import Server, placement
from bench.measure import disk
from bench.resale import online_migration_checks
from bench.resale.http_requests import Keys
from bench.resale.online_migration_checks import Checked
from bench.resale.user_profiles import EVENTS_IN_A_BATCH
from bench.study import Study
from seeds.plan import Plan, staff

__all__ = ["SETTINGS", "BenchError", "Options", "Outcome", "demand_disk", "go"]

Say = Callable[[str], None]

SETTINGS: Mapping[str, str] = MappingProxyType(
    # It goes on as a shop does: nothing is rewound here, the copy is thrown away.
    {**servers.SETTINGS, "RESALE_CHECKPOINTS": "true", "RESALE_COUNTERS": "false"}
)


@dataclass(frozen=True)
class Outcome:
    """One way, as it was measured."""

    way: MigrationStrategy
    played: GeneratorResult
    migrating: Migrating
    checked: Checked
    file_bytes_before: int
    file_bytes_after: int
    wal_peak_bytes: int


def demand_disk(source_bytes: int, work: Path, *, seeded: bool = False) -> None:
    """Refuse where a copy, its new indexes in file and log, and what the sorter spills do not fit.

    `seeded` tells that the source itself is still to be made there.

    Raises:
        BenchError: says how much is needed and how much is free.
    """
    needed = disk.need(source_bytes, copies=1)
    log_bytes = int(source_bytes * (disk.MIGRATED_SHARE - 1))
    copy_bytes = needed.copies_bytes + log_bytes + needed.spill_bytes
    disk.demand(work, copy_bytes + (source_bytes if seeded else 0), sized=seeded)


def go(
    way: MigrationStrategy, source: Path, study: Study, tape: Schedule, plan: Plan,
    options: Options, work: Path, progress: Say,
) -> Outcome:  # fmt: skip
    """Run the migration in one way on a copy of `source`, beside a server that is being visited.

    Raises:
        BenchError: the source is in use.
        NotServed, BenchError, ServerUnfit, GeneratorFailed: the server or the player failed.
        BenchError: the tape ended before the migration.
    """
    with tempfile.TemporaryDirectory(prefix="live-", dir=work) as folder:
        path = Path(folder, "shop.db")
        progress(f"{way.name}: copying the shop")
        snapshot(source, path)
        # Or the disk would still be writing the copy while commits wait for it.
        os.sync()
        before, ids = path.stat().st_size, online_migration_checks.greatest_ids(path)
        placed, door = placement(), Keys(plan, staff(plan)[0]).of_staff()
        with (
            disk.spilling_into(Path(folder)),
            servers.serving(
                path, door, name=f"the shop ({way.name})", cores=placed.server_cores,
                settings={**SETTINGS, **way.server},
            ) as server,
        ):  # fmt: skip
            arm = study.arm(study.judged)
            migrating = Migrating(
                path, arm.migrations, way, statistics=arm.statistics,
                on_step=lambda step: progress(f"{way.name}: {step}"),
            )  # fmt: skip
            played = _visited(server, migrating, tape, options, Path(folder), placed.player_core)
        _refuse_failed(migrating)
        if options.keep is not None:
            records.write(options.keep / f"answers-{way.name}.parquet", played.answers)
        progress(f"{way.name}: checking the shop")
        checked = _checked(path, study, migrating, ids, played)
        return Outcome(
            way, played, migrating, checked, before, _settled(path),
            max((size.wal_bytes for size in migrating.sizes.seen), default=0),
        )  # fmt: skip


def _visited(
    server: Server, migrating: Migrating, tape: Schedule, options: Options, folder: Path,
    core: int | None,
) -> GeneratorResult:  # fmt: skip
    """Play the tape and migrate meanwhile; the tape is cut when that is through."""
    enough = folder / "enough"

    def through() -> None:
        if migrating.done:
            migrating.wait(options.after_s)
        enough.touch()

    def on_second(second: Second) -> None:
        if second.second == 0:
            migrating.begin(second.begun_ns + round(options.before_s * 1e9), through)

    try:
        played = play(
            tape, server.url, folder, connections=options.connections,
            timeout_s=options.timeout_s, core=core, on_second=on_second, stop_file=enough,
        )  # fmt: skip
        server.refuse_dead()
        return played
    finally:
        migrating.stop()


def _refuse_failed(migrating: Migrating) -> None:
    if migrating.error is not None and not migrating.cut_short:
        raise migrating.error
    if not migrating.done:
        raise BenchError(
            "The tape ended before the migration did, so its end was not seen; close what else "
            "runs on this machine and start again.",
            INVALID,
        )


def _checked(
    path: Path, study: Study, migrating: Migrating, ids: Mapping[str, int], played: GeneratorResult
) -> Checked:
    made = [step.object for step in migrating.steps if step.kind.startswith("create_")]
    answers = played.answers
    told = {}
    for operation in online_migration_checks.WRITTEN:
        rows = EVENTS_IN_A_BATCH if operation == PROBE else 1
        mine = answers.name == operation
        open_ended = mine & (answers.status == 0)
        told[operation] = online_migration_checks.Told(
            int((mine & answers.good).sum()) * rows, int(open_ended.sum()) * rows
        )
    return online_migration_checks.check(path, study, made, ids, told)


def _settled(path: Path) -> int:
    """The size of the file with its whole log folded in, in bytes."""
    connection = connect(path)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()
    return path.stat().st_size
