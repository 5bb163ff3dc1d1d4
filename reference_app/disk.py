"""Whether there is space to write to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from reference_app.database import DatabaseError

# The largest request that is stored, and the pages and indexes that it touches.
SPACE_BYTES = 1_048_576


def check_space(folders: Iterable[Path], size_bytes: int = SPACE_BYTES) -> None:
    """Reserve so much space in a nameless file of each folder, and give it back.

    Free space as the file system tells it says nothing of quotas and limits of the process.

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
