"""Run a command in this process, which then ends when the one that started it does.

    python -I -S bench/tethered.py STARTER TOLD WATCHED COMMAND...

However the starter ends: nothing that it would do itself comes after SIGKILL. Linux sends the
command SIGKILL then (PR_SET_PDEATHSIG). It does so already when the thread ends that started the
process, and other systems cannot: there WATCHED is a pipe that the starter holds open, and a guard
process beside the command waits for its end. TOLD is a pipe that is closed once the command runs;
the number of the error is written into it if it cannot be run.

This runs before the command's own interpreter: no package may be imported.
"""

from __future__ import annotations

import os
import select
import signal
import sys

_PR_SET_PDEATHSIG = 1
_NONE = "-"
_CHECK_S = 1.0
_FAILED = 127


def main(starter: int, failure_pipe: int, watched: str, command: list[str]) -> int:
    """Tie this process to its starter and become the command; the exit code if it cannot be."""
    os.set_inheritable(failure_pipe, False)
    if watched != _NONE:
        _start_guard(int(watched))
    elif not _set_death_signal():
        return _FAILED
    if os.getppid() != starter:
        # It ended before it could have been noticed.
        return _FAILED
    # Python ignores these; subprocess.Popen hands them on as they are by default.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(failure_pipe, str(error.errno).encode())
    return _FAILED


def _set_death_signal() -> bool:
    import ctypes

    done: int = ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    return done == 0


def _start_guard(watched: int) -> None:
    guarded = os.getpid()
    if os.fork():
        os.close(watched)
        return
    # With what the command writes to open, nobody would see the end of that.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.set_inheritable(watched, True)
    words = ["-I", "-S", __file__, "guard", str(guarded), str(watched)]
    os.execv(sys.executable, [sys.executable, *words])


def guard(guarded: int, watched: int) -> None:
    """End the guarded parent once nobody holds the watched pipe open; end with it."""
    # Whoever lost its parent has another one: no process of a later time bears that number here.
    while os.getppid() == guarded:
        ended, _, _ = select.select([watched], [], [], _CHECK_S)
        if ended and os.getppid() == guarded:
            os.kill(guarded, signal.SIGKILL)
            return


if __name__ == "__main__":
    if sys.argv[1] == "guard":
        guard(int(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]))
