"""A run's folder is complete or absent, and samples come back as they were."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench import leftovers, store
from bench.micro.lanes import Measured


def measured(operation: str, **latencies_ns: np.ndarray) -> Measured:
    return Measured(operation, "read", tuple(latencies_ns), latencies_ns, {}, "before", True)


shapes = hnp.array_shapes(min_dims=3, max_dims=3, max_side=4)
latencies = hnp.arrays(np.int64, shapes, elements=st.integers(0, 2**62))


@settings(max_examples=25)
@given(st.lists(st.tuples(latencies, latencies), min_size=0, max_size=3))
def test_samples_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    path = tmp_path_factory.mktemp("samples") / "samples.parquet"
    given_samples = {
        f"op{index}": measured(f"op{index}", before=one, after=other)
        for index, (one, other) in enumerate(entries)
    }
    store.write_samples(path, given_samples)
    found = store.read_samples(path)
    assert found.keys() == given_samples.keys()
    for name, entry in given_samples.items():
        assert found[name].keys() == entry.latencies_ns.keys()
        for lane, values in entry.latencies_ns.items():
            np.testing.assert_array_equal(found[name][lane], values)


def test_a_run_appears_whole(tmp_path: Path) -> None:
    with store.new_run(tmp_path, "one") as folder:
        store.write_json(folder / "run.json", {"a": 1})
        assert not (tmp_path / "one").exists()
    assert json.loads((tmp_path / "one" / "run.json").read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failed_run_leaves_nothing(tmp_path: Path, failure: type[BaseException]) -> None:
    with pytest.raises(failure), store.new_run(tmp_path / "results", "one") as folder:
        (folder / "plots").mkdir()
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_names_in_use_are_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    half = tmp_path / f"half.partial-{os.getpid()}"
    half.mkdir()
    with pytest.raises(store.StoreError, match="already a run"):
        store.check_name(tmp_path, "taken")
    with pytest.raises(store.StoreError, match="unfinished run is in the way") as caught:
        store.check_name(tmp_path, "half")
    assert str(half) in str(caught.value)
    for name in ("", "../up", "a/b", ".hidden", "x.partial", "x.partial-12"):
        with pytest.raises(store.StoreError, match="cannot be a run's name"):
            store.check_name(tmp_path, name)


def test_unfinished_and_foreign_folders_are_said(tmp_path: Path) -> None:
    with pytest.raises(store.StoreError, match="no run's folder"):
        store.read_run(tmp_path)
    for name in ("x.partial", "x.partial-12"):
        with pytest.raises(store.StoreError, match="unfinished run"):
            store.read_run(tmp_path / name)


def whole_run(folder: Path) -> None:
    for name, keys in store.DOCUMENTS.items():
        document = dict.fromkeys(keys, 0)
        if "schema_version" in document:
            document["schema_version"] = store.SCHEMA_VERSION
        store.write_json(folder / f"{name}.json", document)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("comparison", None, r"comparison\.json is missing"),
        ("comparison", "{", r"comparison\.json is not JSON"),
        ("run", "{}", r"run\.json lacks schema_version, name"),
        ("run", "[]", r"run\.json lacks"),
        ("claims", '{"schema_version": 1}', r"claims\.json lacks claims"),
        ("claims", '{"schema_version": 2, "claims": []}', "written by another version"),
    ],
)
def test_a_damaged_run_is_said(tmp_path: Path, name: str, text: str | None, said: str) -> None:
    whole_run(tmp_path)
    assert store.read_run(tmp_path).keys() == store.DOCUMENTS.keys()
    path = tmp_path / f"{name}.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(store.StoreError, match=said):
        store.read_run(tmp_path)


def test_json_refuses_what_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        store.write_json(tmp_path / "x.json", {"speedup": float("nan")})


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended and was waited for."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_killed_processes_left_is_removed(tmp_path: Path, dead: int) -> None:
    gone = [f"one.partial-{dead}", f"two.v1.partial-{dead}"]
    kept = [f"three.partial-{os.getpid()}", "four", "five.partial", f"partial-{dead}"]
    for name in (*gone, *kept):
        (tmp_path / name / "plots").mkdir(parents=True)
    (tmp_path / f"file.partial-{dead}").write_text("no folder of ours")
    with store.new_run(tmp_path, "one"):
        pass
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {*kept, "one", f"file.partial-{dead}"}


def test_a_scratch_folder_goes_and_takes_those_of_the_dead_along(tmp_path: Path, dead: int) -> None:
    (tmp_path / f"resale-bench-{dead}-abc_1").mkdir()
    (tmp_path / "resale-bench-notes").mkdir()
    with leftovers.scratch(tmp_path) as folder:
        (folder / "x.db").write_text("x")
        assert leftovers.SCRATCH.fullmatch(folder.name)
        with leftovers.scratch(tmp_path):
            assert folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["resale-bench-notes"]
