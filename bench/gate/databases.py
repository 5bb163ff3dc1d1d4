"""The databases of both sides and of the control, and the processes that open them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.engines.sqlite.custom import connect_custom
from bench.engines.sqlite.migration_file import read_migration, run_migration, stand_in
from bench.gate.migration_effects import effects
from bench.gate.processes import WorkerSpec
from bench.gate.timing import CONTROL
from bench.results.gate import SchemaChanges

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migration took away; sentences on what of its file was run, and on foreign keys."""

    changes: SchemaChanges | None = None
    notes: tuple[str, ...] = ()
    foreign_keys_notes: tuple[str, ...] = ()


def migrated(database: Path, script: Path, *, foreign_keys: bool = True) -> tuple[str, ...]:
    """Run a migration's statements one after another, as `sqlite3 database < script` does.

    Returns sentences on what of it was run, and how.

    Raises:
        BenchError: a statement fails or is refused, or the script leaves a transaction open.
    """
    migration = read_migration(script)
    with closing(connect_custom(database, writable=True, foreign_keys=foreign_keys)) as connection:
        # A copy that is thrown away need not survive a power cut.
        connection.pragma("synchronous", "off")
        collations = stand_in(connection)
        run_migration(connection, migration)
    return (*migration.notes, *collations.notes)


def migrate_head(
    base: Path, head: Path, script: Path, say: Say, *, foreign_keys: bool = True
) -> Migrated:
    """Run a migration on the head's copy of the base's database, and compare the two.

    Raises:
        BenchError: see `migrated`.
    """
    say(f"running {script.name} on a copy")
    notes = migrated(head, script, foreign_keys=foreign_keys)
    migration = read_migration(script)
    changes, more = effects(base, head, migration, head.parent, foreign_keys=foreign_keys)
    return Migrated(changes, notes, more)


def control_of(base: WorkerSpec, head: WorkerSpec) -> WorkerSpec:
    """The base a second time: what both differ by is noise.

    On the file that all share, else on one more copy of the base's.
    """
    if base.database == head.database:
        return replace(base, name=CONTROL)
    database = base.scratch / f"{CONTROL}.db"
    shutil.copyfile(base.database, database)
    return replace(base, name=CONTROL, database=database)


@contextmanager
def kept_open(database: Path) -> Iterator[None]:
    """Keep one connection open, so that no side's is ever the last to close.

    The last one removes the write-ahead log, under the hands of whoever opens the file then.
    """
    with closing(connect_custom(database)) as connection:
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
        yield
