"""Child processes that a signal cannot leave behind while they are being started.

What ends a child stands in its parent's `finally`. An interruption that arrives before that is
entered, while subprocess.Popen still waits for the child to be there, would leave a process
that nobody knows of: Popen raises, and the child runs.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

INTERRUPTING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that bench.ending turns into interruptions."""


def spawn(words: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a child process, as subprocess.Popen does with these options.

    A signal that arrives meanwhile is handled once the child is there. If its handler raises,
    as those of interruptions do, the child is killed and that exception goes on. Whoever calls
    this enters its own `try` at once.

    Raises:
        OSError: it cannot be started.
    """
    child: subprocess.Popen[Any] | None = None
    try:
        with _put_off():
            child = subprocess.Popen(words, **options)
    except BaseException:
        if child is not None:
            kill(child)
        raise
    return child


def kill(child: subprocess.Popen[Any]) -> None:
    """End a child at once (SIGKILL), wait for its end and close its pipes."""
    with child:
        child.kill()


@contextmanager
def _put_off() -> Iterator[None]:
    """Handle signals that arrive within the block at its end.

    Not by masking them: a child would inherit the mask, and could not be ended well.
    """
    if threading.current_thread() is not threading.main_thread():
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
