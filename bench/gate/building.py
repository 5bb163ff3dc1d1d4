"""The two sides' databases: each built by its own tree's command line.

What both sides would do alike is done once. Times are not taken here.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.engines.sqlite.connection import connect
from bench.engines.sqlite.files import snapshot
from bench.engines.sqlite.migration_file import read_migration, run_migration
from bench.errors import BenchError
from bench.gate.migration_effects import effects
from bench.gate.processes import environment
from bench.gate.trees import MIGRATED_BY, SEEDED_BY, Tree
from bench.results.gate import SchemaChanges
from bench.spawn import kill, spawn
from seeds.manifest import manifest_path, read_manifest, rollup_path

Say = Callable[[str], None]
_LAST_LINES = 4


@dataclass(frozen=True, slots=True)
class Maker:
    """A side that makes its database: its code, its interpreter, and the file."""

    name: str
    tree: Tree
    python: Path
    database: Path


@dataclass(frozen=True, slots=True)
class _Step:
    """One command of a side's own command line; `what` completes "cannot be"."""

    side: Maker
    arguments: tuple[str, ...]
    what: str


def build(
    base: Maker, head: Maker, *, arm: str, scale: float, seed: int, scratch: Path, say: Say
) -> tuple[Path, Path]:
    """Seed and migrate both sides; the files, which are one where nothing tells them apart.

    Raises:
        BenchError: a side cannot be seeded, or brought to the arm.
    """
    alike = base.python == head.python
    seeds_alike = alike and base.tree.digest(SEEDED_BY) == head.tree.digest(SEEDED_BY)
    if seeds_alike and base.tree.digest(MIGRATED_BY) == head.tree.digest(MIGRATED_BY):
        say("seeding and migrations are equal on both sides: one database for both")
        _run(scratch, _seeding(head, scale, seed))
        _run(scratch, _migrating(head, arm))
        return head.database, head.database
    if seeds_alike:
        say("seeding is equal on both sides: one seeded database, migrated by each")
        _run(scratch, _seeding(base, scale, seed))
        copy_whole(base.database, head.database)
    else:
        say("each side seeds its database")
        _run(scratch, _seeding(base, scale, seed), _seeding(head, scale, seed))
    _run(scratch, _migrating(base, arm), _migrating(head, arm))
    return base.database, head.database


def migrated_copy(
    source: Path, target: Path, script: Path, say: Say
) -> tuple[SchemaChanges, tuple[str, ...]]:
    """Copy a database and run a migration's statements on the copy, one after another.

    `source` is a copy too. Returns what the migration took away, and sentences on what of the
    file was run.

    Raises:
        BenchError: a statement fails or is refused; see `run_migration`.
    """
    migration = read_migration(script)
    copy_whole(source, target)
    say(f"running {script.name} on a copy")
    connection = connect(target)
    try:
        run_migration(connection, migration)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()
    changes, _ = effects(source, target, migration, target.parent, foreign_keys=True)
    return changes, migration.notes


def copy_whole(source: Path, target: Path) -> None:
    """Copy a database and what the seeding left beside it."""
    snapshot(source, target)
    for beside in (manifest_path, rollup_path):
        if beside(source).is_file():
            shutil.copy(beside(source), beside(target))


def content_of(database: Path) -> str:
    """The hash of what was seeded, as the manifest has it."""
    return read_manifest(database).content_hash


def _seeding(side: Maker, scale: float, seed: int) -> _Step:
    given = ["--db", str(side.database), "--scale", str(scale), "--seed", str(seed), "--json"]
    return _Step(side, ("seed", *given), "seeded")


def _migrating(side: Maker, arm: str) -> _Step:
    given = ("migrate", "--db", str(side.database), "--arm", arm, "--json")
    return _Step(side, given, f"brought to the arm {arm}")


def _run(scratch: Path, *steps: _Step) -> None:
    """Run steps side by side, each by its tree's own command line; all end with this."""
    with ExitStack() as stack:
        running = []
        for step in steps:
            said = stack.enter_context((scratch / f"{step.side.name}.said").open("w+b"))
            process = spawn(
                [str(step.side.python), "-m", "bench.cli", *step.arguments],
                cwd=step.side.tree.path,
                env=environment(step.side.tree.path),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            stack.callback(kill, process)
            running.append((step, process, said))
        for step, process, said in running:
            if process.wait():
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines()
                raise BenchError(
                    f"The {step.side.name} ({step.side.tree.what}) cannot be {step.what}: "
                    f"{' | '.join(lines[-_LAST_LINES:]) or 'it said nothing'}"
                )
