"""Databases and migrations of public bug reports, each as a user would gate it.

A busy machine leaves times undecided, which is no wrong verdict: only what is said otherwise
fails here. `python tests/cases` asks for the whole of what is right.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from expected import CASES, Case
from running import HERE, run_case


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[pytest.mark.slow] if case.slow else [])
        for case in CASES
    ],
)
def test_case_comes_out_right(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    outcome = run_case(case, folder, undecided_times=True)
    assert not outcome.faults, outcome.text


def test_every_case_is_expected() -> None:
    folders = {path.parent.name for path in HERE.glob("*/migration.sql")}
    assert folders == {case.name for case in CASES}
