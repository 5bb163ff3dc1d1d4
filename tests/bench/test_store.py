"""A run's folder is complete or absent, and samples come back as they were."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench import store
from bench.micro.lanes import Measured
from reference_app import leftovers


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


def making(path: Path) -> Callable[[], Path]:
    """What makes a folder and tells it."""

    def make() -> Path:
        path.mkdir()
        return path

    return make


def test_names_in_use_are_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    half = tmp_path / f"half.partial-{os.getpid()}"
    with pytest.raises(store.StoreError, match="already a run"):
        store.check_name(tmp_path, "taken")
    with (
        leftovers.held(making(half)),
        pytest.raises(store.StoreError, match="unfinished run is in the way") as caught,
    ):
        store.check_name(tmp_path, "half")
    assert str(half) in str(caught.value)
    store.check_name(tmp_path, "half")
    for name in ("", "../up", "a/b", ".hidden", "x.partial", "x.partial-12"):
        with pytest.raises(store.StoreError, match="cannot be a run's name"):
            store.check_name(tmp_path, name)


def test_a_run_that_began_meanwhile_is_seen_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second begins between the first's look at the name and its folder."""
    other, remove_left = tmp_path / "one.partial-1", leftovers.remove_left
    with ExitStack() as stack:

        def late(*given: Any) -> list[Path]:
            stack.enter_context(leftovers.held(making(other)))
            return remove_left(*given)

        monkeypatch.setattr(leftovers, "remove_left", late)
        with (
            pytest.raises(store.StoreError, match=r"one\.partial-1"),
            store.new_run(tmp_path, "one"),
        ):
            raise AssertionError("something was measured")
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


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


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    """Whether a process of that id lives tells nothing: ids are given again."""
    gone = ["one.partial-999999999", f"two.v1.partial-{os.getpid()}"]
    kept = ["four", "five.partial", "partial-1", "three.partial-1"]
    for name in (*gone, *kept[:-1]):
        (tmp_path / name / "plots").mkdir(parents=True)
    (tmp_path / "file.partial-1").write_text("no folder of ours")
    with leftovers.held(making(tmp_path / kept[-1])), store.new_run(tmp_path, "one"):
        pass
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {*kept, "one", "file.partial-1"}


def test_a_scratch_folder_goes_and_takes_those_of_the_dead_along(tmp_path: Path) -> None:
    (tmp_path / f"resale-bench-{os.getpid()}-abc_1").mkdir()
    (tmp_path / "resale-bench-notes").mkdir()
    with leftovers.scratch(tmp_path) as folder:
        (folder / "x.db").write_text("x")
        assert leftovers.SCRATCH.fullmatch(folder.name)
        with leftovers.scratch(tmp_path):
            assert folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["resale-bench-notes"]


def test_a_lock_goes_with_the_process_that_holds_it(tmp_path: Path) -> None:
    code = (
        "import pathlib, signal, sys; from reference_app.leftovers import scratch\n"
        "with scratch(pathlib.Path(sys.argv[1])) as made: print(made, flush=True); signal.pause()"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        try:
            assert leftovers.remove_left(tmp_path, leftovers.SCRATCH) == []
            assert leftovers.is_held(folder)
        finally:
            process.kill()
    assert leftovers.remove_left(tmp_path, leftovers.SCRATCH) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_what_another_process_still_uses_stays_and_the_process_is_named(tmp_path: Path) -> None:
    left = tmp_path / "resale-bench-1-a"
    left.mkdir()
    (left / "shop.db").write_text("x")
    code = "import sys; file = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", code, str(left / "shop.db")]
    said: list[str] = []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert leftovers.remove_left(tmp_path, leftovers.SCRATCH, said.append) == []
        assert process.poll() is None
        process.communicate()
    [sentence] = said
    assert f"process {process.pid} ({' '.join(words)}) still uses it" in sentence
    assert leftovers.remove_left(tmp_path, leftovers.SCRATCH, said.append) == [left]
    assert len(said) == 1
