"""Check for disk space."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from reference_app.database import DatabaseError

# The largest stored request, with the pages and indexes that it touches.
SPACE_BYTES = 1_048_576


def check_space(folders: Iterable[Path], size_bytes: int = SPACE_BYTES) -> None:
    """Reserve so much space in an unnamed file of each folder, and release it.

    The free space of the file system ignores quotas and limits of the process.

    Raises:
        DatabaseError: one of the folders has not so much.
    """
    for folder in folders:
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                os.posix_fallocate(file.fileno(), 0, size_bytes)
        except OSError as error:
            raise DatabaseError(
                f"The shop cannot write ({error.strerror}); free some of its disk."
            ) from error
