"""Folders that are locked while something is made in them; what a killed process left is removed.

The lock is one of the system (flock) on the folder itself: it goes with the process that holds it,
however that ends, and means the same in every container that shares the folder, as process ids
do not. Where a file system has no such locks nothing is removed. No process is ever ended here: one
that still has something of a left folder open may be anybody's, a person's shell included.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

PARTIAL = re.compile(r".+\.partial-\d+")
SCRATCH = re.compile(r"resale-bench-\d+-\w+")

Say = Callable[[str], object]


def to_stderr(text: str) -> None:
    """Say something where it does not mix with what a command prints."""
    print(text, file=sys.stderr)


def partial_name(name: str) -> str:
    """What a run's folder or a file is called while this process writes it."""
    return f"{name}.partial-{os.getpid()}"


@contextmanager
def held(make: Callable[[], Path]) -> Iterator[Path]:
    """A folder that `make` makes anew, locked until the block ends; it may be renamed in it."""
    while True:
        path = make()
        # Before it is locked, somebody may take it for one that was left.
        with suppress(FileNotFoundError):
            number = os.open(path, os.O_RDONLY)
            # Where there are no locks nobody removes anything either.
            with suppress(OSError):
                fcntl.flock(number, fcntl.LOCK_EX)
            if path.exists() and os.path.samestat(os.fstat(number), path.stat()):
                break
            os.close(number)
    try:
        yield path
    finally:
        os.close(number)


@contextmanager
def _left(folder: Path) -> Iterator[bool]:
    """Whether nobody holds a folder; if so, nobody else begins to remove it within the block."""
    number = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(number)


def is_held(folder: Path) -> bool:
    """Whether a living process makes something in a folder."""
    with _left(folder) as left:
        return not left


def remove_left(folder: Path, pattern: re.Pattern[str], say: Say = to_stderr) -> list[Path]:
    """Remove what killed processes left in `folder` under names of this pattern; return it.

    What a living process holds stays, and so does everything of another name. Where a process
    without the lock still has something in a left folder open, it is named and the folder stays.
    """
    removed = []
    for path in sorted(folder.glob("*")):
        if not pattern.fullmatch(path.name) or not path.is_dir() or path.is_symlink():
            continue
        # Another one may have removed it meanwhile.
        with suppress(FileNotFoundError), _left(path) as left:
            if not left:
                continue
            users = users_of(path)
            for user in users:
                say(
                    f"{path} was left by a run that was killed, and {user} still uses it; end "
                    "that process, and the next start removes the folder."
                )
            if not users:
                shutil.rmtree(path, ignore_errors=True)
                removed.append(path)
    return removed


def users_of(folder: Path) -> list[str]:
    """The processes that have a file of a folder open or work in it, as far as may be seen.

    Each is told by its id and its command line.
    """
    found = []
    whole = folder.resolve()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            places = [process.cwd(), *(file.path for file in process.open_files())]
            if any(Path(place).is_relative_to(whole) for place in places):
                found.append(f"process {process.pid} ({' '.join(process.cmdline())})")
    return found


@contextmanager
def new_folders(folder: Path) -> Iterator[None]:
    """Make a folder with its parents; what was made and is empty at the end goes again."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for path in missing:
            # Unless somebody has put something there meanwhile.
            with suppress(OSError):
                path.rmdir()


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A folder for databases, removed at the end; what killed processes left goes first."""
    prefix = f"resale-bench-{os.getpid()}-"
    with new_folders(folder):
        remove_left(folder, SCRATCH)
        with held(lambda: Path(tempfile.mkdtemp(prefix=prefix, dir=folder))) as made:
            try:
                yield made
            finally:
                shutil.rmtree(made, ignore_errors=True)
