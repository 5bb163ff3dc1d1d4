"""Locust with the shop's visitors, run by tests: imported once, or as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[3]
TINY_SCALE = 0.001
SHOP = ("-f", str(ROOT / "bench" / "shop.py"))


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


# Locust's own port (5557) may be another test process's.
_PORT = free_port()
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "LOCUST_MASTER_BIND_PORT": _PORT,
    "LOCUST_MASTER_NODE_PORT": _PORT,
}


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it does, for a minute at most."""
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


class Locust:
    """Runs Locust in a folder, by tests.bench.fixtures.locust_forks.

    It is ended once `until` holds of what it has written on its error stream, where that is given:
    users are as quick as the machine lets them be.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.fixtures.locust_forks"],
            cwd=ROOT, env=ENVIRONMENT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __call__(
        self, folder: Path, *options: str, until: Callable[[str], bool] | None = None
    ) -> subprocess.CompletedProcess[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        words = [*SHOP, *options]
        out, error = folder / "locust.out", folder / "locust.err"
        error.touch()
        told = {"words": words, "folder": str(folder), "out": str(out), "error": str(error)}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        process = int(self._process.stdout.readline())
        if until is not None:
            eventually(lambda: until(error.read_text()))
            os.kill(process, signal.SIGTERM)
        code = int(self._process.stdout.readline())
        return subprocess.CompletedProcess(words, code, out.read_text(), error.read_text())

    def close(self) -> None:
        """End it; it ends with its input."""
        with self._process:
            pass
