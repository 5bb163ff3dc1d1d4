"""Servers as child processes, and copies of databases for them to serve."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.engines.sqlite.files import snapshot
from bench.errors import BenchError
from bench.spawn import spawn

_STOP_S = 15


class NotServed(BenchError):
    """A child process ended before it listened; the text says why."""


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A child process that serves under a URL, and its error stream."""

    process: subprocess.Popen[str]
    url: str
    stderr: IO[str]

    def kill(self) -> None:
        """End it as a power cut would: no handler runs (SIGKILL)."""
        self.process.kill()
        self.process.wait()

    def last_words(self) -> str:
        """The last line of its error stream."""
        self.stderr.seek(0)
        lines = self.stderr.read().strip().splitlines()
        return lines[-1] if lines else "it said nothing"


@contextmanager
def served(
    module: str,
    *words: str,
    cores: Collection[int] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[ServerProcess]:
    """Run a module that prints its URL once it listens, on these cores; ended afterwards.

    `environment` is added to this process's own.

    Raises:
        NotServed: it ended before it listened.
    """
    with tempfile.TemporaryFile("w+") as stderr:
        process = spawn(
            [sys.executable, "-m", module, *words],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            # A signal from the terminal is the parent's to handle.
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
        assert process.stdout is not None
        try:
            if cores is not None:
                # Threads are started later and inherit it.
                os.sched_setaffinity(process.pid, cores)
            url = process.stdout.readline().strip()
            if not url:
                process.wait()
                last = ServerProcess(process, url, stderr).last_words()
                raise NotServed(f"The server ended before it listened: {last}")
            yield ServerProcess(process, url, stderr)
        finally:
            _end(process)
            process.stdout.close()


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def copy_for_serving(database: Path, copy: Path) -> None:
    """Copy a database, to its last byte on the disk: commits must not wait for the copy."""
    snapshot(database, copy)
    os.sync()
