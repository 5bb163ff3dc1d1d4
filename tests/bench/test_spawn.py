"""A child process is never left behind by a signal that arrives while it is being started."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
import pytest

from bench.spawn import kill, spawn

WAITS = [sys.executable, "-c", "import sys; sys.stdin.read()"]


class Interrupted(Exception):
    """What the handler of these tests raises."""


@pytest.fixture(autouse=True)
def interrupting() -> Iterator[None]:
    """A handler of SIGTERM that raises, whatever the shell of the tests does with signals."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted

    was = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, was)


@pytest.fixture
def starting(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Send a signal when a child is there and Popen has not yet returned; the children."""
    children = []

    class Signalled(subprocess.Popen[bytes]):
        def __init__(self, words: list[str], **options: Any) -> None:
            super().__init__(words, **options)
            children.append(self)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", Signalled)
    return children


def test_a_child_is_started_as_asked(tmp_path: Path) -> None:
    child = spawn([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE, cwd=tmp_path)
    assert child.communicate() == (b"1\n", None)
    assert child.returncode == 0


def test_killed_means_gone_with_its_pipes() -> None:
    child = spawn(WAITS, stdin=subprocess.PIPE)
    assert child.stdin is not None
    kill(child)
    assert (child.returncode, child.stdin.closed) == (-signal.SIGKILL, True)


def test_a_signal_while_it_is_started_ends_it_and_goes_on(
    starting: list[subprocess.Popen[bytes]],
) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted):
        spawn(WAITS, stdin=subprocess.PIPE)
    (child,) = starting
    assert child.returncode == -signal.SIGKILL
    assert not psutil.pid_exists(child.pid)
    assert signal.getsignal(signal.SIGTERM) is handler


def test_what_is_ignored_stays_ignored(starting: list[subprocess.Popen[bytes]]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = spawn(WAITS, stdin=subprocess.PIPE)
    kill(child)
    assert starting == [child]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_a_child_may_be_started_by_any_thread() -> None:
    codes = []
    thread = threading.Thread(target=lambda: codes.append(spawn([sys.executable, "-V"]).wait()))
    thread.start()
    thread.join()
    assert codes == [0]


def test_what_cannot_be_started_is_an_error_and_handlers_are_back(tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(FileNotFoundError):
        spawn([str(tmp_path / "none")])
    assert signal.getsignal(signal.SIGTERM) is handler
