"""How a command ends early: by a signal, or by an error whose sentence and code are looked up.

Nothing exits here; the command line does.
"""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType

FAULT = 70
"""EX_SOFTWARE of sysexits.h: a defect of this program, not of its use."""


class Signals:
    """Turns signals into interruptions, so that everything half-made is removed on the way out."""

    def __init__(self) -> None:
        self._number = signal.SIGINT

    @property
    def exit_code(self) -> int:
        """What a shell expects of a process that the signal ended."""
        return 128 + self._number

    def listen(self) -> None:
        """Take over SIGTERM and SIGHUP; Python itself interrupts on SIGINT."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            # Under nohup the hang-up stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._end)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._number = signal.Signals(number)
        # A second one would cut the cleaning up short.
        signal.signal(number, signal.SIG_IGN)
        # No SystemExit: pytest would take that for a failed benchmark.
        raise KeyboardInterrupt


def run_script(main: Callable[[], int], stopped: str) -> int:
    """Run a script's `main` and return its exit code, or that of its early end.

    Where a signal ends it `stopped` is said, which tells how to go on.
    """
    signals = Signals()
    signals.listen()
    try:
        return main()
    except KeyboardInterrupt:
        print(stopped, file=sys.stderr)
        return signals.exit_code
    except Exception as error:
        return failed(error)


def failed(error: Exception) -> int:
    """Say what went wrong on the error stream; return the exit code."""
    # Only now: the names of all errors come with all packages.
    from bench.errors import exit_code_of, sentence_of

    code = exit_code_of(error)
    if code is None:
        traceback.print_exception(error)
        print("resale-bench: this is a defect of the program, not of its use.", file=sys.stderr)
        return FAULT
    print(f"resale-bench: {sentence_of(error)}", file=sys.stderr)
    return code
