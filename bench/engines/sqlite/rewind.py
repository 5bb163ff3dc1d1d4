"""Puts a served database back to the state before its load, and reads both states.

A server that never folds its log in leaves the database file as it was: to delete the log is to
have the old state again, at any size of the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import apsw

from bench.engines.sqlite.connection import connect
from bench.engines.sqlite.files import DatabaseMissing, beside
from bench.errors import BenchError

_HEADER_BYTES, _WAL_VERSIONS = 20, b"\x02\x02"
_END_BYTES = 65_536


class NotRewindable(BenchError):
    """The database cannot be rewound, or not be said to be; the text says what to do next."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a file that nobody has written to keeps."""

    inode: int
    size_bytes: int
    changed_at_ns: int
    ends: bytes


class Rewound:
    """A database file that is as it was when the block ends, whatever a server has written.

    Its servers must never fold the log into the file, and have ended (killed or not) when the
    block does. `side_files` are databases that a server keeps beside it; they are put aside
    meanwhile, so that servers begin without.

    Raises:
        DatabaseMissing: there is no such file.
        NotRewindable: at the start, it has a log, is open elsewhere, or keeps no log; at the
            end, somebody still has it open, or has written to the file itself. An error of the
            block goes before that of its end, which is noted with it.
    """

    def __init__(self, path: Path, side_files: Sequence[Path] = ()) -> None:
        self.path = path
        self._side_files = tuple(name for file in side_files for name in _with_log(file))
        self._mark: _Mark | None = None

    def __enter__(self) -> Rewound:
        self._mark = _marked(self.path)
        _put_aside(self._side_files)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._rewind()
        except NotRewindable as failed:
            if error is None:
                raise
            error.add_note(str(failed))

    def _rewind(self) -> None:
        _require_closed(self.path, "stop its server before it is rewound")
        for left in beside(self.path):
            left.unlink(missing_ok=True)
        _take_back(self._side_files)
        if _mark_of(self.path) != self._mark:
            raise NotRewindable(
                f"The database {self.path} itself was written to during the load, so that its old "
                "state is lost; make the copy anew, and serve it without checkpoints."
            )


def _marked(path: Path) -> _Mark:
    """The mark of a file that can be rewound.

    Raises:
        DatabaseMissing: there is no such file.
        NotRewindable: it has a log, is open elsewhere, or keeps no log.
    """
    if not path.is_file():
        raise DatabaseMissing(f"There is no database {path}; seed one or check the path.")
    left = [file_left.name for file_left in beside(path) if file_left.exists()]
    if left:
        raise NotRewindable(
            f"The database {path} is open elsewhere, or was left with its log ({left[0]}); stop "
            "what uses it, or open and close it once with the sqlite3 command line."
        )
    with path.open("rb") as file:
        if file.read(_HEADER_BYTES)[-2:] != _WAL_VERSIONS:
            raise NotRewindable(
                f"The database {path} keeps no write-ahead log; give one made by "
                "`resale-bench seed`, or set PRAGMA journal_mode=WAL on it."
            )
    mark = _mark_of(path)
    _require_closed(path, "stop what uses it")
    return mark


def _mark_of(path: Path) -> _Mark:
    stat = path.stat()
    with path.open("rb") as file:
        first = file.read(_END_BYTES)
        file.seek(max(0, stat.st_size - _END_BYTES))
        ends = hashlib.blake2b(first + file.read(), digest_size=16).digest()
    return _Mark(stat.st_ino, stat.st_size, stat.st_mtime_ns, ends)


def _require_closed(path: Path, otherwise: str) -> None:
    """Refuse a database that has an open connection, in this process or another.

    Whoever locks the file for itself alone gets that only when nobody else has it open;
    SQLite then keeps the index of the log in its own memory and touches no file.

    Raises:
        NotRewindable: it has one.
    """
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as exclusive:
            exclusive.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(beside(path)[0].exists()))
            exclusive.pragma("locking_mode", "exclusive")
            exclusive.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except apsw.BusyError as error:
        raise NotRewindable(f"The database {path} is open elsewhere; {otherwise}.") from error


def _with_log(path: Path) -> tuple[Path, ...]:
    """A database file and what may lie beside it."""
    return path, *beside(path)


def _put_aside(files: Sequence[Path]) -> None:
    if any(_aside(file).exists() for file in files):
        # An earlier block was killed before it could put them back.
        _take_back(files)
    for file in files:
        if file.exists():
            file.rename(_aside(file))


def _take_back(files: Sequence[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
        if _aside(file).exists():
            _aside(file).rename(file)


def _aside(file: Path) -> Path:
    return file.with_name(f"{file.name}.aside")


@contextmanager
def reading_with_state_before(path: Path) -> Iterator[apsw.Connection]:
    """A connection to the state that a file has with its log; `was` is the state without it.

    `immutable` is what makes SQLite read a file and look for no log of it. No file is changed.
    Source: https://www.sqlite.org/uri.html#uriimmutable

    Raises:
        DatabaseMissing: there is no such file.
    """
    if not path.is_file():
        raise DatabaseMissing(f"There is no database {path}; check its path.")
    connection = apsw.Connection(
        path.absolute().as_uri(), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI
    )
    try:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.pragma("query_only", True)
        connection.execute("ATTACH ? AS was", (f"{path.absolute().as_uri()}?immutable=1",))
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()


def log_bytes(path: Path) -> int:
    """Return the size of the log of a served file, in bytes."""
    return size_of(beside(path)[0])


def size_of(path: Path) -> int:
    """The length of a file; 0 where there is none."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def fold_log(path: Path) -> int:
    """Fold the whole log of a database into its file; return the file's size in bytes."""
    connection = connect(path)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()
    return path.stat().st_size
