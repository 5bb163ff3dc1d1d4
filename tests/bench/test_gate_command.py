"""`resale-bench gate`: exit codes, files, and what becomes a baseline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.commands.gate import gate
from bench.errors import exit_code_of
from bench.gate.lanes import SideFailed
from bench.gate.options import GateError
from bench.judge.gate_limits import BadLimits
from bench.store import StoreError

ROOT = Path(__file__).parents[2]


def run(folder: Path, *arguments: str) -> Any:
    """The command's result; only writes are gated, which take no timed rounds."""
    given = ["--head", str(ROOT), "--work", str(folder / "work"), "--arm", "before"]
    return CliRunner().invoke(
        gate, [*given, "--operation", "write_log", *arguments], standalone_mode=False
    )


def migration(folder: Path, sql: str) -> str:
    path = folder / "migration.sql"
    path.write_text(sql)
    return str(path)


@pytest.mark.parametrize(
    ("error", "code"),
    [(GateError("x"), 2), (BadLimits("x"), 2), (SideFailed("x"), 3)],
)
def test_errors_have_their_exit_codes(error: Exception, code: int) -> None:
    assert exit_code_of(error) == code


def test_a_passing_head_becomes_a_baseline_that_later_heads_are_held_against(
    shop: Path, tmp_path: Path
) -> None:
    script = migration(tmp_path, "CREATE INDEX idx_more ON users (phone);\n")
    kept = tmp_path / "kept"
    first = run(tmp_path, "--base", str(shop), "--migration", script, "--save", str(kept))
    assert first.return_value == 0, first.output
    later = run(tmp_path, "--base", str(kept), "--json", "--out", str(tmp_path / "out"))
    assert later.return_value == 0, later.output
    document = json.loads((tmp_path / "out" / "gate.json").read_text())
    assert document["verdict"] == "pass"
    assert document["base"]["what"] == "the run kept"
    assert document["operations"][0]["exact"]["base"]["vm_steps"] > 0
    assert any("times are of another hour" in note for note in document["notes"])
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"gate.json", "gate.md", "gate.xml", "benchmark.json"}
    again = run(tmp_path, "--base", str(shop), "--migration", script, "--save", str(kept))
    assert isinstance(again.exception, StoreError)


def test_a_failing_head_is_never_kept(shop: Path, tmp_path: Path) -> None:
    script = migration(tmp_path, "CREATE INDEX idx_more ON system_logs (message);\n")
    kept = tmp_path / "kept"
    result = run(tmp_path, "--base", str(shop), "--migration", script, "--save", str(kept))
    assert result.return_value == 1, result.output
    assert not kept.exists()
    assert "write_log" in result.output


def test_data_of_a_database_are_not_asked_for(shop: Path, tmp_path: Path) -> None:
    script = migration(tmp_path, "SELECT 1;\n")
    result = run(tmp_path, "--base", str(shop), "--migration", script, "--scale", "1")
    assert "its own scale and seed" in str(result.exception)


def test_a_base_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    result = run(tmp_path, "--base", "no-such-ref")
    assert isinstance(result.exception, GateError)
    assert not (tmp_path / "work").exists() or not list((tmp_path / "work").iterdir())
