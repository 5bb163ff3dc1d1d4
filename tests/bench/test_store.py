"""A run's folder is complete or absent, and samples come back as they were."""

from __future__ import annotations

import json
import os
import shutil
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

from bench.errors import BenchError
from bench.measure import scratch
from bench.measure.series import Measured
from bench.results import store
from bench.results.documents import HELD, MODELS
from bench.results.samples import read_samples, write_samples
from seeds import checks
from tests.bench.fixtures.show_report import make_report

REFERENCE = Path(__file__).parents[2] / "results" / "reference"


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
    samples = {name: entry.latencies_ns for name, entry in given_samples.items()}
    write_samples(path, samples)
    found = read_samples(path)
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
    with pytest.raises(BenchError, match="already a run"):
        store.check_name(tmp_path, "taken")
    with (
        scratch.held(making(half)),
        pytest.raises(BenchError, match="unfinished run is in the way") as caught,
    ):
        store.check_name(tmp_path, "half")
    assert str(half) in str(caught.value)
    store.check_name(tmp_path, "half")
    for name in ("", "../up", "a/b", ".hidden", "x.partial", "x.partial-12"):
        with pytest.raises(BenchError, match="cannot be a run's name"):
            store.check_name(tmp_path, name)


def test_a_run_that_began_meanwhile_is_seen_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second begins between the first's look at the name and its folder."""
    other, remove_left = tmp_path / "one.partial-1", scratch.remove_left
    with ExitStack() as stack:

        def late(*given: Any) -> list[Path]:
            stack.enter_context(scratch.held(making(other)))
            return remove_left(*given)

        monkeypatch.setattr(scratch, "remove_left", late)
        with (
            pytest.raises(BenchError, match=r"one\.partial-1"),
            store.new_run(tmp_path, "one"),
        ):
            raise AssertionError("something was measured")
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


def test_unfinished_and_foreign_folders_are_said(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no run's folder"):
        store.read_run(tmp_path)
    for name in ("x.partial", "x.partial-12"):
        with pytest.raises(BenchError, match="unfinished run"):
            store.read_run(tmp_path / name)


def whole_run(folder: Path) -> None:
    report = make_report()
    for name in HELD:
        store.write_json(folder / f"{name}.json", getattr(report, name))
    store.write_json(folder / "micro.json", dict.fromkeys(store.MICRO_KEYS, 0))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("comparison", None, r"comparison\.json is missing"),
        ("comparison", "{", r"comparison\.json is not JSON"),
        ("run", "{}", r"run\.json lacks schema_version"),
        ("run", "[]", r"run\.json lacks schema_version"),
        ("run", '{"schema_version": 2}', r"run document lacks .* name .*`resale-bench run`"),
        ("micro", "{}", r"micro\.json lacks machine_info, benchmarks"),
        ("claims", '{"schema_version": 1, "study": "x"}', "claims document lacks .* claims "),
        ("claims", '{"schema_version": 2, "claims": []}', "written by another version"),
        ("run", '{"schema_version": 1}', r"run.json has schema_version 1, not 2"),
        ("migration", '{"schema_version": 1}', r"migration document lacks .*`resale-bench run`"),
    ],
)
def test_a_damaged_run_is_said(tmp_path: Path, name: str, text: str | None, said: str) -> None:
    whole_run(tmp_path)
    assert store.read_run(tmp_path).by_name().keys() == HELD.keys()
    path = tmp_path / f"{name}.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(BenchError, match=said):
        store.read_run(tmp_path)


def known(written: Any, read: Any) -> Any:
    """What was written, without the keys that were not read."""
    if isinstance(written, dict):
        return {key: known(written[key], read[key]) for key in written if key in read}
    if isinstance(written, list) and len(written) == len(read):
        return list(map(known, written, read))
    return written


@pytest.mark.parametrize("name", MODELS)
def test_a_model_writes_what_it_has_read(tmp_path: Path, name: str) -> None:
    """A key that is younger than the document is added, and says what its absence said."""
    values = json.loads((REFERENCE / f"{name}.json").read_bytes())
    found = MODELS[name].read(values, name=name, command="run")
    store.write_json(tmp_path / "again.json", found)
    written = json.loads((tmp_path / "again.json").read_bytes())
    assert known(written, values) == values
    assert MODELS[name].read(written, name=name, command="run") == found


def test_json_refuses_what_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        store.write_json(tmp_path / "x.json", {"speedup": float("nan")})


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    """Whether a process of that id lives tells nothing: ids are given again."""
    gone = ["one.partial-999999999", f"two.v1.partial-{os.getpid()}"]
    kept = ["four", "five.partial", "partial-1", "three.partial-1"]
    for name in (*gone, *kept[:-1]):
        left_by_a_killed_process(tmp_path / name)
    (tmp_path / "file.partial-1").write_text("no folder of ours")
    with scratch.held(making(tmp_path / kept[-1])), store.new_run(tmp_path, "one"):
        pass
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {*kept, "one", "file.partial-1"}


def left_by_a_killed_process(path: Path) -> None:
    """Make what a killed process leaves: a marked folder that nobody holds."""
    with scratch.held(making(path)):
        (path / "plots").mkdir()
        (path / "plots" / "one.svg").write_text("x")


def the_run(folder: Path) -> None:
    with store.new_run(folder, "one"):
        pass
    (folder / "one").rmdir()


def a_scratch(folder: Path) -> None:
    with scratch.scratch(folder):
        pass


def a_seed(folder: Path) -> None:
    with checks.partial_folder(folder / "shop.db"):
        pass


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("takeout.partial-1", the_run),
        ("resale-bench-2-fix", a_scratch),
        ("shop.db.partial-1-old", a_seed),
    ],
)
@pytest.mark.parametrize("filled", [True, False])
def test_a_folder_that_is_not_ours_stays_whatever_its_name(
    tmp_path: Path, name: str, start: Callable[[Path], None], *, filled: bool
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    if filled:
        (folder / "photo.jpg").write_text("dear to somebody")
    start(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["photo.jpg"] * filled
    # With the mark it is ours, and goes.
    (folder / scratch.MARK).touch()
    start(tmp_path)
    assert not folder.exists()


def test_a_folder_that_has_the_name_of_an_unfinished_run_stays(tmp_path: Path) -> None:
    folder = tmp_path / scratch.partial_name("one")
    folder.mkdir()
    (folder / "photo.jpg").write_text("dear to somebody")
    with pytest.raises(FileExistsError), store.new_run(tmp_path, "one"):
        raise AssertionError("a run was begun")
    assert (folder / "photo.jpg").read_text() == "dear to somebody"


def test_a_run_is_marked_as_long_as_it_is_unfinished(tmp_path: Path) -> None:
    with store.new_run(tmp_path, "one") as folder:
        assert (folder / scratch.MARK).is_file()
        (folder / "x.json").write_text("{}")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["x.json"]


def test_what_is_half_removed_is_removed_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark goes last: a removal may be killed before that."""
    left = tmp_path / "one.partial-1"
    left_by_a_killed_process(left)
    (left / "a.json").write_text("{}")
    with monkeypatch.context() as killed:
        killed.setattr(shutil, "rmtree", lambda *_, **__: None)
        scratch.remove(left)
    assert {path.name for path in left.iterdir()} == {scratch.MARK, "plots"}
    assert scratch.remove_left(tmp_path, scratch.PARTIAL) == [left]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_another_user_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / "one.partial-1"
    left_by_a_killed_process(left)
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert scratch.remove_left(tmp_path, scratch.PARTIAL) == []
    assert (left / "plots" / "one.svg").is_file()


def test_a_scratch_folder_goes_and_takes_those_of_the_dead_along(tmp_path: Path) -> None:
    left_by_a_killed_process(tmp_path / f"resale-bench-{os.getpid()}-abc_1")
    (tmp_path / "resale-bench-notes").mkdir()
    with scratch.scratch(tmp_path) as folder:
        (folder / "x.db").write_text("x")
        assert scratch.SCRATCH.fullmatch(folder.name)
        with scratch.scratch(tmp_path):
            assert folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["resale-bench-notes"]


def test_a_lock_goes_with_the_process_that_holds_it(tmp_path: Path) -> None:
    code = (
        "import pathlib, signal, sys; from bench.measure.scratch import scratch\n"
        "with scratch(pathlib.Path(sys.argv[1])) as made: print(made, flush=True); signal.pause()"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        try:
            assert scratch.remove_left(tmp_path, scratch.SCRATCH) == []
            assert scratch.is_held(folder)
        finally:
            process.kill()
    assert scratch.remove_left(tmp_path, scratch.SCRATCH) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_what_another_process_still_uses_stays_and_the_process_is_named(tmp_path: Path) -> None:
    left = tmp_path / "resale-bench-1-a"
    left_by_a_killed_process(left)
    (left / "shop.db").write_text("x")
    code = "import sys; file = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", code, str(left / "shop.db")]
    said: list[str] = []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert scratch.remove_left(tmp_path, scratch.SCRATCH, said.append) == []
        assert process.poll() is None
        process.communicate()
    [sentence] = said
    assert f"process {process.pid} ({' '.join(words)}) still uses it" in sentence
    assert scratch.remove_left(tmp_path, scratch.SCRATCH, said.append) == [left]
    assert len(said) == 1
