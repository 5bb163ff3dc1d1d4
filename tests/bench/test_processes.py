"""Looking for processes: those that end meanwhile are left out, and raise nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from bench.spawn import kill, spawn
from tests.bench.processes import is_alive, who_runs, words_of

NAMED = ["bench.for_this_test"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """One that waits for its standard input to end; the name is a word of its command line."""
    waiting = [sys.executable, "-c", "import sys; sys.stdin.read()", *NAMED]
    process = spawn(waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    yield process
    kill(process)


def test_a_child_is_found_by_the_beginning_of_its_module(child: subprocess.Popen[bytes]) -> None:
    for name in ("bench.", *NAMED):
        assert child.pid in {found.pid for found in who_runs(name)}
    assert who_runs("bench.for_no_test") == []
    assert who_runs(NAMED[0], psutil.Process(child.pid)) == []


def test_one_that_has_ended_and_was_not_waited_for_is_left_out(
    child: subprocess.Popen[bytes],
) -> None:
    process = psutil.Process(child.pid)
    assert is_alive(process)
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(process)
    assert words_of(process) == []
    assert who_runs(NAMED[0]) == []
    child.wait()
    assert not is_alive(process)
    assert words_of(process) == []
