"""Bring files into the operating system's page cache in one defined way.

How a file came into the cache decides how fast it is read from there. What SQLite wrote page by
page lies there in pages of 4 KiB, what was copied or read ahead in larger ones (folios), and a
scan of the former takes 2 to 7 % longer. Pages that nobody has touched for a while may be gone
altogether, and one read from the disk costs more than a whole short write. So files that are
to be compared are written out, dropped from the cache and read anew, all alike.

A process of its own does that: whoever closes a file drops all of its process's POSIX locks on it,
those of open SQLite connections among them. Another process could take itself then for the last
to have the database open, and remove its log; newer SQLites look at the index's locks as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

from bench.spawn import run

_CHILD = Path(__file__).with_name("cold_reading.py")


def reload(files: Iterable[Path]) -> bool:
    """Drop the files from the page cache and read each from its first to its last byte.

    Returns False, and reads nothing, where they do not fit into the memory that is free: each
    would push the others out. The files themselves stay as they are, and so do the locks of
    this process's connections to them.

    Raises:
        OSError: a file cannot be read.
    """
    paths = sorted(set(files))
    if not paths:
        return True
    fits = bool(sum(path.stat().st_size for path in paths) <= psutil.virtual_memory().available)
    what = "read" if fits else "drop"
    done = run([sys.executable, "-I", "-S", str(_CHILD), what, *map(str, paths)])
    if done.returncode == 1 and done.stdout:
        number, path = done.stdout.split()
        raise OSError(int(number), os.strerror(int(number)), os.fsdecode(bytes.fromhex(path)))
    if done.returncode:
        raise RuntimeError(f"{_CHILD.name} ended with {done.returncode}: {done.stderr}")
    return fits
