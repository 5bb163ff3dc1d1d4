"""The gate's operations through pytest-benchmark's own comparison.

Starts pytest in processes of their own and reads what it says; judges nothing itself.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.gate.built_sides import BuiltSides
from bench.gate.processes import HARNESS, WorkerSpec
from bench.spawn import run
from tests.validation.pytest_benchmark_operations import GIVEN

CHECKS = ("mean:10%", "median:10%")
"""What `--benchmark-compare-fail` is given; the examples of its documentation are of this size."""
COMPARING = ("--benchmark-compare", "--benchmark-compare-fail", *CHECKS)
"""Without a number: with the newest that was saved. All checks behind one option: given twice, the
last alone would count (pytest-benchmark 5, whose help says it "can be used multiple times")."""
_FILE = Path(__file__).with_name("pytest_benchmark_operations.py")
_FAILED = re.compile(r"^\s*test_operation\[(?P<name>.+?)\].* - Field '(?P<field>\w+)' has failed")
_PASSED, _FAILED_CODE = 0, 1


def alarms_of(said: str) -> dict[str, list[str]]:
    """The operations by the check that they failed, from what pytest-benchmark printed."""
    found: dict[str, list[str]] = {check: [] for check in CHECKS}
    for line in said.splitlines():
        match = _FAILED.match(line)
        if match:
            check = next(one for one in CHECKS if one.startswith(f"{match['field']}:"))
            found[check].append(match["name"])
    return found


def compared(built: BuiltSides) -> dict[str, list[str]]:
    """Compare the head's times with those saved last, and save them, as a CI does.

    The first call saves the base's times to begin with; trees are alike, so that each run is
    as good a base as any.

    Raises:
        BenchError: pytest failed for another reason than a comparison.
    """
    assert built.base is not None
    folder = built.base.scratch / "theirs"
    if not folder.exists():
        folder.mkdir()
        _pytest(folder, built, built.base, [])
    return alarms_of(_pytest(folder, built, built.head, COMPARING))


def _pytest(folder: Path, built: BuiltSides, side: WorkerSpec, more: Sequence[str]) -> str:
    given = folder / f"{side.name}.json"
    given.write_text(json.dumps(_given(built, side)), encoding="utf-8")
    command = [
        sys.executable, "-m", "pytest", str(_FILE), "--benchmark-save=run", *more,
        "-q", "--tb=short",
        f"--benchmark-storage=file://{folder}", f"--rootdir={HARNESS}",
        f"--config-file={os.devnull}", "-p", "no:cacheprovider", "-p", "pytest_benchmark.plugin",
    ]  # fmt: skip
    done = run(command, env=_environment(given), cwd=folder)
    said = done.stdout + done.stderr
    failed_tests = re.search(r"\b\d+ (failed|error)", done.stdout)
    if done.returncode not in (_PASSED, _FAILED_CODE) or failed_tests:
        last = " | ".join(said.strip().splitlines()[-6:])
        raise BenchError(f"pytest-benchmark could not be run; it said last: {last}")
    if done.returncode == _FAILED_CODE and not any(alarms_of(said).values()):
        last = " | ".join(said.strip().splitlines()[-6:])
        raise BenchError(f"pytest-benchmark failed and named no operation: {last}")
    return said


def _given(built: BuiltSides, side: WorkerSpec) -> dict[str, Any]:
    """What the gate asks for, one draw of each."""
    operations = []
    for one in built.workload_items:
        if one.judged_by_time:
            parameters, requests = one.timed()
            operations.append(
                {
                    "name": one.operation.name,
                    "parameters": list(parameters[:1]),
                    "requests": list(requests[:1]),
                }
            )
    return {
        "database": str(side.database),
        "tree": str(side.source),
        "files": str(side.scratch / "theirs"),
        "operations": operations,
    }


def _environment(given: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return {
        **kept,
        "PYTHONPATH": str(HARNESS),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        GIVEN: str(given),
    }
