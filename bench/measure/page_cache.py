"""Bring files into the operating system's page cache in one defined way.

How a file came into the cache decides how fast it is read from there. What SQLite wrote page by
page lies there in pages of 4 KiB, what was copied or read ahead in larger ones (folios), and a
scan of the former takes 2 to 7 % longer. Pages that nobody has touched for a while may be gone
altogether, and one read from the disk costs more than a whole short write. So files that are
to be compared are written out, dropped from the cache and read anew, all alike.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

_CHUNK_BYTES = 1 << 20


def reload(files: Iterable[Path]) -> bool:
    """Drop the files from the page cache and read each from its first to its last byte.

    Returns False, and reads nothing, where they do not fit into the memory that is free: each
    would push the others out. The files themselves stay as they are.

    Raises:
        OSError: a file cannot be read.
    """
    paths = sorted(set(files))
    for path in paths:
        _drop(path)
    if sum(path.stat().st_size for path in paths) > psutil.virtual_memory().available:
        return False
    for path in paths:
        with path.open("rb", buffering=0) as file:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            while file.read(_CHUNK_BYTES):
                pass
    return True


def _drop(path: Path) -> None:
    # Absent on macOS, where a file's pages stay in the cache as they are.
    if not hasattr(os, "posix_fadvise"):
        return
    with path.open("rb") as file:
        # Only pages that the disk has can be dropped.
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
