"""Looks at any SQLite database so that nothing of it changes.

Neither the file nor its log, journal or index is written, created or removed, and read permission
is enough. Others may go on using the database meanwhile. How the file is opened depends on what
lies beside it:

- a log with its index (`-wal`, `-shm`): `readonly_shm=1`. SQLite takes part in the locks of
 whoever has it open; if nobody has, it builds an index of its own in memory.
- a log without an index, or an index whose log holds no frame: exclusive locking without a
 lock (`unix-none`), which keeps the index in memory. Nobody has it open.
- in WAL mode without a log: `immutable=1`, since anything else creates one.
- in a rollback mode: read-only, under SQLite's shared lock; with a journal that a killed writer
 left, which is not rolled back, `immutable=1`.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from reference_app.database_files import (
    DatabaseMissing,
    NotADatabase,
    beside,
    demand_utf8,
    in_sentences,
)

_HEADER = b"SQLite format 3\0"
# The header's file format of a database in WAL mode. Source: sqlite.org/fileformat2.html
_FORMAT_AT, _FORMAT_WAL = 19, 2
# The write-ahead log's header: magic, version, page size, checkpoints, two salts, two checksums.
_LOG_HEADER = struct.Struct(">8I")
_LOG_MAGIC, _LEAST_PAGE, _MOST_PAGE = 0x377F0682, 512, 65536
_NO_INDEX = "mode=ro&vfs=unix-none"


@contextmanager
def looking(path: Path, *, busy_timeout_ms: int = 5000) -> Iterator[apsw.Connection]:
    """Open a database read-only for a block; nobody who comes meanwhile is noticed.

    Raises:
        DatabaseMissing, NotADatabase: there is no such file, or it cannot be read.
        DatabaseBusy: it stayed locked for `busy_timeout_ms`.
    """
    with _guarded(path, busy_timeout_ms) as (real, guard), in_sentences(path):
        query = _query(real, guard)
        with closing(
            apsw.Connection(
                f"{real.as_uri()}?{query}",
                flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
            )
        ) as connection:
            connection.set_busy_timeout(busy_timeout_ms)
            if query == _NO_INDEX:
                connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                connection.pragma("locking_mode", "exclusive")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            yield connection


@contextmanager
def _guarded(path: Path, busy_timeout_ms: int) -> Iterator[tuple[Path, apsw.VFSFile]]:
    """Hold SQLite's shared lock on a database for the block; yield its real path and file.

    It keeps whoever closes the database last from removing the log.
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


def _readable(path: Path) -> Path:
    """The file itself, behind links."""
    try:
        if not path.is_file():
            raise DatabaseMissing(f"There is no database {path}; check the path.")
        real = path.resolve()
        for name in (path, real):
            demand_utf8(name)
        if real.stat().st_size == 0:
            raise NotADatabase(f"The file {path} is empty; give the path of a database.")
        for file in (real, *beside(real)):
            if file.exists() and not os.access(file, os.R_OK, effective_ids=True):
                raise NotADatabase(f"{file} may not be read; give yourself permission to read it.")
    except PermissionError as error:
        raise NotADatabase(
            f"The folder of {path} may not be entered; give yourself permission to enter it."
        ) from error
    return real


def _query(real: Path, guard: apsw.VFSFile) -> str:
    """How a guarded database has to be opened, as its files lie now."""
    log, index = beside(real)
    begin = _begin(log)
    if begin is not None and index.exists() and (len(begin) < _LOG_HEADER.size or _framed(begin)):
        return "mode=ro&readonly_shm=1"
    # Of a log without frames SQLite cannot build an index beside one that it may only read: it
    # tries for ten seconds and gives up ("locking protocol").
    if begin:
        return _NO_INDEX
    # A journal is the content's if its writer is gone; a finished one's first bytes are zero.
    journal = _begin(Path(f"{real}-journal"))
    left = bool(journal and journal[0]) and not guard.xCheckReservedLock()
    if left or guard.xRead(_FORMAT_AT + 1, 0)[_FORMAT_AT] == _FORMAT_WAL:
        return "immutable=1"
    return "mode=ro"


def _begin(file: Path) -> bytes | None:
    try:
        with file.open("rb") as opened:
            return opened.read(_LOG_HEADER.size + 1)
    except FileNotFoundError:
        return None


def _framed(log: bytes) -> bool:
    """Whether SQLite looks for frames in a log: something follows a header of its kind.

    Source: sqlite.org/fileformat2.html, section 4
    """
    if len(log) <= _LOG_HEADER.size:
        return False
    words: tuple[int, ...] = _LOG_HEADER.unpack_from(log)
    magic, _, page_size, *_ = words
    return (
        magic & ~1 == _LOG_MAGIC
        and _LEAST_PAGE <= page_size <= _MOST_PAGE
        and page_size.bit_count() == 1
    )
