"""The main job from the command line, in a process of its own: what it leaves, and does not leave.

The study is the built-in one with the fewest rounds that a study may have, and one group of load
without a warm-up.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_benchmark.cli import main as benchmarks_command

from bench.results import store
from bench.results.documents import RunDocuments
from bench.results.samples import read_samples
from bench.study import BUILT_IN, load_study
from tests.bench.command import Command, listing, refused

ROOT = Path(__file__).parents[2]
WAIT_S = 60
DOCUMENTS = ("run.json", "micro.json", "comparison.json", "claims.json", "migration.json")
FILES = (
    *DOCUMENTS, "samples.parquet", "realism.json", "report.html", "report.md", "load.json",
    "live.json", "answers-reported.parquet", "answers-low_impact.parquet",
)  # fmt: skip

# The keys that other tools may rely on, by document.
RUN = {
    "schema_version", "study", "dataset", "environment", "pragmas", "commit", "arms", "stages",
    "peak_rss_bytes",
}  # fmt: skip
OPERATION = {"name", "kind", "control", "answers_equal", "arms", "comparisons"}
ARM = {
    "median_ns", "p95_ns", "p99_ns", "rounds", "samples", "vm_steps", "fullscan_steps", "sorts",
    "plan", "rows",
}  # fmt: skip
PAIR = {"base", "arm", "speedup", "ci95", "verdict"}
CLAIM = {"id", "quote", "expected", "measured", "ci95", "verdict", "evidence"}


RUN_WITH_ONE_GROUP = """
import sys
from functools import partial
from bench import cli, job
job.LoadProfile = partial(job.LoadProfile, groups=1, warm_up_seconds=0.0)
cli.main()
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def quick_study(folder: Path) -> Path:
    path = folder / "quick.toml"
    text = BUILT_IN.read_text(encoding="utf-8")
    changed, times = re.subn(r"(?m)^quick_rounds = \d+$", "quick_rounds = 7", text)
    assert times == 1
    path.write_text(changed, encoding="utf-8")
    return path


def run_words(study: Path, name: str) -> tuple[object, ...]:
    return ("run", "--scale", "0.002", "--name", name, "--study", study, "--no-load", "--no-live")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The folder in which a whole run was made, and what the run said."""
    folder = tmp_path_factory.mktemp("whole")
    words = ("run", "--scale", "0.002", "--name", "e2e", "--visit-seconds", "1")
    ended = subprocess.run(
        [sys.executable, "-c", RUN_WITH_ONE_GROUP, *words, "--study", str(quick_study(folder))],
        cwd=folder, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    documents = store.read_run(folder / "results" / "e2e")
    valid = documents.load.valid and documents.live.valid
    # On a machine that others keep busy the generator falls behind, and the run says so.
    assert ended.returncode == (0 if valid else 3), ended.stderr
    return folder, ended.stdout, ended.stderr


@pytest.fixture(scope="module")
def documents(done: tuple[Path, str, str]) -> RunDocuments:
    return store.read_run(done[0] / "results" / "e2e")


def test_a_run_leaves_its_whole_folder_and_nothing_else(done: tuple[Path, str, str]) -> None:
    folder, _, _ = done
    kept = folder / "results" / "e2e"
    assert {path.name for path in kept.iterdir()} == {*FILES, "plots", "load"}
    assert all((kept / name).stat().st_size > 0 for name in FILES)
    plots = {path.suffix: path.stem for path in (kept / "plots").iterdir()}
    assert plots.keys() == {".png", ".svg"}
    for path in (kept / "plots").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.with_suffix(".svg").is_file()
    assert list((folder / "data").glob("*")) == []
    assert {path.name for path in folder.glob("*")} == {"results", "quick.toml"}
    assert [path.name for path in (folder / "results").iterdir()] == ["e2e"]


def test_a_run_says_its_stages_its_claims_and_where_the_report_is(
    done: tuple[Path, str, str], documents: RunDocuments
) -> None:
    _, said, errors = done
    assert said.rstrip().endswith("report: results/e2e/report.html")
    assert "verdict" in said
    assert "benchmark data" not in said + errors
    # What a busy machine makes of the load is said there, and nothing else.
    assert (errors == "") == (documents.load.valid and documents.live.valid)
    stages = [stage.name for stage in documents.run.stages]
    assert stages[0] == "seed"
    assert stages[-1] == "report"
    assert all(stage in said for stage in stages)
    first_words = " ".join(documents.claims.claims[0].quote.split()[:3])
    assert first_words in said


def test_the_documents_have_the_keys_that_others_rely_on(documents: RunDocuments) -> None:
    study = load_study()
    run, comparison = (whole.json_values() for whole in (documents.run, documents.comparison))
    assert run.keys() >= RUN
    assert run["peak_rss_bytes"] > 50_000_000
    assert comparison.keys() >= {"schema_version", "study", "dataset", "noise_floor", "operations"}
    assert comparison["dataset"].keys() >= {"scale", "seed", "rows", "content_hash"}
    # Also what this scale has too few rows for.
    names = [operation.name for operation in study.operations]
    assert [entry["name"] for entry in comparison["operations"]] == names
    for entry in comparison["operations"]:
        assert entry.keys() >= OPERATION, entry["name"]
        assert all(arm.keys() >= ARM for arm in entry["arms"].values()), entry["name"]
        assert entry["comparisons"], entry["name"]
        assert all(pair.keys() >= PAIR for pair in entry["comparisons"]), entry["name"]
    claims = documents.claims.json_values()["claims"]
    assert [claim["id"] for claim in claims] == [claim.id for claim in study.claims]
    assert all(claim.keys() >= CLAIM for claim in claims)
    built = [arm.arm for arm in documents.migration.arms]
    assert built == [arm.name for arm in study.arms]


def test_a_run_holds_what_visitors_saw(
    done: tuple[Path, str, str], documents: RunDocuments
) -> None:
    load, live = documents.load, documents.live
    assert len(load.blocks) == 4 * load.plan.groups == 4
    assert load.plan.seconds == 1
    assert [way.name for way in live.ways] == ["reported", "low_impact"]
    assert load.invariants.held
    report = (done[0] / "results" / "e2e" / "report.html").read_text(encoding="utf-8")
    assert "What a user feels" in report


def test_samples_come_back_for_every_lane_that_was_timed(
    done: tuple[Path, str, str], documents: RunDocuments
) -> None:
    samples = read_samples(done[0] / "results" / "e2e" / "samples.parquet")
    timed = {entry.name: entry.arms for entry in documents.comparison.operations}
    for name, lanes in samples.items():
        assert lanes.keys() - {"again"} == timed[name].keys(), name
        assert all((latencies_ns > 0).all() for latencies_ns in lanes.values())
    assert {name for name, arms in timed.items() if arms} == samples.keys()


def test_the_benchmarks_json_tells_nothing_of_the_machines_owner_and_serves_its_own_tool(
    done: tuple[Path, str, str],
    documents: RunDocuments,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = done[0] / "results" / "e2e"
    micro = json.loads((kept / "micro.json").read_text(encoding="utf-8"))
    assert micro["machine_info"]["node"] == ""
    assert micro["commit_info"]["project"] == "resale-bench"
    commit = documents.run.commit
    assert micro["commit_info"]["id"] == (commit.partition("+")[0] if commit else "unversioned")
    monkeypatch.setattr(sys, "argv", ["pytest-benchmark", "compare", str(kept / "micro.json")])
    benchmarks_command()
    assert "test_operation[products_by_size-before]" in capsys.readouterr().out


def test_compare_and_report_work_on_the_folder(
    done: tuple[Path, str, str],
    documents: RunDocuments,
    command: Command,
    tmp_path: Path,
) -> None:
    folder, _, _ = done
    run, study = folder / "results" / "e2e", folder / "quick.toml"
    code, said, _ = command("compare", run, "--json")
    assert (code, json.loads(said)) == (0, documents.comparison.json_values())
    code, said, _ = command("compare", run, run, "--json")
    assert json.loads(said)["slower"] == []
    assert code in (0, 3)
    out = tmp_path / "anew"
    code, _, errors = command("report", run, "--out", out, "--study", study)
    assert (code, errors) == (0, "")
    assert {path.name for path in out.iterdir()} == {"report.html", "report.md", "plots"}


def test_a_given_database_is_measured_and_left_as_it_is(
    seeded: Path, command: Command, tmp_path: Path
) -> None:
    before = listing(seeded.parent)
    words = ("micro", "--db", seeded, "--study", quick_study(tmp_path), "--out", "micro.json")
    code, said, errors = command(*words, "--operation", "logs_recent", "--operation", "write_log")
    assert (code, errors) == (0, "")
    assert "logs_recent" in said
    assert listing(seeded.parent) == before
    benchmarks = json.loads((tmp_path / "micro.json").read_text())["benchmarks"]
    assert {entry["extra_info"]["scale"] for entry in benchmarks} == {0.003}
    assert {entry["group"] for entry in benchmarks} == {"logs_recent", "write_log"}
    assert list((tmp_path / "data").glob("*")) == []


def heed_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def measuring(folder: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A run that has built its arms and is measuring; ended afterwards whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.cli", *map(str, run_words(quick_study(folder), name))],
        cwd=folder,
        env={**environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A suite that was started in the background ignores signals, and so would its children.
        preexec_fn=heed_signals,
    )
    assert process.stdout is not None
    try:
        said = wait_for(process, b"build the arms")
        assert b"build the arms" in said, said
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[bytes], text: bytes) -> bytes:
    """Read what a process prints until it has said `text` or has ended."""
    assert process.stdout is not None
    said = b""
    until = time.monotonic() + WAIT_S
    while text not in said and time.monotonic() < until:
        ready, _, _ = select.select([process.stdout], [], [], 1)
        if ready:
            more = os.read(process.stdout.fileno(), 65536)
            if not more:
                break
            said += more
    return said


def end_by(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """End a run by a signal; it says so by its code and its last line."""
    process.send_signal(number)
    _, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 128 + number, errors
    assert errors.decode().splitlines()[-1] == "interrupted; nothing half-made was left"
    assert b"Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_run_that_is_ended_says_so_by_its_code_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    with measuring(tmp_path, "ended") as process:
        end_by(process, number)
    assert list((tmp_path / "data").glob("*")) == []
    assert list(tmp_path.glob("results/*")) == []


def test_the_next_run_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    with measuring(tmp_path, "killed") as process:
        process.kill()
        process.wait(timeout=WAIT_S)
    left = [*(tmp_path / "data").glob("*"), *(tmp_path / "results").iterdir()]
    assert len(left) == 2
    assert all(str(process.pid) in path.name for path in left)
    # Under the same name, which is free again.
    with measuring(tmp_path, "killed") as following:
        assert not any(path.exists() for path in left)
        end_by(following, signal.SIGTERM)
    assert list((tmp_path / "data").glob("*")) == []
    assert list(tmp_path.glob("results/*")) == []


def test_a_load_that_cannot_be_offered_is_refused_before_anything_is_seeded(
    command: Command, tmp_path: Path
) -> None:
    words = ("run", "--scale", "0.002", "--visit-seconds", "0")
    assert "above 0" in refused(command, tmp_path, *words)
    assert list(tmp_path.iterdir()) == []
