"""The place of a result is looked at before anything is measured, and is one run's."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.output import claimed_file, claimed_folder


def test_a_folder_is_one_runs_and_goes_if_nothing_came_of_it(tmp_path: Path) -> None:
    out = tmp_path / "new" / "gate"
    another = pytest.raises(BenchError, match="Another run writes to")
    with claimed_folder(out), another, claimed_folder(out):
        pass
    assert not out.parent.exists()
    with claimed_folder(out):
        (out / "gate.json").touch()
    with claimed_folder(out):
        assert (out / "gate.json").exists()


def test_a_file_is_one_runs_and_goes_if_nothing_was_written(tmp_path: Path) -> None:
    out = tmp_path / "new" / "micro.json"
    with claimed_file(out):
        with pytest.raises(BenchError, match="already there"), claimed_file(out):
            pass
        assert out.exists()
    assert not out.parent.exists()
    with claimed_file(out):
        out.write_text("{}")
    assert out.read_text() == "{}"


@pytest.mark.parametrize("claimed", [claimed_file, claimed_folder])
def test_a_place_under_a_file_is_refused(tmp_path: Path, claimed: type[object]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match="cannot be"):
        claimed(tmp_path / "file" / "out").__enter__()  # type: ignore[attr-defined,call-arg]
