"""Names that tell which process is at work, so that what a killed one left can be removed.

Names, process ids and folders only; nothing of what lies in the folders.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

PARTIAL = re.compile(r".+\.partial-(?P<pid>\d+)")
SCRATCH = re.compile(r"resale-bench-(?P<pid>\d+)-\w+")


def partial_name(name: str) -> str:
    """What the folder of a run is called while this process writes it."""
    return f"{name}.partial-{os.getpid()}"


def remove_of_dead(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    """Remove folders in `folder` whose names tell of a process that is gone; return them.

    What a living process makes stays, and so does everything of another name.
    """
    removed = []
    for path in sorted(folder.glob("*")):
        found = pattern.fullmatch(path.name)
        if found and path.is_dir() and not psutil.pid_exists(int(found["pid"])):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
    return removed


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A folder for databases, removed at the end; what killed processes left goes first."""
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    remove_of_dead(folder, SCRATCH)
    try:
        with tempfile.TemporaryDirectory(prefix=f"resale-bench-{os.getpid()}-", dir=folder) as made:
            yield Path(made)
    finally:
        if new:
            # Unless somebody else has put something there meanwhile.
            with suppress(OSError):
                folder.rmdir()
