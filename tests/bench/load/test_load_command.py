"""`resale-bench load` from the command line: what it leaves, what it refuses, how it ends early."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench import errors, exit_codes
from bench.errors import BenchError
from bench.load import hdrlog, job, records
from bench.load.ab_test import LoadProfile
from bench.load.arrivals import InvalidSchedule
from bench.load.generator import GeneratorFailed
from bench.load.servers import ServerUnfit
from bench.load.workspace import Workspace
from bench.report.sections.load import request_title
from bench.resale.hooks import HOOKS
from bench.results.load import Load
from bench.study import load_study
from tests.bench.command import Command, refused
from tests.bench.processes import hear_interruptions

ROOT = Path(__file__).parents[3]
QUICK = ("--rate", "60", "--seconds", "0.5", "--warm-up", "0.25", "--groups", "1")
WAIT_S = 120
KEYS = {
    "schema_version", "study", "base", "arm", "plan", "dataset", "environment", "placement",
    "generator", "valid", "invalid_because", "invariants", "blocks", "judged", "percentiles",
    "timeline", "limits",
}  # fmt: skip
PLAN = {
    "rate_per_second", "spacing", "seconds", "warm_up_seconds", "groups", "seed", "connections",
    "timeout_s", "slots_per_block", "tape_digests", "shares", "without",
}  # fmt: skip


def words(*given: object) -> list[str]:
    return [sys.executable, "-m", "bench.cli", "load", *map(str, given)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def at_work_in(folder: Path) -> list[psutil.Process]:
    """Processes that were started for something in this folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or ()):
            found.append(process)
    return found


def left_in(folder: Path) -> list[psutil.Process]:
    """Those that do not end by themselves: who is just starting notices a moment later."""
    return psutil.wait_procs(at_work_in(folder), timeout=WAIT_S)[1]


@pytest.fixture(scope="module")
def shop_folder(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("load")
    for path in seeded.parent.glob("shop.db*"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def done(shop_folder: Path) -> tuple[Path, int, str]:
    """The folder of a load, the exit code and the output."""
    before = digest(shop_folder / "shop.db")
    with chdir(shop_folder):
        code, output, error = Command()("load", "--db", "shop.db", "--out", "out", *QUICK)
    # What a busy machine makes of the figures is not this test's matter.
    assert code in (0, exit_codes.INVALID), error
    assert digest(shop_folder / "shop.db") == before
    return shop_folder / "out", code, output


@pytest.fixture(scope="module")
def document(done: tuple[Path, int, str]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((done[0] / "load.json").read_text(encoding="utf-8"))
    return found


def test_a_load_leaves_its_folder_and_nothing_else(
    done: tuple[Path, int, str], document: Mapping[str, Any], shop_folder: Path
) -> None:
    out, *_ = done
    assert {path.name for path in out.iterdir()} == {"load.json", "load"}
    assert {path.name for path in (out / "load").iterdir()} == {
        "before.hlog", "after.hlog",
        "before-group-1-place-1.parquet", "after-group-1-place-2.parquet",
        "after-group-1-place-3.parquet", "before-group-1-place-4.parquet",
    }  # fmt: skip
    assert list((shop_folder / "data").glob("*")) == []
    assert left_in(shop_folder) == []


def test_load_json_has_the_keys_that_others_rely_on(document: Mapping[str, Any]) -> None:
    assert document.keys() >= KEYS
    assert document["plan"].keys() >= PLAN
    assert Load.model_validate(document).json_values() == document
    assert document["plan"]["slots_per_block"] == 45
    assert set(document["plan"]["without"]) == {
        "stock_history", "stock_of_order", "rollup_range", "rollup_of_type"
    }  # fmt: skip
    assert not set(document["plan"]["without"]) & set(document["plan"]["shares"])
    assert [block["arm"] for block in document["blocks"]] == ["before", "after", "after", "before"]
    assert document["blocks"][0]["begun_s"] == 0
    assert document["invariants"] == {"held": True, "violations": [], "checked": 46}
    assert document["valid"] == (not document["invalid_because"])
    assert document["generator"]["own_cost"].keys() >= {"rate_per_second", "p50_ns", "p99_ns"}
    assert document["percentiles"].keys() == document["timeline"].keys() == {"before", "after"}
    overall = document["judged"]["overall"]
    assert overall["lanes"]["before"]["slots"] == overall["lanes"]["after"]["slots"] == 60
    assert all(entry["http"] for entry in document["judged"]["operations"])


def test_the_exit_code_says_what_the_document_says(
    done: tuple[Path, int, str], document: Mapping[str, Any]
) -> None:
    _, code, output = done
    assert code == (0 if document["valid"] else exit_codes.INVALID)
    assert output.rstrip().endswith("written: out/load.json")
    assert "all hold afterwards (46 checks)" in output
    assert output.count("group 1 of 1") == 4
    titles = {operation.name: operation.title for operation in load_study().operations}
    for entry in document["judged"]["operations"]:
        assert request_title(entry["name"], titles) in output


def test_records_and_histograms_hold_the_same_requests(
    done: tuple[Path, int, str], document: Mapping[str, Any]
) -> None:
    folder = done[0] / "load"
    for lane in ("before", "after"):
        kept = [records.read(path) for path in sorted(folder.glob(f"{lane}-*.parquet"))]
        assert [len(answers) for answers in kept] == [45, 45]
        counted = [answers.where(answers.due_ns >= 250_000_000) for answers in kept]
        good = sum(int(answers.good.sum()) for answers in counted)
        totals = hdrlog.totals(hdrlog.read(folder / f"{lane}.hlog"))
        for kind in hdrlog.KINDS:
            held = [total for tag, total in totals.items() if hdrlog.parts_of(tag)[1] == kind]
            assert sum(total.get_total_count() for total in held) == good
        lanes = document["judged"]["overall"]["lanes"]
        assert lanes[lane]["good"] == good


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("--arms", "before,nowhere"), "no arm 'nowhere'"),
        (("--arms", "before"), "Two arms are compared"),
        (("--arms", "before,after,recommended"), "Two arms are compared"),
        (("--tags", "nothing"), "no family 'nothing'"),
        (("--tags", "after-only"), "no request is left"),
        (("--rate", "0"), "give a rate and a time above 0"),
        (("--rate", "nan"), "give a rate and a time above 0"),
        (("--seconds", "0"), "give a rate and a time above 0"),
        (("--warm-up", "-1"), "give 0 for none"),
        (("--groups", "0"), "--groups"),
        (("--rate", "3000", "--tags", "write-cost"), "seed a larger one, or offer less load"),
        (("--scale", "0.1"), "has its own scale"),
        (("--out", "."), "run"),
        (("--study", "none.toml"), "no file"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(
    command: Command, shop: Path, given: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused(command, shop.parent, "load", "--db", shop, *given)


def test_requests_that_one_arm_has_no_table_for_are_left_out_for_both() -> None:
    study = load_study()

    def without(*arms: str) -> list[str]:
        return job.unanswerable(study, [study.arm(name) for name in arms])

    assert len(without("before", "after")) == 4
    assert without("after", "recommended") == []
    options = job.LoadOptions(study, ("after", "recommended"), LoadProfile(rate_per_second=5))
    mix, _ = job.check(options, HOOKS.generator.planned(0.003, 1))
    assert mix.shares["rollup_range"] > 0


def test_only_the_arms_that_are_compared_are_built() -> None:
    study = load_study()

    def built(*arms: str) -> list[str]:
        workspace = Workspace(study, Path(), Path(), 1.0, 1).with_arms(arms)
        return [arm.name for arm in workspace.study.arms]

    assert built("before", "before") == ["before"]
    assert built("before", "after") == ["before", "after"]
    assert built("after", "recommended") == ["before", "after", "recommended"]


def wait_for_play(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until a player is at work in the folder, and the server of an arm."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until and process.poll() is None:
        at_work = {word for one in at_work_in(folder) for word in one.info["cmdline"]}
        if {"bench.load.generator_process", "bench.resale.shop_process"} <= at_work:
            return
        time.sleep(0.05)
    raise AssertionError(f"no player was started: {process.communicate()}")


def test_an_interruption_ends_servers_and_players_and_leaves_nothing(shop: Path) -> None:
    folder, before = shop.parent, digest(shop)
    process = subprocess.Popen(
        words("--db", "shop.db", "--work", folder / "work", "--out", folder / "runs" / "out",
              "--rate", "20", "--seconds", "20", "--groups", "1"),
        cwd=folder, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=hear_interruptions,
    )  # fmt: skip
    wait_for_play(process, folder / "work")
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=WAIT_S)
    assert process.returncode == 128 + signal.SIGINT, error
    assert "interrupted; nothing half-made was left" in error
    assert left_in(folder) == []
    assert list((folder / "work").glob("*")) == []
    assert not (folder / "runs").exists()
    assert digest(shop) == before
    assert [path.name for path in folder.glob("shop.db-*")] == []


def small_disk(
    size_bytes: int, at: Path, command: list[str], cwd: Path, *, source: str = ""
) -> tuple[int, str, str]:
    """Run a command with a small disk mounted at a folder, of which it alone knows.

    A `source` and what lies beside it are put there first. Returns the exit code, what lay on
    the disk afterwards, and the error stream.
    """
    script = (
        'mount -t tmpfs -o size="$1" none "$2" && if [ -n "$3" ]; then cp "$3"* "$2"; fi;'
        ' shift 3; "$@" >/dev/null; code=$?; find "$0" -mindepth 1; exit $code'
    )
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", str(at)], check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    ended = subprocess.run(
        [*unshare, "sh", "-c", script, str(at), str(size_bytes), str(at), source, *command],
        cwd=cwd, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout, ended.stderr


def test_a_disk_that_becomes_full_under_the_servers(shop: Path) -> None:
    disk = shop.parent / "disk"
    disk.mkdir()
    beside = sum(path.stat().st_size for path in shop.parent.glob("shop.db.*"))
    # Room for the arms that are built and some of what is written there, which is more.
    size_bytes = int(shop.stat().st_size * 2.7) + beside + 100_000
    code, left, error = small_disk(
        size_bytes,
        disk,
        words("--db", disk / "shop.db", "--work", disk / "work", "--out", shop.parent / "out",
              "--rate", "60", "--seconds", "5", "--groups", "1"),
        shop.parent,
        source=str(shop),
    )  # fmt: skip
    assert code == exit_codes.WRONG_USE, error
    assert "full" in error or "free some" in error
    assert "Traceback" not in error
    assert sorted(Path(line).name for line in left.split()) == sorted(
        ["shop.db", "shop.db.manifest.json", "shop.db.rollup.parquet"]
    )
    assert not (shop.parent / "out").exists()


WRITE_RECORDS = """
import sys
from pathlib import Path
from bench.exit_handling import run_script
from bench.load.documents import write_records
from bench.results import store
from tests.bench.load.test_blocks import answer, columns, outcome

def main():
    with store.new_run(Path(sys.argv[1]), "out") as folder:
        answers = columns([answer("x", 1000 + n, 5) for n in range(100)])
        write_records(folder, outcome(*((series, answers) for series in "abba")))
    return 0

sys.exit(run_script(main, "stopped"))
"""


def test_a_disk_that_is_full_when_records_are_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [sys.executable, "-c", WRITE_RECORDS, str(disk)]
    code, left, error = small_disk(8192, disk, command, tmp_path)
    assert code == exit_codes.WRONG_USE, error
    assert "free some of the disk" in error
    assert left.strip() == ""


def test_each_error_has_its_exit_code() -> None:
    for error, code in (
        (BenchError("x"), 2), (BenchError("x", 3), 3), (ServerUnfit("x"), 3),
        (GeneratorFailed("x"), 2), (InvalidSchedule("x"), 2),
    ):  # fmt: skip
        assert errors.exit_code_of(error) == code
        assert errors.sentence_of(error) == "x"
