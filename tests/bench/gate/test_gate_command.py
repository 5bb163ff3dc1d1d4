"""`resale-bench gate`: exit codes, files, and what becomes a baseline."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.commands.gate import gate
from bench.errors import BenchError, exit_code_of
from bench.gate.built_sides import Measurements
from bench.gate.exact import observe
from bench.gate.options import GateOptions
from bench.gate.processes import SideFailed
from bench.gate.save_baseline import keep
from bench.gate.sides import build_sides
from bench.gate.timing import BASE, HEAD, Timings
from bench.gate.verdict_input import judge_sides
from bench.results.gate import Gate
from reference_app.database import connect

ROOT = Path(__file__).parents[3]


def run(folder: Path, *arguments: str) -> Any:
    """The command's result; only writes are gated, which take no timed rounds."""
    given = ["--head", str(ROOT), "--work", str(folder / "work")]
    return CliRunner().invoke(
        gate, [*given, "--operation", "write_log", *arguments], standalone_mode=False
    )


def migration(folder: Path, sql: str) -> str:
    path = folder / "migration.sql"
    path.write_text(sql)
    return str(path)


@pytest.mark.parametrize(
    ("error", "code"),
    [(BenchError("x"), 2), (BenchError("x", 3), 3), (SideFailed("x"), 3)],
)
def test_errors_have_their_exit_codes(error: Exception, code: int) -> None:
    assert exit_code_of(error) == code


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the project as it lies here; `kept` beside it is a saved run of it."""
    folder = tmp_path_factory.mktemp("committed") / "checkout"
    for part in ("bench", "reference_app", "seeds"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.lock", folder)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    assert counted(folder, "HEAD", folder.parent / "kept").verdict == "pass"
    return folder


@pytest.fixture
def checkout(committed: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return shutil.copytree(committed, tmp_path / "checkout")


@pytest.fixture
def kept(committed: Path) -> Path:
    return committed.parent / "kept"


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def counted(
    checkout: Path, base: str, save: Path | None = None, say: Callable[[str], None] = print
) -> Gate:
    """The gate by the exact layer of some operations, all that the times could say left out."""
    options = GateOptions(
        base=base, head=checkout, work=checkout.parent / "work",
        scale=None if Path(base).is_dir() else 0.001,
    )  # fmt: skip
    with build_sides(options, say) as built:
        some = [one for one in built.workload_items if one.operation.name in SOME]
        built = replace(built, workload_items=tuple(some))
        sides = [one for one in (built.base, built.head) if one is not None]
        about, seen = observe(sides, built.workload_items, lambda _: None)
        measured = Measurements(about, seen, Timings((), {}, 0), 0.0, (0.0,))
        document = judge_sides(built, measured)
        # Without times a read cannot pass; what is kept and compared here are counters.
        operations = tuple(
            one.model_copy(update={"verdict": "pass"}) if one.layer == "time" else one
            for one in document.operations
        )
        passed = all(one.verdict in ("pass", "improved") for one in operations)
        update = {"operations": operations, **({"verdict": "pass"} if passed else {})}
        document = document.model_copy(update=update)
        if save is not None:
            keep(built, measured, document, save)
        return document


SOME = ("sell_requests_by_status", "logs_recent", "write_log")


def test_a_passing_head_becomes_a_baseline_that_later_heads_are_held_against(
    checkout: Path, kept: Path, tmp_path: Path
) -> None:
    # An answer that got shorter is another answer, also against what was kept.
    change(checkout / "reference_app/queries/sell.sql", "LIMIT 50", "LIMIT 10")
    said: list[str] = []
    later = counted(checkout, str(kept), tmp_path / "never", said.append)
    assert said[0] == "the saved run has 100 products and 10,000 events: so many are seeded"
    assert later.base.what == "the run kept"
    assert any("times are of another hour" in note for note in later.notes)
    found = {entry.name: entry for entry in later.operations}
    assert (later.verdict, found["sell_requests_by_status"].verdict) == ("regression",) * 2
    assert (found["logs_recent"].verdict, found["write_log"].verdict) == ("pass", "pass")
    assert found["logs_recent"].exact is not None
    assert found["logs_recent"].exact.answers_equal
    assert not (tmp_path / "never").exists()


def test_an_operation_that_is_gone_is_missing_whatever_the_base(checkout: Path, kept: Path) -> None:
    change(
        checkout / "reference_app/queries/__init__.py",
        '        "logs_recent": ("logs_recent",),\n', "",
    )  # fmt: skip
    toml = checkout / "bench" / "resale" / "study.toml"
    start = toml.read_text().index('[[operations]]\nname = "logs_recent"')
    end = toml.read_text().index("[[operations]]", start + 5)
    toml.write_text(without(toml.read_text()[:start] + toml.read_text()[end:]))
    for base in ("HEAD", str(kept)):
        document = counted(checkout, base)
        found = {entry.name: entry.verdict for entry in document.operations}
        assert found["logs_recent"] == "missing"
        assert document.verdict == "inconclusive"


def without(toml: str) -> str:
    """The study without a word about logs_recent in its claims."""
    return toml.replace('"logs_recent", ', "").replace(', "logs_recent"', "")


def test_a_database_before_the_migration_lacks_what_only_it_brings(
    shop: Path, tmp_path: Path
) -> None:
    script = migration(tmp_path, "CREATE INDEX idx_more ON users (phone);\n")
    options = GateOptions(
        base=str(shop), head=ROOT, work=tmp_path / "work", migration=Path(script),
        operations=("stock_history", "write_log"),
    )  # fmt: skip
    with build_sides(options) as built:
        assert built.base is not None
        about, seen = observe([built.base, built.head], built.workload_items, lambda _: None)
        measured = Measurements(about, seen, Timings((), {}, 0), 0.0, (0.0,))
        document = judge_sides(built, measured)
    assert [entry.name for entry in document.operations] == ["write_log"]
    assert any("has what stock_history needs" in note for note in document.notes)
    assert document.verdict == "pass"


def test_what_a_migration_takes_from_a_shop_is_told_and_only_its_up_is_run(
    shop: Path, tmp_path: Path
) -> None:
    script = migration(
        tmp_path,
        "-- +goose Up\nDROP TABLE notifications;\nCREATE INDEX idx_more ON users (phone);\n"
        "-- +goose Down\nDROP INDEX idx_more;\n",
    )
    with closing(connect(shop)) as connection:
        connection.execute("CREATE VIEW unread AS SELECT id FROM notifications")
    options = GateOptions(
        base=str(shop), head=ROOT, work=tmp_path / "work", migration=Path(script),
        operations=("write_log",),
    )  # fmt: skip
    with build_sides(options) as built:
        measured = Measurements({}, {BASE: {}, HEAD: {}}, Timings((), (), 0), 0.0, (0.0,))
        document = judge_sides(replace(built, workload_items=()), measured)
    assert "what stands below `-- +goose Up` was run, and 1 statement" in " ".join(document.notes)
    assert document.migration is not None
    (loss,) = document.migration.losses
    assert loss.startswith("The view unread no longer works after the migration")
    assert document.verdict == "regression"


def test_only_what_the_gate_built_as_a_whole_is_kept(shop: Path, tmp_path: Path) -> None:
    script = migration(tmp_path, "SELECT 1;\n")
    for more in (["--base", "HEAD"], ["--base", str(shop), "--migration", script]):
        result = run(tmp_path, *more, "--save", str(tmp_path / "kept"))
        assert isinstance(result.exception, BenchError)
        assert "leave out --" in str(result.exception)


def test_a_head_that_fails_leaves_its_forms_and_none_of_an_earlier_run(
    shop: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("gate.json", "gate.xml"):
        (out / name).write_text("of an earlier run")
    bad = migration(tmp_path, "CREATE INDEX nothing ON absent (a);\n")
    result = run(tmp_path, "--base", str(shop), "--migration", bad, "--out", str(out))
    assert isinstance(result.exception, BenchError)
    assert not list(out.iterdir())
    # So many that the write pays more than `write_tax` allows.
    many = "".join(f"CREATE INDEX idx_{n} ON system_logs (message);\n" for n in range(12))
    script = migration(tmp_path, many)
    result = run(tmp_path, "--base", str(shop), "--migration", script, "--out", str(out))
    assert result.return_value == 1, result.output
    assert "write_log" in result.output
    written = {path.name for path in out.iterdir()}
    assert written == {"gate.json", "gate.md", "gate.xml", "benchmark.json"}
    document = Gate.model_validate_json((out / "gate.json").read_text())
    assert document.head.arm == ""
    assert any("not by a route were executed: write_log" in note for note in document.notes)


def test_data_of_a_database_are_not_asked_for(shop: Path, tmp_path: Path) -> None:
    script = migration(tmp_path, "SELECT 1;\n")
    result = run(tmp_path, "--base", str(shop), "--migration", script, "--scale", "1")
    assert "its own scale, seed and state" in str(result.exception)


def test_a_folder_without_a_run_is_no_ref(tmp_path: Path) -> None:
    result = run(tmp_path, "--base", str(tmp_path))
    assert "is a folder without a saved run" in str(result.exception)


def test_a_base_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    result = run(tmp_path, "--base", "no-such-ref")
    assert isinstance(result.exception, BenchError)
    assert not (tmp_path / "work").exists() or not list((tmp_path / "work").glob("*"))
