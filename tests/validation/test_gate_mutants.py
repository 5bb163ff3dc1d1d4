from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.results.gate import Gate
from bench.study import load_study
from tests.bench.fixtures import gate_documents as made
from tests.validation import gate_mutants, gate_trials, pytest_benchmark_baseline, trial_log
from tests.validation.gate_mutants import missed, outcome_of
from tests.validation.mutations import (
    FAULTS,
    MIGRATION,
    Mutation,
    MutationError,
    index_mutations,
    mutate,
    mutations_of,
)
from tests.validation.trial_log import BadTrials, Trial, append, count, read, until

ROOT = Path(__file__).parents[2]
STUDY = load_study()


def a_tree(tmp_path: Path) -> Path:
    """The files of this tree that mutations change."""
    for mutation in mutations_of(ROOT):
        target = tmp_path / mutation.file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / mutation.file, target)
    return tmp_path


def test_there_is_a_mutant_for_each_of_the_fourteen_indexes_and_each_fault() -> None:
    found = mutations_of(ROOT)
    assert len([one for one in found if one.index]) == 14
    assert len({one.name for one in found}) == len(found) == 14 + len(FAULTS)


@pytest.mark.parametrize("mutation", mutations_of(ROOT), ids=lambda one: one.name)
def test_every_mutation_fits_this_tree_and_changes_that_file_only(
    tmp_path: Path, mutation: Mutation
) -> None:
    tree = a_tree(tmp_path)
    files = {one.file for one in mutations_of(ROOT)}
    before = {file: (tree / file).read_text() for file in files}
    mutate(tree, mutation)
    after = {file: (tree / file).read_text() for file in files}
    assert {file for file in files if before[file] != after[file]} == {mutation.file}
    assert STUDY.arm(mutation.arm)


def test_a_dropped_index_leaves_the_other_thirteen() -> None:
    text = (ROOT / MIGRATION).read_text()
    for mutation in index_mutations(text):
        left = text.replace(mutation.old, mutation.new)
        assert left.count("CREATE INDEX") == 13
        assert str(mutation.index) not in left


@pytest.mark.parametrize("times", [0, 2, 3])
def test_a_mutation_that_does_not_fit_once_fails_loudly_and_changes_nothing(
    tmp_path: Path, times: int
) -> None:
    file = tmp_path / "a.sql"
    file.write_text("LIMIT 24;\n" * times)
    with pytest.raises(MutationError, match=f"{times} times"):
        mutate(tmp_path, Mutation("no limit", "a.sql", "LIMIT 24;", ";", "after"))
    assert file.read_text() == "LIMIT 24;\n" * times


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MutationError, match=r"a\.sql is missing"):
        mutate(tmp_path, Mutation("x", "a.sql", "a", "b", "after"))
    with pytest.raises(MutationError, match="--repo"):
        mutations_of(tmp_path)


def fault(**more: Any) -> Mutation:
    return Mutation(**{"name": "x", "file": "f", "old": "a", "new": "b", "arm": "after"} | more)


def outcome(mutation: Mutation, document: dict[str, Any], **plans: list[str]) -> Any:
    return outcome_of(mutation, Gate.model_validate(document), plans, STUDY, 1.0)


def test_a_mutant_is_found_only_with_its_operation_and_its_cause() -> None:
    red = made.by_counters()
    assert outcome(fault(operation="product_detail", cause="idx_images_entity"), red).found
    assert outcome(fault(operation="product_detail", cause=""), red).found
    assert not outcome(fault(operation="order_detail"), red).found
    assert not outcome(fault(operation="product_detail", cause="N+1"), red).found
    assert not outcome(fault(), made.passed()).found
    assert not outcome(fault(), made.inconclusive()).found


def test_a_mutant_that_got_through_is_missed() -> None:
    found = outcome(fault(operation="order_detail"), made.passed())
    assert missed([found]) == [found]
    assert found.name_of is None


def test_an_index_that_nobody_misses_is_called_what_it_is() -> None:
    used = "idx_images_entity"
    mutation = fault(index=used, cause=used)
    plan = [f"SEARCH images USING INDEX {used} (entity_type=?)"]
    by_plan = outcome(mutation, made.passed(), order_detail=plan)
    assert by_plan.name_of == "dead weight"
    assert "order_detail" in by_plan.told
    by_study = outcome(mutation, made.passed(), order_detail=["SCAN images"])
    assert by_study.name_of == "dead weight"
    assert "product_detail" in by_study.told
    nobodys = outcome(fault(index="idx_nobody"), made.passed(), order_detail=plan)
    assert nobodys.name_of == "untested query"
    assert missed([by_plan, by_study, nobodys]) == []


def test_an_index_whose_loss_is_red_for_another_reason_is_missed() -> None:
    found = outcome(fault(index="idx_other", cause="idx_other"), made.by_counters())
    assert not found.found
    assert missed([found]) == [found]


def test_the_operation_that_grew_most_is_told_of() -> None:
    document = made.by_counters()
    worse = made.operation("funnel_since", verdict="regression", message="m", cause="c")
    worse["exact"]["head"] = made.seen(130)
    document["operations"].insert(0, worse)
    assert outcome(fault(), document).told.startswith("product_detail: ")


# Trials: the file of results, and what it adds up to.

SETTINGS = {"experiment": "alike", "scale": 0.1}


def trial(verdict: str = "pass", **alarms: list[str]) -> Trial:
    return Trial(SETTINGS, verdict, 2.5, alarms)


@given(
    st.lists(
        st.builds(
            Trial,
            settings=st.just(SETTINGS),
            verdict=st.sampled_from(["pass", "regression", "inconclusive"]),
            seconds=st.floats(0, 100),
            alarms=st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=5))),
            undecided=st.lists(st.text(max_size=5)).map(tuple),
        ),
        max_size=8,
    )
)
@settings(max_examples=30, deadline=None)
def test_trials_come_back_from_the_file_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, trials: list[Trial]
) -> None:
    path = tmp_path_factory.mktemp("log") / "gate_trials.jsonl"
    for one in trials:
        append(path, one)
    assert read(path, SETTINGS) == trials


def test_trials_go_on_where_the_log_ends(tmp_path: Path) -> None:
    path, asked = tmp_path / "new" / "log.jsonl", []

    def one(number: int) -> Trial:
        asked.append(number)
        return trial()

    until(path, SETTINGS, 3, one, lambda _: None)
    assert len(until(path, SETTINGS, 5, one, lambda _: None)) == 5
    assert asked == [0, 1, 2, 3, 4]
    assert len(read(path, SETTINGS)) == 5


def test_a_trial_is_kept_before_the_next_begins(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"

    def one(number: int) -> Trial:
        if number == 2:
            raise KeyboardInterrupt
        return trial()

    with pytest.raises(KeyboardInterrupt):
        until(path, SETTINGS, 5, one, lambda _: None)
    assert len(read(path, SETTINGS)) == 2


def test_a_torn_line_is_cut_off_and_the_rest_counts(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append(path, trial())
    with path.open("a") as file:
        file.write('{"settings": {"é')
    assert read(path, SETTINGS) == [trial()]
    append(path, trial("regression"))
    assert [one.verdict for one in read(path, SETTINGS)] == ["pass", "regression"]


def test_trials_of_other_settings_and_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append(path, trial())
    with pytest.raises(BadTrials, match="other settings"):
        read(path, {**SETTINGS, "scale": 0.01})
    path.write_text("nonsense\n")
    with pytest.raises(BadTrials, match="--log"):
        read(path, SETTINGS)


def test_alarms_are_counted_by_trial_and_by_operation() -> None:
    found = count(
        [
            trial(),
            trial("regression", mean=["a", "b"], median=[]),
            trial("regression", mean=["a"], median=["a"]),
        ]
    )
    assert found.verdicts == {"pass": 1, "regression": 2}
    assert found.alarms == {"mean": 2, "median": 1}
    assert found.operations == {"mean: a": 2, "mean: b": 1, "median: a": 1}
    assert "3 trials" in trial_log.table("alike", found)
    assert count([]).median_seconds is None


def test_a_trial_of_the_gate_holds_its_alarms_and_what_it_left_open() -> None:
    alarm = gate_trials.trial_of(Gate.model_validate(made.by_time()), SETTINGS, 1.0)
    assert alarm.alarms == {"gate": ["order_detail"]}
    assert alarm.measured["ratios"]["order_detail"] == pytest.approx(1.15)
    undecided = Gate.model_validate(made.inconclusive())
    assert gate_trials.trial_of(undecided, SETTINGS, 1.0).undecided == ["order_detail"]


def test_the_slowing_fits_this_tree(tmp_path: Path) -> None:
    mutation = gate_trials.slowing(17)
    target = tmp_path / mutation.file
    target.parent.mkdir(parents=True)
    shutil.copy(ROOT / mutation.file, target)
    before = target.read_text()
    with gate_trials.slowed_by(tmp_path, 17):
        assert "range(17)" in target.read_text()
        compile(target.read_text(), str(target), "exec")
    assert target.read_text() == before


def test_busy_processes_end_with_the_block() -> None:
    with gate_trials.busy(0) as cores:
        assert cores == ()
    with gate_trials.busy(1) as cores:
        assert len(cores) == 1


def test_ended_trials_leave_no_busy_process_and_no_folder(repository: Path, tmp_path: Path) -> None:
    call = [sys.executable, "-m", "tests.validation.gate_trials", "alike", "--busy", "1"]
    told = ["--repo", str(repository), "--work", str(tmp_path), "--log", str(tmp_path / "log")]
    with subprocess.Popen([*call, *told], cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("building once")
        begun = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
        assert "goes on where the log ends" in process.stderr.read()
    assert begun
    assert psutil.wait_procs(begun, timeout=20)[1] == []
    assert not any(tmp_path.iterdir())


def test_what_pytest_benchmark_says_is_read() -> None:
    told = "\ttest_operation[{}] (0001_base) - Field {!r} has failed SomeCheck: 11.0 > 10.0"
    failed = [("order_history", "mean"), ("order_history", "median"), ("funnel_since", "mean")]
    said = "\n".join(["Performance has regressed:", *(told.format(*one) for one in failed)])
    assert pytest_benchmark_baseline.alarms_of(said) == {
        "mean:10%": ["order_history", "funnel_since"],
        "median:10%": ["order_history"],
    }
    assert not any(pytest_benchmark_baseline.alarms_of("23 passed").values())


def test_pytest_benchmark_applies_each_of_its_checks(tmp_path: Path) -> None:
    measured = tmp_path / "test_one.py"
    measured.write_text(
        "import os, pytest\n"
        "@pytest.mark.parametrize('asked', ['slower'])\n"
        "def test_operation(benchmark, asked):\n"
        "    benchmark.pedantic(sum, (range(int(os.environ['TURNS'])),), rounds=5)\n"
    )

    def said(turns: int, *options: str) -> str:
        command = [
            sys.executable, "-m", "pytest", str(measured), "--benchmark-save=run", *options,
            f"--benchmark-storage=file://{tmp_path}", f"--rootdir={tmp_path}", "-q",
            "-p", "no:cacheprovider", "-p", "pytest_benchmark.plugin",
        ]  # fmt: skip
        # It does not measure where it finds itself in a worker of xdist, as this test may be.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        given = {**kept, "TURNS": str(turns), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    said(1_000)
    assert pytest_benchmark_baseline.alarms_of(
        said(1_000_000, *pytest_benchmark_baseline.COMPARING)
    ) == {check: ["slower"] for check in pytest_benchmark_baseline.CHECKS}


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="--repo"):
        gate_mutants.run(tmp_path, [], 0.001, tmp_path / "work", lambda _: None)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This tree as it lies here, as a repository of one commit."""
    folder = tmp_path_factory.mktemp("repository")
    for part in ("bench", "reference_app", "seeds"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder / name)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *words],
            cwd=folder,
            check=True,
        )
    return folder


def test_an_unknown_mutant_is_refused_with_the_known_names(
    repository: Path, tmp_path: Path
) -> None:
    with pytest.raises(MutationError, match="choose among: without idx_password_resets_user"):
        gate_mutants.run(repository, ["nobody"], 0.001, tmp_path, lambda _: None)


def test_the_gate_finds_a_loop_of_queries(repository: Path, tmp_path: Path) -> None:
    name = "a query for each image (N+1)"
    [found] = gate_mutants.run(repository, [name], 0.001, tmp_path, lambda _: None)
    assert found.found
    assert "product_detail" in found.operations
    assert "N+1" in str(found.told)
    # The repository that is cloned stays as it was, and nothing is left of the work.
    said = subprocess.run(
        ["git", "status", "--porcelain"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert said.stdout == ""
    assert not any(tmp_path.iterdir())
