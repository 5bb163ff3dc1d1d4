"""Reads and copies any SQLite database so that nothing of it changes.

Neither the file nor its log, journal or index is written, created or removed, no time of
change moves, and read permission is enough, so a read-only file or folder works as well.
Others may go on using the database meanwhile.

How the file is opened depends on what lies beside it:

- a log with its index (`-wal`, `-shm`): `readonly_shm=1`. SQLite takes part in the locks of
  whoever has it open; if nobody has, it builds an index of its own in memory.
- a log without an index: exclusive locking without a lock (`unix-none`), which keeps the
  index in memory. Nobody has it open, and whoever opens it meanwhile is noticed.
- in WAL mode without a log: `immutable=1`, since anything else creates one. Whoever opens
  and writes it meanwhile is noticed.
- in a rollback mode: read-only, under SQLite's shared lock. A journal that a killed writer
  left is rolled back in a copy.

No table of the shop and no HTTP may enter.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import apsw

from reference_app.database_files import (
    DatabaseBusy,
    DatabaseError,
    DatabaseMissing,
    NotADatabase,
    beside,
    in_sentences,
)

BUSY_TIMEOUT_MS = 5000
_HEADER = b"SQLite format 3\0"
# The header's file format of a database in WAL mode. Source: sqlite.org/fileformat2.html
_FORMAT_AT, _FORMAT_WAL = 19, 2
# From linux/fs.h: share the blocks of another file until one of both is written to.
_FICLONE = 0x40049409
_CHUNK_BYTES = 1 << 20
# Longer than the steps by which a file system counts times of change.
_TICK_S = 0.02
_TRIES = 5

_Stamp = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class _State:
    """How the files of a database have to be read, by the URI's `query`.

    `kept` tells what SQLite's locks keep as it is: "file" all of it while the shared lock is
    held, "rows" what a transaction reads, "nothing" where others are only noticed. `log` and
    `journal` say that they belong to the database's content.
    """

    query: str
    kept: Literal["file", "rows", "nothing"]
    log: bool = False
    journal: bool = False


@contextmanager
def reading(path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Iterator[apsw.Connection]:
    """Open a database read-only for a block, in which nothing of it changes.

    Raises:
        DatabaseMissing, NotADatabase: there is no such file, or it cannot be read.
        DatabaseBusy: it stayed locked for `busy_timeout_ms`, or somebody who opened it
            meanwhile wrote to it.
    """
    with whole(path, busy_timeout_ms) as file, _guarded(file, busy_timeout_ms) as (real, guard):
        state = _state(real, guard)
        alone = state.kept == "nothing"
        before = _settled(path, real) if alone else ()
        with _opened(path, real, state, busy_timeout_ms) as connection:
            try:
                yield connection
            except apsw.Error as error:
                if alone and _stamp(real) != before:
                    raise _changed(path) from error
                raise
            if alone and _stamp(real) != before:
                raise _changed(path)


@contextmanager
def whole(path: Path, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Iterator[Path]:
    """Yield a file that can be read without writing: the path, or a copy if a journal was left.

    Whoever reads a database several times calls this once around all of it.
    """
    with _guarded(path, busy_timeout_ms) as (real, guard):
        left = _state(real, guard).journal
    if not left:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="resale-bench-read-") as folder:
        copy = Path(folder, real.name)
        snapshot(path, copy, busy_timeout_ms=busy_timeout_ms)
        yield copy


@contextmanager
def looking(path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Iterator[apsw.Connection]:
    """Open a database as `reading` does, for a short look at its schema.

    Nobody who comes meanwhile is noticed, and a journal that was left behind is not rolled back.

    Raises:
        DatabaseMissing, NotADatabase, DatabaseBusy: see `reading`.
    """
    with _guarded(path, busy_timeout_ms) as (real, guard):
        state = _state(real, guard)
        if state.journal:
            state = _State("immutable=1", "file")
        with _opened(path, real, state, busy_timeout_ms) as connection:
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
    if target.exists():
        raise DatabaseError(f"{target} exists already; choose another name for the copy.")
    try:
        with _writing(source, target):
            _copied(source, target, busy_timeout_ms)
    except BaseException:
        _remove(target)
        raise


def _remove(target: Path) -> None:
    for file in (target, *_beside(target)):
        with suppress(FileNotFoundError, NotADirectoryError):
            file.unlink()


def _copied(source: Path, target: Path, busy_timeout_ms: int) -> None:
    for _ in range(_TRIES):
        _remove(target)
        with _guarded(source, busy_timeout_ms) as (real, guard):
            state = _state(real, guard)
            if state.log and state.kept == "rows":
                with _opened(source, real, state, busy_timeout_ms) as connection:
                    _backed_up(connection, target)
                return
            unsure = state.kept != "file"
            before = _settled(source, real) if unsure else ()
            log, _, journal = _beside(real)
            parts = [real, *[log] * state.log, *[journal] * state.journal]
            with _clones(parts, real, target):
                # Before the files are closed, which drops the lock of the guard as well.
                if unsure and _stamp(real) != before:
                    continue
        with in_sentences(source):
            _recover(target, state)
        return
    raise _changed(source)


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


def _recover(copy: Path, state: _State) -> None:
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
def _guarded(path: Path, busy_timeout_ms: int) -> Iterator[tuple[Path, apsw.VFSFile]]:
    """Hold SQLite's shared lock on a database for the block; yield its real path and file.

    In a rollback mode nobody writes to the file meanwhile. In WAL mode it keeps whoever closes
    the database last from removing the log: that stays until the next one opens and closes it.
    """
    real = _readable(path)
    with in_sentences(path):
        flags = [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0]
        guard = apsw.VFSFile("", str(real), flags)
        try:
            if guard.xRead(len(_HEADER), 0) != _HEADER:
                raise NotADatabase(
                    f"The file {path} is not a SQLite database; give the path of one."
                )
            deadline = time.monotonic() + busy_timeout_ms / 1000
            while True:
                try:
                    guard.xLock(apsw.SQLITE_LOCK_SHARED)
                    break
                except apsw.BusyError:
                    if time.monotonic() >= deadline:
                        raise
                    time.sleep(0.01)
        except BaseException:
            guard.xClose()
            raise
    try:
        yield real, guard
    finally:
        guard.xUnlock(apsw.SQLITE_LOCK_NONE)
        guard.xClose()


@contextmanager
def _opened(
    path: Path, real: Path, state: _State, busy_timeout_ms: int
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


def _readable(path: Path) -> Path:
    """The file itself, behind links.

    Raises:
        DatabaseMissing, NotADatabase: it is not there, is empty, or may not be read.
    """
    try:
        if not path.is_file():
            raise DatabaseMissing(f"There is no database {path}; check the path.")
        real = path.resolve()
        if real.stat().st_size == 0:
            raise NotADatabase(f"The file {path} is empty; give the path of a database.")
        for file in (real, *_beside(real)):
            if file.exists() and not os.access(file, os.R_OK, effective_ids=True):
                raise NotADatabase(f"{file} may not be read; give yourself permission to read it.")
    except PermissionError as error:
        raise NotADatabase(
            f"The folder of {path} may not be entered; give yourself permission to enter it."
        ) from error
    return real


def _state(real: Path, guard: apsw.VFSFile) -> _State:
    log, index, journal = _beside(real)
    size = _size(log)
    if size is not None and index.exists():
        return _State("mode=ro&readonly_shm=1", "rows", log=size > 0)
    if size:
        return _State("mode=ro&vfs=unix-none", "nothing", log=True)
    # A journal is the content's if its writer is gone; a finished one's first bytes are zero.
    if _size(journal) and not guard.xCheckReservedLock() and _first_byte(journal):
        return _State("", "file", journal=True)
    if guard.xRead(_FORMAT_AT + 1, 0)[_FORMAT_AT] == _FORMAT_WAL:
        return _State("immutable=1", "nothing")
    return _State("mode=ro", "file")


def _beside(path: Path) -> tuple[Path, Path, Path]:
    return (*beside(path), Path(f"{path}-journal"))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _first_byte(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return (file.read(1) or b"\0")[0]
    except FileNotFoundError:
        return 0


def _settled(path: Path, real: Path) -> _Stamp:
    """The stamp of files that only time can tell a change of; not younger than the clock's step.

    Raises:
        DatabaseBusy: somebody writes to them all the time.
    """
    for _ in range(_TRIES):
        stamp = _stamp(real)
        newest_ns = max(one[-1] for one in stamp if one is not None)
        if not 0 <= time.time_ns() - newest_ns < _TICK_S * 1e9:
            return stamp
        # Another change within this step would leave the same time of change.
        time.sleep(_TICK_S)
    raise _changed(path)


def _stamp(real: Path) -> _Stamp:
    """What tells whether a database was written to: its files, their sizes and times of change."""
    found: list[tuple[int, ...] | None] = []
    log, _, journal = _beside(real)
    for file in (real, log, journal):
        try:
            status = file.stat()
        except FileNotFoundError:
            found.append(None)
            continue
        found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _changed(path: Path) -> DatabaseBusy:
    return DatabaseBusy(
        f"The database {path} was opened and written to while it was read; "
        "run this again when nobody starts to use it."
    )


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
