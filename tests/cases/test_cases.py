"""Databases and migrations of public bug reports, each as a user would gate it.

A busy machine leaves times undecided, which is no wrong verdict: only what is said otherwise
fails here. `python tests/cases` asks for the whole of what is right.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from expected import CASES, Case
from running import HERE, run_case


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("databases")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_comes_out_right(case: Case, databases: Path, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    outcome = run_case(case, folder, databases, undecided_times=True)
    assert not outcome.faults, outcome.text


def test_every_case_is_expected() -> None:
    folders = {path.parent.name for path in HERE.glob("*/migration.sql")}
    assert folders == {case.name for case in CASES}
