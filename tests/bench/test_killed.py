"""A command that is killed outright leaves no process, and the user's file as it was.

The folder that it leaves is removed by the next start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bench.measure import scratch
from seeds import load
from tests.bench.processes import is_alive, who_runs

ROOT = Path(__file__).parents[2]
QUERIES = "-- name: cheap\nSELECT count(*) FROM products, (SELECT 1 FROM products LIMIT 100);\n"
COMMANDS = {
    "load": (
        ["load", "--db", "{shop}", "--out", "{out}", "--seconds", "8"],
        ["bench.load.generator_process", "bench.resale.shop_process"],
    ),
    "live": (
        ["live", "--db", "{shop}", "--out", "{out}", "--before", "60"],
        ["bench.load.generator_process", "bench.resale.shop_process"],
    ),
    "capacity": (
        ["capacity", "--db", "{shop}", "--out", "{out}", "--seconds", "30"],
        ["bench.load.generator_process", "bench.resale.shop_process"],
    ),
    "gate": (
        ["gate", "--base", "{shop}", "--queries", "{queries}", "--base-queries", "{queries}"],
        ["bench.gate.worker.main"],
    ),
}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seeded") / "shop.db"
    load.seed(path, scale=0.001)
    return path


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def until(true: Callable[[], bool]) -> None:
    ended_by = time.monotonic() + 60
    while not true():
        assert time.monotonic() < ended_by
        time.sleep(0.02)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_command_leaves_nothing(seeded: Path, tmp_path: Path, name: str) -> None:
    options, modules = COMMANDS[name]
    work, out = tmp_path / "work", tmp_path / "results" / "out"
    queries = tmp_path / "queries.sql"
    queries.write_text(QUERIES)
    words = [word.format(shop=seeded, out=out, queries=queries) for word in options]
    before = state(seeded.parent)
    with subprocess.Popen(
        [sys.executable, "-m", "bench.cli", *words, "--work", str(work)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as command:  # fmt: skip
        parent = psutil.Process(command.pid)
        try:
            until(
                lambda: not is_alive(parent) or all(who_runs(module, parent) for module in modules)
            )
            assert is_alive(parent)
            children = parent.children(recursive=True)
        finally:
            command.kill()
    until(lambda: not any(is_alive(child) for child in children))
    assert state(seeded.parent) == before
    [left] = work.iterdir()
    assert not any(path.samefile(seeded) for path in left.rglob("*"))
    with scratch.scratch(work) as made:
        assert list(work.iterdir()) == [made]
    assert state(seeded.parent) == before
