"""A child process is never left behind by a signal that arrives while it is being started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
import pytest

from bench.spawn import kill, run, spawn
from tests.bench.processes import is_alive

ROOT = Path(__file__).parents[2]
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


STARTS = """
import signal, sys, threading
from bench.spawn import spawn

def start():
    child = spawn([sys.executable, "-c", "import signal; print(flush=True); signal.pause()"])
    print(child.pid, flush=True)

{how}
signal.pause()
"""
HOW = {
    "the main thread": "start()",
    "a thread that has ended": "one = threading.Thread(target=start); one.start(); one.join()",
}


def wait_for_end(process: psutil.Process) -> None:
    ended_by = time.monotonic() + 20
    while is_alive(process):
        assert time.monotonic() < ended_by, process
        time.sleep(0.01)


@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
def test_a_child_ends_when_its_parent_is_killed_and_not_before(how: str) -> None:
    code = STARTS.format(how=how)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        try:
            # The child runs once its own empty line has come.
            told = sorted(parent.stdout.readline().strip() for _ in range(2))
            child = psutil.Process(int(told[-1]))
            others = psutil.Process(parent.pid).children(recursive=True)
            assert is_alive(child)
        finally:
            parent.kill()
        for process in others:
            wait_for_end(process)


def test_a_child_whose_parent_has_ended_already_runs_nothing(tmp_path: Path) -> None:
    tethered, made = ROOT / "bench" / "tethered.py", tmp_path / "made"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    told, telling = os.pipe()
    try:
        words = [str(tethered), str(dead.pid), str(telling), "-", "touch", str(made)]
        done = subprocess.run([sys.executable, "-I", "-S", *words], pass_fds=(telling,))
    finally:
        os.close(told)
        os.close(telling)
    assert done.returncode != 0
    assert not made.exists()


def test_a_child_gets_what_popen_would_give_it(tmp_path: Path) -> None:
    """Signals, open files and the environment are those of a child without a tether."""
    code = (
        "import os, signal, sys; print(sorted(os.environ), sys.argv, os.getcwd(),"
        "signal.getsignal(signal.SIGXFSZ), os.listdir('/dev/fd'), os.getsid(0) == os.getpid())"
    )
    words = [sys.executable, "-c", code, "a b", "*"]
    options: dict[str, Any] = {
        "cwd": tmp_path, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "ONE": "1"},
        "start_new_session": True,
    }  # fmt: skip
    plain = subprocess.run(words, capture_output=True, text=True, check=True, **options)
    assert run(words, **options).stdout == plain.stdout


def test_a_run_gives_input_output_errors_and_code() -> None:
    code = "import sys; print(sys.stdin.read()); print('no', file=sys.stderr); sys.exit(3)"
    done = run([sys.executable, "-c", code], text_in="yes")
    assert (done.returncode, done.stdout, done.stderr) == (3, "yes\n", "no\n")


def test_a_run_that_takes_too_long_is_ended() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run([sys.executable, "-c", "import signal; signal.pause()"], timeout_s=0.01)
