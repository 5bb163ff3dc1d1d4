"""Folders that are locked while something is made in them; what a killed process left is removed.

The lock is one of the system (flock) on the folder itself: it goes with the process that holds it,
however that ends, and means the same in every container that shares the folder, as process ids
do not. Where a file system has no such locks nothing is removed. No process is ever ended here: one
that still has something of a left folder open may be anybody's, a person's shell included.

A name proves nothing: only a folder of this user in which MARK stands is removed. The mark is
written once the folder is locked, and is the last that goes when the folder is removed.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import psutil

PARTIAL = re.compile(r".+\.partial-\d+")
SCRATCH = re.compile(r"resale-bench-\d+-\w+")
MARK = ".resale-bench-unfinished"
"""The file that tells a folder as one that a process of ours makes, or left."""
_MARK_TEXT = "resale-bench is making this folder. If it was killed, its next start removes it.\n"

Say = Callable[[str], object]


def to_stderr(text: str) -> None:
    """Say something where it does not mix with what a command prints."""
    print(text, file=sys.stderr)


def partial_name(name: str) -> str:
    """What a run's folder or a file is called while this process writes it."""
    return f"{name}.partial-{os.getpid()}"


@contextmanager
def held(make: Callable[[], Path]) -> Iterator[Path]:
    """A folder that `make` makes anew, marked and locked until the block ends.

    Whoever keeps the folder renames it in the block and takes its mark off with `finished`.
    """
    path = make()
    number = os.open(path, os.O_RDONLY)
    try:
        # Where there are no locks nobody removes anything either.
        with suppress(OSError):
            fcntl.flock(number, fcntl.LOCK_EX)
        try:
            (path / MARK).write_text(_MARK_TEXT, encoding="utf-8")
        except BaseException:
            remove(path)
            raise
        yield path
    finally:
        os.close(number)


def finished(folder: Path) -> None:
    """Take the mark off a folder that has its final name and is kept."""
    (folder / MARK).unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Remove a folder that `held` made as far as that is possible, its mark last.

    Whoever is killed meanwhile leaves a folder that the next start knows.
    """
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != MARK:
                with suppress(OSError):
                    path.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _is_marked(folder: Path) -> bool:
    """Whether a process of ours and of this user made a folder."""
    return (folder / MARK).is_file() and folder.stat().st_uid == os.geteuid()


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

    What a living process holds stays, and so does everything of another name and what no process
    of ours made. Where a process without the lock still has something in a left folder open, it
    is named and the folder stays.
    """
    removed = []
    for path in sorted(folder.glob("*")):
        if not pattern.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
            continue
        # Another one may have removed it meanwhile, and another user's may not be looked into.
        with suppress(FileNotFoundError, PermissionError):
            if _is_marked(path) and _remove_if_left(path, say):
                removed.append(path)
    return removed


def _remove_if_left(folder: Path, say: Say) -> bool:
    with _left(folder) as left:
        if not left:
            return False
        users = users_of(folder)
        for user in users:
            say(
                f"{folder} was left by a run that was killed, and {user} still uses it; end "
                "that process, and the next start removes the folder."
            )
        if not users:
            remove(folder)
        return not users


def users_of(folder: Path) -> list[str]:
    """The processes that have a file of a folder open or work in it, as far as may be seen.

    Each is told by its id and its command line.
    """
    users = []
    whole = folder.resolve()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            paths = [process.cwd(), *(file.path for file in process.open_files())]
            if any(Path(path).is_relative_to(whole) for path in paths):
                users.append(f"process {process.pid} ({' '.join(process.cmdline())})")
    return users


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
    """A folder for databases, removed at the end.

    What killed processes left goes first, here and in the system's folder for temporary files.
    """
    prefix = f"resale-bench-{os.getpid()}-"
    with new_folders(folder):
        for parent in {folder, Path(tempfile.gettempdir())}:
            remove_left(parent, SCRATCH)
        with held(lambda: Path(tempfile.mkdtemp(prefix=prefix, dir=folder))) as made:
            try:
                yield made
            finally:
                remove(made)


def temporary() -> AbstractContextManager[Path]:
    """A folder in the system's folder for temporary files; see `scratch`."""
    return scratch(Path(tempfile.gettempdir()))
