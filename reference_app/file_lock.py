"""Who may have a database of the shop open: servers beside each other, or one migration alone.

A lock of the operating system on the file itself (flock), which SQLite does not use: no file lies
beside the database, and the lock ends with the process that holds it.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reference_app.database_files import DatabaseBusy, DatabaseError

# A file system without such locks keeps nobody from anything.
_UNKNOWN_THERE = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


class FileLock:
    """A lock on a database's file, until it is closed.

    Close it after every connection of this process to the database: closing any descriptor of a
    file drops the locks that SQLite has on it.

    Raises:
        DatabaseBusy: a migration holds it, or, for an `exclusive` hold, anybody.
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
        """Let others have it."""
        os.close(self._descriptor)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep servers from a database for the block.

    Raises:
        DatabaseBusy: one has it open.
    """
    hold = FileLock(path, exclusive=True)
    try:
        yield
    finally:
        hold.close()
