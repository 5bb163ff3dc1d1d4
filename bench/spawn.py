"""Child processes that never outlive this one, and that no signal leaves behind.

What ends a child stands in its parent's `finally`. An interruption that arrives before that is
entered, while subprocess.Popen still waits for the child to be there, would leave a process
that nobody knows of: Popen raises, and the child runs. And nothing of it is done where the
parent is killed: so a child runs by bench.tethered.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

INTERRUPTING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that bench.exit_handling turns into interruptions."""


_TETHERED = Path(__file__).with_name("tethered.py")


def spawn(words: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a child process, as subprocess.Popen does with these options but `pass_fds`.

    It is killed when this process ends, however that ends; what it starts itself is not.
    A signal that arrives meanwhile is handled once the child is there. If its handler raises,
    as those of interruptions do, the child is killed and that exception goes on. Whoever calls
    this enters its own `try` at once.

    Raises:
        OSError: it cannot be started.
    """
    child: subprocess.Popen[Any] | None = None
    try:
        with _put_off():
            child = _tethered(words, options)
    except BaseException:
        if child is not None:
            kill(child)
        raise
    return child


def run(
    words: Sequence[str],
    *,
    text_in: str | None = None,
    timeout_s: float | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a child process to its end, with `text_in` as its input; what it wrote is text.

    Raises:
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it took longer, and was killed.
    """
    given = {} if text_in is None else {"stdin": subprocess.PIPE}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    child = spawn(words, text=True, **given, **pipes, **options)
    try:
        output, errors = child.communicate(text_in, timeout_s)
    finally:
        kill(child)
    return subprocess.CompletedProcess(words, child.returncode, output, errors)


def _tethered(words: Sequence[str], options: dict[str, Any]) -> subprocess.Popen[Any]:
    """Start the child, and wait until its command runs."""
    # Linux asks for the end of the thread, which only the main thread shares with the process.
    by_system = sys.platform == "linux" and _in_main_thread()
    watched = None if by_system else _held_open(os.getpid())
    running, failure_pipe = os.pipe()
    with open(running, "rb") as answer:
        try:
            child = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", str(_TETHERED)),
                    *(
                        str(os.getpid()),
                        str(failure_pipe),
                        "-" if watched is None else str(watched),
                    ),
                    *words,
                ],
                pass_fds=(failure_pipe, *(() if watched is None else (watched,))),
                **options,
            )
        finally:
            os.close(failure_pipe)
        try:
            failed = answer.read()
        except BaseException:
            kill(child)
            raise
    if failed:
        kill(child)
        raise OSError(int(failed), os.strerror(int(failed)), words[0])
    return child


@cache
def _held_open(process: int) -> int:
    """The end for reading of a pipe that this process holds open for as long as it lives.

    `process` is its id: one that was forked from it opens its own.
    """
    watched, _held = os.pipe()
    return watched


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def kill(child: subprocess.Popen[Any]) -> None:
    """End a child at once (SIGKILL), wait for its end and close its pipes."""
    with child:
        child.kill()


@contextmanager
def _put_off() -> Iterator[None]:
    """Handle signals that arrive within the block at its end.

    Not by masking them: a child would inherit the mask, and could not be ended well.
    """
    if not _in_main_thread():
        # Python handles signals in the main thread only.
        yield
        return
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    handlers = {number: signal.getsignal(number) for number in INTERRUPTING}
    # What is ignored is to be ignored by the child too, and what ends this process at once
    # may do so.
    ours = {number: handler for number, handler in handlers.items() if callable(handler)}
    try:
        for number in ours:
            signal.signal(number, note)
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        for late in tuple(came):
            signal.raise_signal(late)
