"""Reads and copies any SQLite database so that nothing of it changes.

Neither the file nor its log, journal or index is written, created or removed, no time of change
moves, and read permission is enough, so a read-only file or folder works as well. Others may go
on using the database meanwhile.

How the file is opened depends on what lies beside it:

- a log with its index (`-wal`, `-shm`): `readonly_shm=1`. SQLite takes part in the locks of
 whoever has it open; if nobody has, it builds an index of its own in memory.
- a log without an index, or an index whose log holds no frame: exclusive locking without a
 lock (`unix-none`), which keeps the index in memory. Nobody has it open, and whoever opens it
 or writes to it meanwhile is noticed.
- in WAL mode without a log: `immutable=1`, since anything else creates one. Whoever opens
 and writes it meanwhile is noticed.
- in a rollback mode: read-only, under SQLite's shared lock. A journal that a killed writer
 left is rolled back in a copy.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import apsw

from bench.engines.sqlite.database_files import DatabaseError, in_sentences, require_utf8
from bench.engines.sqlite.file_state import (
    MOST_READINGS,
    State,
    all_beside,
    changed,
    guarded,
    settled,
    stamp_of,
    state_of,
)
from bench.measure.scratch import temporary

BUSY_TIMEOUT_MS = 5000
# From linux/fs.h: share the blocks of another file until one of both is written to.
_FICLONE = 0x40049409
_CHUNK_BYTES = 1 << 20


@contextmanager
def reading(path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Iterator[apsw.Connection]:
    """Open a database read-only for a block, in which nothing of it changes.

    Raises:
        DatabaseMissing, NotADatabase: there is no such file, or it cannot be read.
        DatabaseBusy: it stayed locked for `busy_timeout_ms`, or somebody who opened it
            meanwhile wrote to it.
    """
    with whole(path, busy_timeout_ms) as file, guarded(file, busy_timeout_ms) as (real, guard):
        state = state_of(real, guard)
        exclusive = state.kept == "nothing"
        before = settled(path, real) if exclusive else ()
        with _open_connection(path, real, state, busy_timeout_ms) as connection:
            try:
                yield connection
            except apsw.Error as error:
                if exclusive and stamp_of(real) != before:
                    raise changed(path) from error
                raise
            if exclusive and stamp_of(real) != before:
                raise changed(path)


@contextmanager
def whole(path: Path, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Iterator[Path]:
    """Yield a file that can be read without writing: the path, or a copy if a journal was left.

    Whoever reads a database several times calls this once around all of it.
    """
    with guarded(path, busy_timeout_ms) as (real, guard):
        left = state_of(real, guard).journal
    if not left:
        yield path
        return
    with temporary() as folder:
        copy = folder / real.name
        snapshot(path, copy, busy_timeout_ms=busy_timeout_ms)
        yield copy


@contextmanager
def looking(path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Iterator[apsw.Connection]:
    """Open a database as `reading` does, for a short look at its schema.

    Nobody who comes meanwhile is noticed, and a journal that was left behind is not rolled back.

    Raises:
        DatabaseMissing, NotADatabase, DatabaseBusy: see `reading`.
    """
    with guarded(path, busy_timeout_ms) as (real, guard):
        state = state_of(real, guard)
        if state.journal:
            state = State("immutable=1", "file")
        with _open_connection(path, real, state, busy_timeout_ms) as connection:
            yield connection


def snapshot(source: Path, target: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
    """Copy a database as it is now into one new file, the content of its log included.

    The journal mode stays the source's. `target` must not exist; after an error it does not
    either. Blocks are shared with the source where the file system can (FICLONE).
    This process must have no connection to the source: closing a file drops its locks.

    Raises:
        DatabaseMissing, NotADatabase: there is no such file, or it cannot be read.
        DatabaseBusy: it stayed locked for `busy_timeout_ms`, or it was opened and written
            to again and again while it was copied.
        DatabaseError: the copy cannot be written.
    """
    require_utf8(target)
    if target.exists():
        raise DatabaseError(f"{target} exists already; choose another name for the copy.")
    try:
        with _writing(source, target):
            _copied(source, target, busy_timeout_ms)
    except BaseException:
        _remove(target)
        raise


def _remove(target: Path) -> None:
    for file in (target, *all_beside(target)):
        with suppress(FileNotFoundError, NotADirectoryError):
            file.unlink()


def _copied(source: Path, target: Path, busy_timeout_ms: int) -> None:
    for _ in range(MOST_READINGS):
        _remove(target)
        with guarded(source, busy_timeout_ms) as (real, guard):
            state = state_of(real, guard)
            if state.log and state.kept == "rows":
                with _open_connection(source, real, state, busy_timeout_ms) as connection:
                    _backed_up(connection, target)
                return
            unsure = state.kept != "file"
            before = settled(source, real) if unsure else ()
            log, _, journal = all_beside(real)
            parts = [real, *[log] * state.log, *[journal] * state.journal]
            with _clones(parts, real, target):
                # Before the files are closed, which drops the lock of the guard as well.
                if unsure and stamp_of(real) != before:
                    continue
        with in_sentences(source):
            _recover(target, state)
        return
    raise changed(source)


@contextmanager
def _clones(parts: list[Path], source: Path, target: Path) -> Iterator[None]:
    """Copy files of one database to those of another, and keep them open for the block."""
    opened = []
    try:
        for part in parts:
            end = Path(f"{target}{part.name.removeprefix(source.name)}")
            opened += [part.open("rb"), end.open("wb")]
            from_, to = opened[-2:]
            try:
                fcntl.ioctl(to.fileno(), _FICLONE, from_.fileno())
            except OSError:
                shutil.copyfileobj(from_, to, _CHUNK_BYTES)
                to.flush()
        yield
    finally:
        for file in opened:
            file.close()


def _recover(copy: Path, state: State) -> None:
    """Fold a copied log into its copy, or roll back a copied journal; read the schema."""
    if not (state.log or state.journal):
        query, flags = "immutable=1", apsw.SQLITE_OPEN_READONLY
    else:
        query, flags = "mode=rw", apsw.SQLITE_OPEN_READWRITE
    uri = f"{copy.absolute().as_uri()}?{query}"
    with closing(apsw.Connection(uri, flags=flags | apsw.SQLITE_OPEN_URI)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        if state.log:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _backed_up(connection: apsw.Connection, target: Path) -> None:
    with closing(apsw.Connection(str(target))) as copy:
        # A copy that is thrown away need not survive a power cut.
        copy.pragma("synchronous", "off")
        copy.pragma("journal_mode", "off")
        with copy.backup("main", connection, "main") as backup:
            while not backup.done:
                # Raises BusyError or LockedError with the message "not an error".
                backup.step(-1)


@contextmanager
def _open_connection(
    path: Path, real: Path, state: State, busy_timeout_ms: int
) -> Iterator[apsw.Connection]:
    with in_sentences(path):
        connection = apsw.Connection(
            f"{real.as_uri()}?{state.query}",
            flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
        )
    try:
        with in_sentences(path):
            connection.set_busy_timeout(busy_timeout_ms)
            if state.log and state.kept == "nothing":
                connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                connection.pragma("locking_mode", "exclusive")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        with in_sentences(path):
            yield connection
    finally:
        connection.close()


@contextmanager
def _writing(source: Path, target: Path) -> Iterator[None]:
    """Say what hinders a copy in words of what to do."""
    try:
        with in_sentences(source):
            yield
    except (OSError, apsw.FullError) as error:
        raise DatabaseError(
            f"{source} cannot be copied to {target} ({error}); see that the folder is there, "
            "that it may be written to, and that the disk has space."
        ) from error
