"""The check against the sqlite3 command line: what it types, what it reads, what it finds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.resale.hooks import HOOKS
from bench.study import load_study
from tests.validation import sqlite_shell


def test_values_are_written_as_sql() -> None:
    assert [sqlite_shell.quoted(value) for value in (None, 7, "O'Neill")] == [
        "NULL",
        "7",
        "'O''Neill'",
    ]


def test_the_first_answer_is_not_timed() -> None:
    typed = sqlite_shell.script(HOOKS.bind("order_detail", ()), {"order_number": "ORD-1"}, 3)
    before, after = typed.split(".timer on")
    assert before.count("SELECT") == 2
    assert after.count("SELECT") == 6
    assert "(':order_number', 'ORD-1')" in before


@pytest.mark.parametrize(
    ("ratio", "agrees"), [(0.6, False), (0.7, True), (1.5, True), (1.51, False)]
)
def test_a_factor_of_one_and_a_half_is_agreement(ratio: float, agrees: bool) -> None:
    assert sqlite_shell.Agreement("x", 1000, round(1000 * ratio)).agrees == agrees


def test_without_the_command_the_sentence_says_so(
    seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(sqlite_shell.NoShell, match="install"):
        sqlite_shell.shell_ns(seeded, HOOKS.bind("products_newest", ()), {}, 1)


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="no sqlite3 command on this machine")
def test_both_ways_are_timed_on_one_file(seeded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_shell, "LEAST_NS", 1_000_000)
    found = sqlite_shell.agreements(seeded, load_study(), turns=1)
    assert "events_recent" in {entry.operation for entry in found}
    assert all(entry.ours_ns > 0 and entry.shell_ns >= 0 for entry in found)
