"""Errors of a command: a sentence that says what to do next, and an exit code."""

from __future__ import annotations

import errno

from bench.exit_codes import WRONG_USE

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FILES = ("FullError", "IOError", "CantOpenError", "ProtocolError", "ReadOnlyError")


class BenchError(Exception):
    """A sentence for the user that says what is wrong and what to do next.

    `exit_code` is that of the command which it ends. Subclasses are for what some code catches.
    """

    exit_code = WRONG_USE

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        if exit_code is not None:
            self.exit_code = exit_code


def exit_code_of(error: Exception) -> int | None:
    """Return the exit code of an error that was foreseen; None for a fault of ours."""
    code: int | None = getattr(error, "exit_code", None)
    if code is None and (isinstance(error, OSError) or _of_a_file(error)):
        return WRONG_USE
    return code


def sentence_of(error: Exception) -> str:
    """Say in one sentence what is wrong and what to do next."""
    if _of_a_file(error):
        if type(error).__name__ == "FullError":
            return "The disk became full; free some of it and start again."
        return f"SQLite cannot use a file ({error}); check the disk and the permissions."
    if isinstance(error, OSError) and type(error).__module__ == "builtins":
        return _of_the_system(error)
    return str(error)


def _of_a_file(error: Exception) -> bool:
    """Whether SQLite could not use a file; told by name, since importing apsw takes its time."""
    return type(error).__module__.startswith("apsw") and type(error).__name__ in _FILES


def _of_the_system(error: OSError) -> str:
    what = error.strerror or str(error)
    where = f"{error.filename}: " if error.filename is not None else ""
    if error.errno in _FULL:
        return f"{where}{what}; free some of the disk and start again."
    return f"{where}{what}; check the path and its permissions, or name another."
