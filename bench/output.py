"""Where a command writes its result: looked at, and claimed against a second run, beforehand."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bench.errors import BenchError
from bench.measure.scratch import new_folders


@contextmanager
def claimed_folder(out: Path) -> Iterator[None]:
    """Make the folder of a result and keep other runs from it for the block.

    Raises:
        BenchError: it cannot be made or written to, or another run writes there.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(new_folders(out))
            descriptor = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise BenchError(f"{out} cannot be made a folder ({error.strerror}).") from error
        stack.callback(os.close, descriptor)
        if not os.access(out, os.W_OK | os.X_OK):
            raise BenchError(f"{out} may not be written to; choose another --out.")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BenchError(
                f"Another run writes to {out}; wait for it, or name another folder."
            ) from error
        yield


@contextmanager
def claimed_file(out: Path) -> Iterator[None]:
    """Make the empty file of a result, which the block writes; it goes if nothing was written.

    Raises:
        BenchError: it is there already, or cannot be written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(new_folders(out.parent))
            out.touch(exist_ok=False)
        except OSError as error:
            why = "is already there" if out.exists() else f"cannot be written ({error.strerror})"
            raise BenchError(f"{out} {why}; choose another --out.") from error
        stack.callback(_remove_empty, out)
        yield


def _remove_empty(file: Path) -> None:
    with suppress(FileNotFoundError):
        if not file.stat().st_size:
            file.unlink()
