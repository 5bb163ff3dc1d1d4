"""Ordinary pytest-benchmark benchmarks of one arm, and what pytest-benchmark makes of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
CHOSEN = "products_by_size or stock_history or track_events"


def benchmarked(seeded: Path, folder: Path, arm: str) -> subprocess.CompletedProcess[str]:
    words = (
        "-m", "pytest", str(ROOT / "bench" / "micro"), "--benchmark-only", "--arm", arm,
        "--db", str(seeded), "-k", CHOSEN, "--benchmark-json", f"{arm}.json", "-q",
        "--benchmark-max-time=0.01", "--benchmark-min-rounds=3", "-p", "no:cacheprovider",
    )  # fmt: skip
    # pytest-benchmark measures nothing where it takes itself for one of xdist's workers.
    kept = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False,
        env={**kept, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
    )  # fmt: skip


def test_each_arm_is_benchmarked_and_both_are_compared(seeded: Path, tmp_path: Path) -> None:
    before = seeded.read_bytes()
    for arm in ("before", "after"):
        done = benchmarked(seeded, tmp_path, arm)
        assert done.returncode == 0, done.stdout + done.stderr
    assert seeded.read_bytes() == before
    found = {
        arm: json.loads((tmp_path / f"{arm}.json").read_text())["benchmarks"]
        for arm in ("before", "after")
    }
    # The table of stock moves comes with the migration.
    groups = {arm: {entry["group"] for entry in entries} for arm, entries in found.items()}
    assert groups["before"] == {"products_by_size", "track_events"}
    assert groups["after"] == groups["before"] | {"stock_history"}
    assert {entry["extra_info"]["arm"] for entry in found["before"]} == {"before"}
    kept = (tmp_path / "before.json", tmp_path / "after.json", REFERENCE / "micro.json")
    compared = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", "--group-by=group",
         *map(str, kept)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert compared.returncode == 0, compared.stderr
    assert "benchmark 'track_events'" in compared.stdout


def test_an_arm_that_is_not_there_is_named(seeded: Path, tmp_path: Path) -> None:
    done = benchmarked(seeded, tmp_path, "beside")
    assert done.returncode != 0
    assert "'beside'" in done.stdout
