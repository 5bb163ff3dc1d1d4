"""A lock on a database: shared by servers, exclusive for a migration.

It is an flock on the file itself, which SQLite does not use: it needs no lock file, and ends with
the process that holds it.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reference_app.database_files import DatabaseBusy, DatabaseError

# A file system without such locks: the database is used unlocked.
_UNKNOWN_THERE = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


class FileLock:
    """A lock on a database's file, until it is closed.

    Close it after every connection of this process to the database: closing any descriptor of a
    file drops the locks that SQLite has on it.

    Raises:
        DatabaseBusy: a migration holds it, or anybody if `exclusive`.
        DatabaseError: the file cannot be opened.
    """

    def __init__(self, path: Path, *, exclusive: bool = False) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise DatabaseError(f"{path} cannot be opened ({error.strerror}).") from error
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise DatabaseBusy(
                f"A server or another migration has {path} open; stop it, then migrate."
                if exclusive
                else f"The database {path} is being migrated; start the server when that is done."
            ) from error
        except OSError as error:
            if error.errno not in _UNKNOWN_THERE:
                self.close()
                raise

    def close(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold the lock exclusively for the block.

    Raises:
        DatabaseBusy: a server or another migration has the database open.
    """
    hold = FileLock(path, exclusive=True)
    try:
        yield
    finally:
        hold.close()
