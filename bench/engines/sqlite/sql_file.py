"""SQL files that a user brings: read as text, and sentences for what SQLite refuses of them."""

from __future__ import annotations

from pathlib import Path

import apsw

from bench.engines.sqlite.guard import Guard
from bench.errors import BenchError

_SHOWN = 60


def read_sql(path: Path) -> str:
    """Read a file of SQL, every character as it is but for a byte order mark at its beginning.

    Raises:
        BenchError: it cannot be read, or is not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BenchError(
            f"{path} cannot be read ({error.strerror}); check its permissions."
        ) from None
    except UnicodeDecodeError:
        raise BenchError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    # UTF-16 without a mark: every second byte is zero, which UTF-8 allows.
    if "\0" in text:
        raise BenchError(f"{path} is not UTF-8 text, or holds NUL characters; save it as UTF-8.")
    return text


def raise_refused(path: Path, sql: str, error: apsw.Error, guarded: Guard) -> None:
    """Raise what is not the SQL's fault, or what the guard refused, in words of what to do.

    Raises:
        BenchError: the guard refused the statement, or the database is damaged.
        apsw.FullError, apsw.IOError, apsw.CantOpenError: the disk failed, not the statement.
    """
    if guarded.refused is not None:
        raise BenchError(
            f"{path} has a statement that is not run, {sql[:_SHOWN]!r}: "
            f"{guarded.refused}. Only the copies of the database may change, so take it out."
        ) from error
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        raise BenchError(
            f"The database is damaged: {sql[:_SHOWN]!r} of {path} fails on a copy ({error}). Look "
            "at it with PRAGMA integrity_check, and restore it from a backup or with .recover."
        ) from error
    if isinstance(error, apsw.FullError | apsw.IOError | apsw.CantOpenError):
        raise error
