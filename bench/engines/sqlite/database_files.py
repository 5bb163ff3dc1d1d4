"""The files of a database, and the errors that say why they cannot be used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from bench.errors import BenchError


class DatabaseError(BenchError):
    """The database cannot be used; the text is one sentence that says what to do next."""


class DatabaseMissing(DatabaseError):
    """There is no file under the given path."""


class NotADatabase(DatabaseError):
    """The file is there, and SQLite cannot read or open it."""


class DatabaseBusy(DatabaseError):
    """Another connection held the write lock for longer than the busy timeout."""


def require_utf8(path: Path) -> None:
    """Refuse a name that SQLite cannot be told, as it takes text in UTF-8 only.

    Raises:
        NotADatabase: the path has other bytes.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        name = os.fsencode(path).decode(errors="backslashreplace")
        raise NotADatabase(
            f"The name {name} is not UTF-8, and SQLite opens no other; rename it, or its folder, "
            "to a name in UTF-8."
        ) from error


def beside(path: Path) -> tuple[Path, Path]:
    """The write-ahead log of a database and its index; whoever closes it last removes both."""
    return Path(f"{path}-wal"), Path(f"{path}-shm")


@contextmanager
def in_sentences(path: Path) -> Iterator[None]:
    """Say what SQLite refuses in words of what to do."""
    try:
        yield
    except apsw.CantOpenError as error:
        raise NotADatabase(
            f"The database {path} cannot be opened; check its folder and its permissions."
        ) from error
    except apsw.NotADBError as error:
        raise NotADatabase(
            f"The file {path} is not a SQLite database; give the path of one."
        ) from error
    except apsw.CorruptError as error:
        raise NotADatabase(
            f"The database {path} is damaged ({error}); restore it from a backup, "
            f"or save what can still be read with `sqlite3 {path} .recover`."
        ) from error
    except apsw.PermissionsError as error:
        raise NotADatabase(
            f"The database {path} may not be opened ({error}); check its permissions."
        ) from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise DatabaseBusy(
            f"The database {path} is locked by another process; wait for it or stop it."
        ) from error
    except apsw.ProtocolError as error:
        raise DatabaseBusy(
            f"The write-ahead log of {path} changes all the time, or nobody can make sense of it "
            f"({error}); stop the other processes that use the database and run this again."
        ) from error
    except apsw.ReadOnlyError as error:
        raise NotADatabase(
            f"The database {path} is read-only; make the file and its folder writable."
        ) from error
