"""Wrong use of the command line: one sentence, exit code 2, nothing changed."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import click
import numpy as np
import pytest

from bench import cli, errors, exit_codes, exit_handling
from bench.errors import BenchError
from bench.judge import compare_runs
from bench.measure.scratch import held
from bench.resale import locust_command, migrating
from bench.results import samples as samples_file
from bench.results import store
from bench.results.comparison import OperationComparison
from bench.results.run import Run
from bench.results.run_changes import RunChanges
from bench.study import load_study
from reference_app import migrate
from reference_app.database import connect
from seeds import load
from tests.bench.command import Command, refused
from tests.bench.fixtures import judged
from tests.bench.fixtures.show_report import make_report, make_run

VERIFICATION = (
    "SELECT name FROM sqlite_master WHERE type='table' AND name IN"
    " ('stock_moves', 'analytics_daily') ORDER BY name",
    "SELECT COUNT(*) FROM sqlite_master WHERE type='index'",
)


@pytest.mark.parametrize("words", [
    ("run", "--db", "no.db"),
    ("micro", "--db", "no.db"),
    ("migrate", "--db", "no.db", "--arm", "after"),
    ("serve", "--db", "no.db", "--port", "0"),
])  # fmt: skip
def test_no_such_file(command: Command, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert "no.db" in refused(command, tmp_path, *words)


@pytest.mark.parametrize("words", [
    ("run", "--db", "other.db"),
    ("micro", "--db", "other.db"),
    ("migrate", "--db", "other.db", "--arm", "after"),
    ("migrate", "--db", "other.db", "--arm", "after", "--list"),
    ("serve", "--db", "other.db", "--port", "0"),
])  # fmt: skip
@pytest.mark.parametrize("content", ["text", "sqlite", "sqlite in WAL mode", "empty"])
def test_not_our_schema(
    command: Command, tmp_path: Path, words: tuple[str, ...], content: str
) -> None:
    path = tmp_path / "other.db"
    if content == "empty":
        path.touch()
    elif content == "text":
        path.write_text("this is no database, whatever its name says\n" * 50)
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY)")
            if "WAL" in content:
                connection.execute("PRAGMA journal_mode = WAL")
    assert "other.db" in refused(command, tmp_path, *words)
    assert [found.name for found in tmp_path.iterdir()] == ["other.db"]


@pytest.mark.parametrize("words", [
    ("account", "--email", "staff@example.com"),
    ("audit",),
    ("evidence", "--parts", "cost"),
    ("live",),
    ("load",),
    ("micro",),
    ("migrate", "--arm", "after"),
    ("migrate", "--arm", "after", "--list"),
    ("rollup",),
    ("run",),
    ("serve", "--port", "0"),
])  # fmt: skip
@pytest.mark.parametrize("link", [False, True])
def test_a_name_that_is_not_utf8(
    command: Command,
    shop: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    *,
    link: bool,
) -> None:
    monkeypatch.setenv("RESALE_ACCOUNT_PASSWORD", "long enough for anybody")
    named = tmp_path / os.fsdecode(b"caf\xe9.db")
    for file in sorted(shop.parent.glob(f"{shop.name}*")):
        file.rename(tmp_path / file.name.replace(shop.name, named.name))
    if link:
        (tmp_path / "cafe.db").symlink_to(named)
        for file in sorted(tmp_path.glob(f"{named.name}.*")):
            file.rename(tmp_path / file.name.replace(named.name, "cafe.db"))
        named = tmp_path / "cafe.db"
    sentence = refused(command, tmp_path, words[0], "--db", named, *words[1:])
    assert r"caf\xe9.db is not UTF-8" in sentence
    assert "rename it" in sentence


def test_a_new_name_that_is_not_utf8(command: Command, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.db")
    assert "is not UTF-8" in refused(command, tmp_path, "seed", "--db", name, "--scale", "0.001")


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "inf", "0.00001", "11"])
@pytest.mark.parametrize("name", ["run", "seed"])
def test_a_bad_scale(command: Command, tmp_path: Path, name: str, scale: str) -> None:
    words = [name, "--scale", scale, *(["--db", "new.db"] if name == "seed" else [])]
    assert "scale" in refused(command, tmp_path, *words)


def test_an_existing_file_is_not_overwritten(command: Command, tmp_path: Path) -> None:
    (tmp_path / "there.db").write_text("precious")
    assert "there.db" in refused(command, tmp_path, "seed", "--db", "there.db", "--scale", "0.01")


def test_a_port_in_use(command: Command, seeded: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        sentence = refused(command, tmp_path, "serve", "--db", seeded, "--port", port)
    assert str(port) in sentence


@pytest.mark.parametrize("words", [("run",), ("seed", "--db", "new.db")])
def test_too_little_disk(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    nothing = os.statvfs_result((4096, 4096, 10, 1, 1, 10, 10, 10, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: nothing)
    assert re.search(r"\d MB", refused(command, tmp_path, *words, "--scale", "0.01"))


def test_an_unfinished_run_folder(command: Command, tmp_path: Path) -> None:
    unfinished = f"results/one.partial-{os.getpid()}"

    def make() -> Path:
        (tmp_path / unfinished).mkdir(parents=True)
        return tmp_path / unfinished

    with held(make):
        words = ("run", "--scale", "0.01", "--name", "one")
        assert "unfinished" in refused(command, tmp_path, *words)
    for name in ("report", "compare"):
        assert "unfinished" in refused(command, tmp_path, name, unfinished)
        assert "no run's folder" in refused(command, tmp_path, name, "results/two")


def test_a_database_of_another_arm_is_no_source(
    command: Command, shop: Path, tmp_path: Path
) -> None:
    assert command("migrate", "--db", shop, "--arm", "after")[0] == exit_codes.GOOD
    assert "before" in refused(command, tmp_path, "run", "--db", shop)
    assert "recommended" not in refused(
        command, tmp_path, "migrate", "--db", shop, "--arm", "before"
    )


@pytest.mark.parametrize("words", [
    ("migrate", "--db", "x.db", "--arm", "sideways"),
    ("micro", "--db", "x.db", "--operation", "nothing"),
    ("run", "--study", "no.toml"),
    ("run", "--name", "../up"),
    ("run", "--db", "x.db", "--scale", "1"),
    ("run", "--db", "x.db", "--seed", "1"),
    ("run", "--results", "/proc/none", "--scale", "0.001"),
    ("run", "--work", "/proc/none", "--scale", "0.001"),
    ("seed", "--db", "nowhere/x.db", "--scale", "0.01"),
    ("seed", "--db", "x.db", "--scale", "0.01", "--workers", "0"),
    ("micro",),
    ("compare", "a", "b", "c"),
    ("compare", "--base", "a"),
    ("waltz",),
])  # fmt: skip
def test_other_wrong_words(command: Command, tmp_path: Path, words: tuple[str, ...]) -> None:
    refused(command, tmp_path, *words)


def test_the_migration_satisfies_the_reports_own_queries(command: Command, shop: Path) -> None:
    code, out, _ = command("migrate", "--db", shop, "--arm", "after", "--json")
    assert code == exit_codes.GOOD
    # Two tables and fourteen indexes, and the rows of the tables.
    assert len(json.loads(out)) == 17
    with closing(sqlite3.connect(shop)) as connection:
        answers = [connection.execute(sql).fetchall() for sql in VERIFICATION]
    assert answers == [[("analytics_daily",), ("stock_moves",)], [(55,)]]
    ours = connect(shop)
    assert ours.pragma("foreign_keys") == 1
    ours.close()


def test_listing_what_is_pending_writes_nothing(
    command: Command, shop: Path, tmp_path: Path
) -> None:
    before = shop.read_bytes()
    code, out, _ = command("migrate", "--db", shop, "--arm", "recommended", "--list", "--json")
    assert code == exit_codes.GOOD
    arm = load_study().arm("recommended")
    assert json.loads(out) == [*arm.migrations[1:], *arm.statistics]
    assert shop.read_bytes() == before


def test_migrating_twice_changes_nothing(command: Command, shop: Path) -> None:
    assert command("migrate", "--db", shop, "--arm", "after")[0] == exit_codes.GOOD
    connection = connect(shop)
    before = migrate.applied(connection)
    connection.close()
    code, out, _ = command("migrate", "--db", shop, "--arm", "after", "--json")
    assert (code, json.loads(out)) == (exit_codes.GOOD, [])
    connection = connect(shop)
    assert migrate.applied(connection) == before
    connection.close()


def test_what_stays_empty_is_said(command: Command, shop: Path) -> None:
    shop.with_name("shop.db.manifest.json").unlink()
    code, _, said = command("migrate", "--db", shop, "--arm", "after")
    assert code == exit_codes.GOOD
    assert "stock_moves and analytics_daily stay empty" in said
    assert migrating.empty_tables(shop) == ("stock_moves", "analytics_daily")


def test_every_command_has_help_with_an_example(command: Command) -> None:
    for name in cli.cli.commands:
        code, out, _ = command(name, "--help")
        assert code == exit_codes.GOOD
        assert f"Example: resale-bench {name}" in " ".join(out.split())
        options = [
            entry for entry in cli.cli.commands[name].params if isinstance(entry, click.Option)
        ]
        assert all(option.help for option in options), name


def test_operations_are_listed(command: Command) -> None:
    code, out, _ = command("micro", "--list")
    assert code == exit_codes.GOOD
    assert [line.split()[0] for line in out.splitlines()] == [
        operation.name for operation in load_study().operations
    ]


def test_named_errors_have_codes_and_faults_have_none() -> None:
    assert errors.exit_code_of(BenchError("x")) == exit_codes.WRONG_USE
    assert errors.exit_code_of(RuntimeError("x")) is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "/x/y: No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), "/x/y: Permission denied"),
        (apsw.FullError("database or disk is full"), "disk became full"),
        (apsw.IOError("disk I/O error"), "disk I/O error"),
        (apsw.ProtocolError("locking protocol"), "locking protocol"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(load, "seed", fail)
    told = refused(command, tmp_path, "seed", "--db", "new.db")
    assert said in told
    # Not every command has one.
    assert "--scale" not in told


def test_a_fault_keeps_its_traceback_and_is_no_regression(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(load, "seed", fail)
    code, _, said = command("seed", "--db", "new.db")
    assert code == exit_handling.FAULT == 70
    assert "Traceback" in said
    assert "ZeroDivisionError" in said


def test_a_damaged_run_is_no_regression(command: Command, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "run.json").write_text("{}")
    for name in ("compare", "report"):
        assert "run.json lacks" in refused(command, tmp_path, name, "one")


def test_the_hang_up_stays_ignored_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signals = exit_handling.Signals()
        signals.listen()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        assert signals.exit_code == 143
        signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def change(*verdicts: str) -> RunChanges:
    return RunChanges(
        base=("a",),
        head=("b",),
        changes=(),
        missing=(),
        new=(),
        slower=tuple(verdict for verdict in verdicts if verdict == "slower"),
        inconclusive=(),
        undecided=set(verdicts) == {"inconclusive"},
    )


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (("same", "inconclusive"), exit_codes.GOOD),
        (("slower", "inconclusive"), exit_codes.REGRESSION),
        (("inconclusive", "inconclusive"), exit_codes.INVALID),
    ],
)
def test_a_comparison_that_tells_nothing_is_not_good(
    command: Command, monkeypatch: pytest.MonkeyPatch, verdicts: tuple[str, ...], code: int
) -> None:
    monkeypatch.setattr(store, "read_run", lambda folder: make_report())
    monkeypatch.setattr(compare_runs, "between", lambda base, head: change(*verdicts))
    assert command("compare", "a", "b", "--json")[0] == code


def several(side: str, *speedups: float) -> dict[str, compare_runs.ComparedRun]:
    """Hand-made runs of one operation, by folder."""
    arm = judged.figures(vm_steps=10_512, fullscan_steps=0, sorts=0, plan=("SCAN t",))

    def operations(speedup: float) -> tuple[OperationComparison]:
        pair = judged.pair(speedup, speedup * 0.99, speedup * 1.01)
        return (judged.measured("events_recent", {"after": arm}, pair),)

    return {
        f"{side}{place}": compare_runs.ComparedRun(
            Run.model_validate(make_run() | {"name": f"{side}{place}"}),
            judged.comparison().model_copy(update={"operations": operations(speedup)}),
            {
                "events_recent": {
                    "before": np.full((7, 1, 1), 1e6 * speedup), "after": np.full((7, 1, 1), 1e6),
                }
            },
        )
        for place, speedup in enumerate(speedups)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("speedups", "code", "word"),
    [
        ((2.005, 2.015, 1.985), exit_codes.GOOD, "same"),
        ((1.6, 1.61, 1.62), exit_codes.REGRESSION, "slower"),
        ((1.4, 2.3, 1.8), exit_codes.INVALID, "inconclusive"),
    ],
)
def test_three_runs_a_side_are_compared(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    speedups: tuple[float, ...],
    code: int,
    word: str,
) -> None:
    known = several("a", 2.0, 2.01, 1.99) | several("b", *speedups)
    # Of a run's documents `compare` takes these two.
    monkeypatch.setattr(store, "read_run", lambda folder: known[folder.name])
    monkeypatch.setattr(samples_file, "read_samples", lambda path: known[path.parent.name].samples)
    words = ("compare", "--base", "a0", "--base", "a1", "--base", "a2", "b0", "b1", "b2")
    ended, out, said = command(*words)
    assert (ended, said) == (code, "")
    assert out.startswith("a0, a1, a2 → b0, b1, b2")
    [row] = [line for line in out.splitlines() if "events_recent" in line and "│" in line]
    assert [cell.strip() for cell in row.split("│")][-3:-1] == ["same", word]
    assert "one run a side" not in out


def test_serve_names_the_command_that_visits_the_shop() -> None:
    said = locust_command.locust_command("http://127.0.0.1:1")
    assert said.endswith("bench/shop.py --host http://127.0.0.1:1")


def test_an_output_cut_short_is_no_fault(seeded: Path) -> None:
    """`resale-bench micro --list | head -1` ends quietly."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "bench.cli", "micro", "--list"],
        stdout=write, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(write)
    assert "Traceback" not in done.stderr
