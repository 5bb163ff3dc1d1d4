"""One command line in the process of the tests, as the shell would run it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import cli, exit_codes


class Command:
    """Runs one command line; its exit code, standard output and standard error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *words: object) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["resale-bench", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self._capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err


def listing(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of change of whatever lies in a folder."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
    }


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
