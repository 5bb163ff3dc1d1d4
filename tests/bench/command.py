"""One command line in this process, as the shell would run it: no new Python, no new imports."""

from __future__ import annotations

import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from bench import cli, exit_codes


def listing(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of change of whatever lies in a folder."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
    }


class Command:
    """Runs a command line; returns the exit code, the output and the error output."""

    def __call__(self, *words: object) -> tuple[int, str, str]:
        out, error = StringIO(), StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(out),
            redirect_stderr(error),
            pytest.raises(SystemExit) as ended,
        ):
            patch.setattr(sys, "argv", ["resale-bench", *map(str, words)])
            cli.main()
        return int(ended.value.code or 0), out.getvalue(), error.getvalue()


def refused(command: Command, folder: Path, *words: object) -> str:
    """Run a command that must be refused; return its sentence."""
    before = listing(folder)
    code, out, error = command(*words)
    assert code == exit_codes.WRONG_USE, (out, error)
    assert listing(folder) == before
    sentence = error.strip().splitlines()[-1]
    assert sentence.endswith((".", "?")), sentence
    assert "Traceback" not in error
    return sentence
