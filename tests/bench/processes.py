"""Processes that tests look for; one that ends at that moment is no fault of the test."""

from __future__ import annotations

import signal
from contextlib import suppress

import psutil


def hear_interruptions() -> None:
    """Do not ignore SIGINT, as whatever a shell runs in the background does; for `preexec_fn`."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def words_of(process: psutil.Process) -> list[str]:
    """Its command line; none of one that has ended, waited for or not."""
    with suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; one that nobody has asked for its exit code yet does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def who_runs(module: str, parent: psutil.Process | None = None) -> list[psutil.Process]:
    """Processes below `parent` (this one unless told) whose module's name begins so."""
    found = (parent or psutil.Process()).children(recursive=True)
    return [child for child in found if any(word.startswith(module) for word in words_of(child))]
