"""How the files of a database lie: locked by whom, with what beside them, and whether they change.

No connection is opened here, and nothing is written.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import apsw

from bench.engines.sqlite.database_files import (
    DatabaseBusy,
    DatabaseMissing,
    NotADatabase,
    beside,
    in_sentences,
    require_utf8,
)

_HEADER = b"SQLite format 3\0"
# The header's file format of a database in WAL mode. Source: sqlite.org/fileformat2.html
_FORMAT_AT, _FORMAT_WAL = 19, 2
# The write-ahead log's header: magic, version, page size, checkpoints, two salts, two checksums.
_LOG_HEADER = struct.Struct(">8I")
_LOG_MAGIC, _LEAST_PAGE, _MOST_PAGE = 0x377F0682, 512, 65536
# Longer than the steps by which a file system counts times of change.
_TICK_S = 0.02
MOST_READINGS = 5

Stamp = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class State:
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
def guarded(path: Path, busy_timeout_ms: int) -> Iterator[tuple[Path, apsw.VFSFile]]:
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


def _readable(path: Path) -> Path:
    """The file itself, behind links.

    Raises:
        DatabaseMissing, NotADatabase: it is not there, is empty, may not be read, or has a name
            that is not UTF-8.
    """
    try:
        if not path.is_file():
            raise DatabaseMissing(f"There is no database {path}; check the path.")
        real = path.resolve()
        for name in (path, real):
            require_utf8(name)
        if real.stat().st_size == 0:
            raise NotADatabase(f"The file {path} is empty; give the path of a database.")
        for file in (real, *all_beside(real)):
            if file.exists() and not os.access(file, os.R_OK, effective_ids=True):
                raise NotADatabase(f"{file} may not be read; give yourself permission to read it.")
    except PermissionError as error:
        raise NotADatabase(
            f"The folder of {path} may not be entered; give yourself permission to enter it."
        ) from error
    return real


def state_of(real: Path, guard: apsw.VFSFile) -> State:
    """How a guarded database has to be read, as its files lie now."""
    log, index, journal = all_beside(real)
    size = _size(log)
    if size is not None and index.exists() and (size < _LOG_HEADER.size or _holds_frames(log)):
        return State("mode=ro&readonly_shm=1", "rows", log=size > 0)
    # Of a log without frames SQLite cannot build an index beside one that it may only read: it
    # tries for ten seconds and gives up ("locking protocol").
    if size:
        return State("mode=ro&vfs=unix-none", "nothing", log=True)
    # A journal is the content's if its writer is gone; a finished one's first bytes are zero.
    if _size(journal) and not guard.xCheckReservedLock() and _first_byte(journal):
        return State("", "file", journal=True)
    if guard.xRead(_FORMAT_AT + 1, 0)[_FORMAT_AT] == _FORMAT_WAL:
        return State("immutable=1", "nothing")
    return State("mode=ro", "file")


def all_beside(path: Path) -> tuple[Path, Path, Path]:
    """The write-ahead log of a database, its index, and the rollback journal."""
    return (*beside(path), Path(f"{path}-journal"))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _holds_frames(log: Path) -> bool:
    """Whether SQLite looks for frames in a log: something follows a header of its kind.

    Source: sqlite.org/fileformat2.html, section 4
    """
    try:
        with log.open("rb") as file:
            header = file.read(_LOG_HEADER.size + 1)
    except FileNotFoundError:
        return False
    if len(header) <= _LOG_HEADER.size:
        return False
    words: tuple[int, ...] = _LOG_HEADER.unpack_from(header)
    magic, _, page_size, *_ = words
    return (
        magic & ~1 == _LOG_MAGIC
        and _LEAST_PAGE <= page_size <= _MOST_PAGE
        and page_size.bit_count() == 1
    )


def _first_byte(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return (file.read(1) or b"\0")[0]
    except FileNotFoundError:
        return 0


def settled(path: Path, real: Path) -> Stamp:
    """The stamp of files that only time can tell a change of; not younger than the clock's step.

    Raises:
        DatabaseBusy: somebody writes to them all the time.
    """
    for _ in range(MOST_READINGS):
        stamp = stamp_of(real)
        newest_ns = max(part[-1] for part in stamp if part is not None)
        if not 0 <= time.time_ns() - newest_ns < _TICK_S * 1e9:
            return stamp
        # Another change within this step would leave the same time of change.
        time.sleep(_TICK_S)
    raise changed(path)


def stamp_of(real: Path) -> Stamp:
    """What tells whether a database was written to: its files, their sizes and times of change."""
    parts: list[tuple[int, ...] | None] = []
    log, _, journal = all_beside(real)
    for file in (real, log, journal):
        try:
            status = file.stat()
        except FileNotFoundError:
            parts.append(None)
            continue
        parts.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(parts)


def changed(path: Path) -> DatabaseBusy:
    """The error that tells of a writer who came."""
    return DatabaseBusy(
        f"The database {path} was opened and written to while it was read; "
        "run this again when nobody starts to use it."
    )
