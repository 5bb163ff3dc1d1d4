"""Read files anew in this process, which ends then; bench.measure.page_cache starts it.

    python -I -S bench/measure/cold_reading.py (read | drop) FILE...

Each is written out and dropped from the page cache; with `read` all of them are read then. The
error of a file that cannot be opened or read is printed, its number first.

No package may be imported.
"""

from __future__ import annotations

import os
import sys

_CHUNK_BYTES = 1 << 20


def main(what: str, paths: list[str]) -> int:
    """Drop the files, and read them if asked to; 1 if one of them cannot be read."""
    for step in (_drop, _read) if what == "read" else (_drop,):
        for path in paths:
            try:
                step(path)
            except OSError as error:
                print(error.errno)
                print(os.fsencode(path).hex())
                return 1
    return 0


def _drop(path: str) -> None:
    # Absent on macOS, where a file's pages stay in the cache as they are.
    if not hasattr(os, "posix_fadvise"):
        return
    with open(path, "rb") as file:
        # Only pages that the disk has can be dropped.
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _read(path: str) -> None:
    with open(path, "rb", buffering=0) as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while file.read(_CHUNK_BYTES):
            pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
