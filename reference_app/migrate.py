"""List and apply migrations, which are numbered SQL files.

A migration and its record commit together.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from reference_app.database import DatabaseError, records_ours, transaction
from reference_app.sqltext import ScriptError, pieces

MIGRATIONS = Path(__file__).with_name("migrations")

# No UNIQUE on the name: its automatic index would be counted among the report's 55.
_RECORD_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number      INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    checksum    TEXT NOT NULL,
    applied_at  TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""
# How SQLite names the CHECK that failed; migrations name theirs by sentences.
_CHECK_FAILED = "CHECK constraint failed: "
_FILE_NAME = re.compile(r"(?P<number>\d{4})_\w+")


class MigrationError(DatabaseError):
    """A migration cannot be listed or applied; the text says which and what to do."""


class MigrationMissing(MigrationError):
    """No file bears the name."""


class MigrationEdited(MigrationError):
    """A file was changed after it had been applied."""


class MigrationOrder(MigrationError):
    """Migrations were requested in another order than their numbers."""


class MigrationRefused(MigrationError):
    """The rows of the database do not pass a check of the migration; the text says which."""


class MigrationBroken(MigrationError):
    """A file that is not a list of statements, or a statement that SQLite refuses."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file; `name` is the file's stem, `checksum` the sha256 of its bytes."""

    number: int
    name: str
    sql: str
    checksum: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The record that a database keeps of one migration."""

    number: int
    name: str
    checksum: str
    applied_at: str


@dataclass(frozen=True, slots=True)
class StatementRun:
    """How long one statement of a migration took."""

    migration: str
    sql: str
    duration_ns: int


def available(directory: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """All migrations of a folder, by number.

    Raises:
        MigrationOrder: two files bear the same number.
        MigrationBroken: a file's name is not NNNN_name.sql.
    """
    migrations: dict[int, Migration] = {}
    for path in sorted(directory.glob("*.sql")):
        matched = _FILE_NAME.fullmatch(path.stem)
        if matched is None:
            raise MigrationBroken(f"Rename {path.name}: a migration is called NNNN_name.sql.")
        number = int(matched["number"])
        if number in migrations:
            raise MigrationOrder(
                f"{migrations[number].name}.sql and {path.name} bear the same number; renumber one."
            )
        content = path.read_bytes()
        migrations[number] = Migration(
            number, path.stem, content.decode("utf-8"), hashlib.sha256(content).hexdigest()
        )
    return tuple(migrations.values())


def find(name: str, directory: Path = MIGRATIONS) -> Migration:
    """The migration of that name, for example "0002_safe_migration".

    Raises:
        MigrationMissing: no file bears the name.
    """
    migrations = available(directory)
    for migration in migrations:
        if migration.name == name:
            return migration
    known = ", ".join(migration.name for migration in migrations)
    raise MigrationMissing(f"There is no migration {name!r}; choose one of: {known}.")


def statements(migration: Migration) -> tuple[str, ...]:
    """The statements of a migration, comments before them left out.

    Raises:
        MigrationBroken: the last statement has no semicolon.
    """
    try:
        return tuple(piece.sql for piece in pieces(migration.sql))
    except ScriptError as error:
        raise MigrationBroken(f"{migration.name}.sql cannot be read: {error}") from error


def applied(connection: apsw.Connection) -> tuple[Applied, ...]:
    """What the database says was applied to it, by number; writes nothing."""
    # Other tools keep a record of that name too.
    if not records_ours(connection):
        return ()
    rows = connection.execute(
        "SELECT number, name, checksum, applied_at FROM schema_migrations ORDER BY number"
    ).fetchall()
    return tuple(
        Applied(int(str(number)), str(name), str(checksum), str(applied_at))
        for number, name, checksum, applied_at in rows
    )


def pending(
    connection: apsw.Connection,
    names: Sequence[str] | None = None,
    *,
    directory: Path = MIGRATIONS,
) -> tuple[Migration, ...]:
    """Which of `names` (all files, if None) are still to be applied; writes nothing.

    Raises:
        MigrationMissing: a name, or a record of the database, has no file.
        MigrationEdited: a file differs from what was applied.
        MigrationOrder: the names do not ascend, or one comes before what is applied.
    """
    migrations = {migration.name: migration for migration in available(directory)}
    records = applied(connection)
    _check_unedited(records, migrations)
    if names is None:
        requested: Iterable[Migration] = migrations.values()
    else:
        requested = [find(name, directory) for name in names]
    done_names = {record.name for record in records}
    waiting = tuple(migration for migration in requested if migration.name not in done_names)
    _check_order(waiting, last=max((record.number for record in records), default=0))
    return waiting


def _check_unedited(done: Iterable[Applied], migrations: dict[str, Migration]) -> None:
    for record in done:
        migration = migrations.get(record.name)
        if migration is None:
            raise MigrationMissing(
                f"The database was migrated with {record.name}.sql, which is not here; "
                "use the version of the code that has it, or seed the database again."
            )
        if migration.checksum != record.checksum:
            raise MigrationEdited(
                f"{record.name}.sql was edited after it had been applied to this database; "
                "restore the file and put the change into a new migration."
            )


def _check_order(waiting: Iterable[Migration], last: int) -> None:
    for migration in waiting:
        if migration.number <= last:
            raise MigrationOrder(
                f"{migration.name}.sql would come after number {last:04d}; "
                "apply migrations by ascending number, to a fresh database if need be."
            )
        last = migration.number


def apply(
    connection: apsw.Connection,
    names: Sequence[str] | None = None,
    *,
    observe: Callable[[StatementRun], None] | None = None,
    directory: Path = MIGRATIONS,
) -> tuple[Migration, ...]:
    """Apply what is pending of `names`; each migration and its record in one transaction.

    `observe` is called after every statement, inside the transaction.

    Raises:
        MigrationError: as `pending` does; and MigrationBroken, naming file and statement,
            if SQLite refuses one; MigrationRefused if a check does.
            Nothing of that migration is left then.
        DatabaseBusy: another connection holds the write lock.
    """
    migrations = pending(connection, names, directory=directory)
    for migration in migrations:
        with transaction(connection):
            for sql in statements(migration):
                run = _run(connection, migration, sql)
                if observe is not None:
                    observe(run)
            record(connection, migration)
    return migrations


def _run(connection: apsw.Connection, migration: Migration, sql: str) -> StatementRun:
    started_ns = time.perf_counter_ns()
    try:
        connection.execute(sql)
    except (apsw.SQLError, apsw.ConstraintError) as error:
        _, check, sentence = str(error).partition(_CHECK_FAILED)
        if check:
            raise MigrationRefused(
                f"{migration.name}.sql was rolled back, nothing is changed: {sentence}; "
                "mend these rows and apply it again."
            ) from error
        raise MigrationBroken(
            f"{migration.name}.sql failed and was rolled back at {sql.splitlines()[0][:80]!r}: "
            f"{error}; mend the file and apply it again."
        ) from error
    return StatementRun(migration.name, sql, time.perf_counter_ns() - started_ns)


def recording(migration: Migration) -> tuple[tuple[str, tuple[int | str, ...]], ...]:
    """The statements that write down that a migration was applied, with their parameters."""
    return (
        (_RECORD_TABLE, ()),
        (
            "INSERT INTO schema_migrations (number, name, checksum) VALUES (?, ?, ?)",
            (migration.number, migration.name, migration.checksum),
        ),
    )


def record(connection: apsw.Connection, migration: Migration) -> None:
    """Write down that a migration was applied, in the caller's transaction."""
    for sql, parameters in recording(migration):
        connection.execute(sql, parameters)
