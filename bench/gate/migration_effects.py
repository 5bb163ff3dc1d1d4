"""What a migration takes away from a database, and what it would in one transaction."""

from __future__ import annotations

import re
import shutil
from contextlib import closing
from pathlib import Path

from bench.engines.records import Inventory, MigrationFile
from bench.engines.sqlite.custom import connect_custom
from bench.engines.sqlite.guard import guard
from bench.engines.sqlite.inventory import inventory
from bench.engines.sqlite.migration_file import stand_in
from bench.engines.sqlite.types import SqlError
from bench.engines.sqlite.values import drain
from bench.judge.schema_changes import compare, vanishing
from bench.results.gate import SchemaChanges

_DISABLES = re.compile(r"PRAGMA\s+(?:\w+\.)?foreign_keys\s*[=(]\s*'?(?:off|0|no|false)\b", re.I)
_BRACKET = re.compile(r"(?:BEGIN|COMMIT|END)\b", re.I)


def effects(
    base: Path, head: Path, migration: MigrationFile, scratch: Path, *, foreign_keys: bool
) -> tuple[SchemaChanges, tuple[str, ...]]:
    """What became of a database by a migration that was run, and a note on foreign keys.

    Raises:
        SqlError: a copy cannot be read.
    """
    before, after = inventory(base), inventory(head)
    changes = compare(before, after, migration.statements)
    if foreign_keys and any(_DISABLES.match(sql) for sql in migration.statements):
        warning = _in_transaction(base, after, migration, scratch / "transaction.db")
        changes = changes.model_copy(update={"warnings": () if warning is None else (warning,)})
    if not any(facts.foreign_keys for facts in (*before.tables.values(), *after.tables.values())):
        return changes, ()
    if foreign_keys:
        how = "on; --no-foreign-keys gates for an application that leaves them off"
    else:
        how = "off, as --no-foreign-keys says"
    return changes, (f"For the migration and for writes foreign keys were {how}.",)


def _in_transaction(
    base: Path, head: Inventory, migration: MigrationFile, copy: Path
) -> str | None:
    """What the same statements delete in one transaction; None where they cannot run in one."""
    shutil.copyfile(base, copy)
    try:
        with closing(connect_custom(copy, writable=True)) as connection:
            connection.pragma("synchronous", "off")
            stand_in(connection)
            guard(connection)
            connection.execute("BEGIN")
            for sql in migration.statements:
                if not _BRACKET.match(sql):
                    drain(connection.execute(sql))
            connection.execute("COMMIT")
        return vanishing(head, inventory(copy))
    except SqlError:
        return None
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{copy}{suffix}").unlink(missing_ok=True)
