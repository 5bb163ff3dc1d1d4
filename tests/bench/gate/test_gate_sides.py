"""bench.gate: trees, databases and processes of two sides, on small ones."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from bench.engines.sqlite.counters import count
from bench.engines.sqlite.trace import Trace, depends_on, plan_of, watch_connections
from bench.errors import BenchError, exit_code_of
from bench.gate import baseline, timing, timing_plan
from bench.gate.exact import observe
from bench.gate.job import run_gate
from bench.gate.options import GateOptions
from bench.gate.processes import (
    HARNESS,
    THIS_PYTHON,
    SideFailed,
    WorkerProcess,
    WorkerSpec,
    environment,
)
from bench.gate.study_gate import Checkout, Data, study_gate
from bench.gate.trees import Tree, base_tree, head_tree
from bench.gate.worker import main
from bench.gate.worker.asgi import ask, scope_of
from bench.gate.worker.counts import CounterWorker
from bench.gate.worker.timing import TimingWorker
from bench.gate.workload import TIMED_SETS, operations_of_both
from bench.measure.core_clock import CoreClock, Reading
from bench.resale.gate.building import MIGRATED_BY, SEEDED_BY, build
from bench.resale.gate.sides import GATE
from bench.resale.gate.tree_adapter import TreeAdapter
from bench.resale.gate.workload import workload_item
from bench.study import BUILT_IN, StudyError, load_study
from bench.study.hooks import hooks_of
from reference_app import queries
from reference_app.database import connect, parts, transaction

ROOT = Path(__file__).parents[3]
STUDY = load_study(BUILT_IN)


# What runs in a side's process


def test_what_runs_beside_a_tree_imports_no_other_shop_before_it(tmp_path: Path) -> None:
    adapters = ("bench.gate.worker.custom_database", GATE.adapter.partition(":")[0])
    workers = ("main", "answers", "counts", "timing")
    names = [*adapters, *(f"bench.gate.worker.{name}" for name in workers)]
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(*{name.partition('.')[0] for name in sys.modules} & {'reference_app', 'seeds'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_a_study_without_code_of_its_own_is_told_how_to_gate(tmp_path: Path) -> None:
    study = load_study(ROOT / "tests" / "bench" / "studies" / "library")
    with pytest.raises(BenchError, match="--queries FILE"):
        study_gate(study, hooks_of(study))


def test_a_request_reaches_the_application_as_asgi_says() -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        got = await receive()
        told = [
            scope["method"],
            scope["path"],
            scope["query_string"].decode(),
            got["body"].decode(),
        ]
        told.append(dict(scope["headers"])[b"authorization"].decode())
        scope["path"] = "changed"
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"[", "more_body": True})
        await send({"type": "http.response.body", "body": json.dumps(told).encode() + b"]"})

    scope = scope_of(
        {
            "method": "GET", "path": "/a%20b?c=d%26", "headers": {"Authorization": "Bearer x"},
            "body": {"e": 1},
        }
    )  # fmt: skip
    for _ in range(2):
        status, body = asyncio.run(ask(app, scope))
        assert status == 201
        assert json.loads(body) == [["GET", "/a b", "c=d%26", '{"e": 1}', "Bearer x"]]


def test_a_trace_counts_what_code_does_on_connections_of_its_own() -> None:
    trace = Trace()
    with watch_connections(trace):
        connection = apsw.Connection(":memory:")
    unwatched = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a, b)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(n, -n) for n in range(50)])
    trace.clear()
    for limit in (3, 4):
        connection.execute("SELECT a FROM t ORDER BY b LIMIT ?", (limit,)).fetchall()
    unwatched.execute("SELECT 1").fetchall()
    found = trace.total()
    assert (found["statements"], found["rows"], found["sorts"]) == (2, 7, 2)
    assert found["texts"] == {"SELECT a FROM t ORDER BY b LIMIT ?": 2}
    assert found["fullscan_steps"] == 2 * 49
    trace.changed = 5
    assert trace.total()["rows"] == 5
    trace.clear()
    assert trace.total()["statements"] == trace.total()["vm_steps"] == 0


VIRTUAL = {
    "fts5": (
        "CREATE VIRTUAL TABLE v USING fts5(body);"
        "INSERT INTO v SELECT 'word' || (value % 7) FROM json_each('[1,2,3,4,5,6,7,8,9]')",
        "SELECT rowid FROM v WHERE v MATCH 'word3'",
        "INSERT INTO v VALUES ('word3')",
    ),
    "rtree": (
        "CREATE VIRTUAL TABLE v USING rtree(id, x0, x1);"
        "INSERT INTO v SELECT value, value, value FROM json_each('[1,2,3,4,5,6,7,8,9]')",
        "SELECT id FROM v WHERE x0 > 8",
        "INSERT INTO v(x0, x1) VALUES (3, 4)",
    ),
}


@pytest.mark.parametrize("kind", VIRTUAL)
def test_what_a_virtual_table_runs_inside_does_not_count(kind: str) -> None:
    schema, read, write = VIRTUAL[kind]
    trace = Trace()
    with watch_connections(trace):
        connection = apsw.Connection(":memory:")
    connection.execute(schema)
    for sql, rows in ((read, 1), (write, 0)):
        found = []
        for _ in range(4):
            connection.execute("BEGIN")
            trace.clear()
            connection.execute(sql).fetchall()
            found.append(trace.total())
            connection.execute("ROLLBACK")
        assert found[0]["texts"] == {sql: 1}
        assert (found[0]["statements"], found[0]["rows"]) == (1, rows)
        assert found.count(found[0]) == 4


def test_triggers_and_statements_between_the_rows_of_another_count() -> None:
    trace = Trace()
    with watch_connections(trace):
        connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE t(a); CREATE TABLE log(a);"
        "CREATE TRIGGER kept AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END;"
        "INSERT INTO t VALUES (1), (2)"
    )
    trace.clear()
    for _ in connection.execute("SELECT a FROM t"):
        connection.execute("SELECT 1").fetchall()
    assert trace.total()["texts"] == {"SELECT 1": 2, "SELECT a FROM t": 1}
    assert trace.total()["rows"] == 4
    trace.clear()
    connection.execute("INSERT INTO t VALUES (3)")
    assert trace.total()["texts"] == {"INSERT INTO t VALUES (3)": 1}


def test_a_plan_is_that_of_the_values_bound() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a, b)")
    many = ((0 if n else 7, n % 500) for n in range(5_000))
    connection.executemany("INSERT INTO t VALUES (?, ?)", many)
    connection.execute("CREATE INDEX t_a ON t(a); CREATE INDEX t_b ON t(b); ANALYZE")
    sql = "/* both */ SELECT * FROM t WHERE a = :a AND b = :b"
    rare, frequent = (plan_of(connection, sql, {"a": a, "b": 3}) for a in (7, 0))
    assert rare == ["SEARCH t USING INDEX t_a (a=?)"]
    assert frequent == ["SEARCH t USING INDEX t_b (b=?)"]
    assert plan_of(connection, "BEGIN IMMEDIATE", None) == []


def test_a_trace_keeps_what_was_bound() -> None:
    trace = Trace()
    with watch_connections(trace):
        connection = apsw.Connection(":memory:")
    for value in (3, 4):
        connection.execute("SELECT :a ", {"a": value}).fetchall()
    [text] = trace.total()["texts"]
    assert trace.bound(text) == {"a": 3}
    trace.clear()
    assert trace.bound(text) is None


@pytest.mark.parametrize(
    ("sql", "bindings", "depends"),
    [
        ("SELECT a FROM t ORDER BY random() LIMIT 5", None, "chance"),
        ("SELECT a FROM shuffled", None, "chance"),
        ("SELECT hex(randomblob(4))", None, "chance"),
        ("SELECT strftime('%s', 'now') - a FROM t", None, "clock"),
        ("SELECT a FROM t WHERE b > date('NOW', '-7 days')", None, "clock"),
        ("SELECT a FROM t WHERE b > date(:since)", {"since": "now"}, "clock"),
        ("SELECT a FROM t WHERE b > date(?)", ("now",), "clock"),
        ("SELECT CURRENT_TIMESTAMP", None, "clock"),
        ("SELECT datetime()", None, "clock"),
        ("SELECT date(b), 'now is not' FROM t", None, None),
        ("SELECT a FROM t WHERE b = 'now'", None, None),
        ("SELECT a FROM t WHERE b > date(:since)", {"since": "2026-01-31"}, None),
        ("SELECT a AS random FROM t", None, None),
        ("BEGIN", None, None),
    ],
)
def test_what_an_answer_depends_on(sql: str, bindings: Any, depends: str | None) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE t(a, b); CREATE VIEW shuffled AS SELECT a FROM t ORDER BY random()"
    )
    assert depends_on(connection, sql, bindings) == depends


class Waits(CoreClock):
    """A clock whose waits for a core are given."""

    def __init__(self, *waited_ns: int) -> None:
        super().__init__()
        self.left = list(waited_ns)

    def _waited_ns(self) -> int:
        return self.left.pop(0)


def test_the_clock_leaves_out_waits_for_a_core_and_no_work() -> None:
    clock = Waits(0, 9_000_000_000)
    clock.begin()
    long_ago = Reading(time.perf_counter_ns() - 10_000_000_000, time.process_time_ns())
    # 10 s by the wall, 9 of them in the queue of a core.
    assert 1_000_000_000 <= clock.since(long_ago) < 2_000_000_000
    # The queue is asked for what has come since the last time.
    clock.left = [9_500_000_000]
    assert 9_500_000_000 <= clock.since(long_ago) < 10_400_000_000
    clock.left = [20_000_000_000]
    busy = Reading(long_ago.wall_ns, time.process_time_ns() - 3_000_000_000)
    # It worked for 3 s, whatever its threads waited for one another.
    assert 3_000_000_000 <= clock.since(busy) < 4_000_000_000
    clock.left = [20_000_000_000]
    assert clock.since(long_ago) >= 10_000_000_000


def test_the_clock_asks_for_no_waits_where_all_was_work() -> None:
    clock = Waits(0)
    clock.begin()
    worked = Reading(
        time.perf_counter_ns() - 10_000_000_000, time.process_time_ns() - 9_950_000_000
    )
    assert clock.since(worked) >= 10_000_000_000
    assert clock.left == []


def slept_ns() -> int:
    """What the clock counts of a sleep of 20 ms."""
    clock = CoreClock()
    clock.begin()
    begun = clock.start()
    time.sleep(0.02)
    return clock.since(begun)


def test_a_sleep_counts() -> None:
    # The kernel may count a little of its end as waiting for the core, on a busy machine much.
    assert any(slept_ns() >= 10_000_000 for _ in range(50))


def test_a_side_answers_errors_and_goes_on() -> None:
    def broken() -> None:
        raise ValueError("no\nway")

    written: list[bytes] = []
    commands: Mapping[str, Any] = {"add": lambda a, b: a + b, "broken": broken}
    lines = ['{"do": "broken"}', '{"do": "add", "a": 1, "b": 2}']
    main.serve(commands, lines, written.append)
    assert [json.loads(line) for line in written] == [{"error": "ValueError: no way"}, {"ok": 3}]


# Processes


def tree_with(folder: Path, **files: str) -> Path:
    """A tree whose reference_app consists of these modules."""
    package = folder / "reference_app"
    package.mkdir(parents=True)
    for name, text in {"__init__": "", **files}.items():
        (package / f"{name}.py").write_text(text)
    return folder


def spec_of(tree: Path, scratch: Path) -> WorkerSpec:
    return WorkerSpec("head", GATE.adapter, tree, scratch / "no.db", THIS_PYTHON, scratch)


def test_a_side_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    tree = tree_with(tmp_path / "tree", __init__="raise RuntimeError('broken shop')")
    lane = WorkerProcess(spec_of(tree, tmp_path))
    try:
        with pytest.raises(SideFailed, match="broken shop"):
            lane.ask("about")
    finally:
        lane.close()


def test_a_base_whose_code_is_of_another_age_cannot_be_compared(tmp_path: Path) -> None:
    opening = "import apsw\ndef connect(path, *, query_only): return apsw.Connection(':memory:')\n"
    queries = "OPERATIONS = {'op': ('q',)}\n"
    head = spec_of(tree_with(tmp_path / "tree", queries=queries, database=opening), tmp_path)
    old = tree_with(tmp_path / "old", queries="STATEMENTS = {}\n", database=opening)
    base = replace(head, name="base", source=old)
    with pytest.raises(BenchError, match=r"cannot be compared.*no attribute 'OPERATIONS'") as told:
        observe([base, head], [], lambda _: None)
    assert exit_code_of(told.value) == 4
    with pytest.raises(SideFailed):
        observe([replace(base, source=head.source), replace(head, source=old)], [], lambda _: None)


def test_a_side_runs_its_own_code_alike_each_time(tmp_path: Path) -> None:
    code = "print('noise on standard output')\nOPERATIONS = {'op': ('q',)}\n"
    opening = "import apsw\ndef connect(path, *, query_only): return apsw.Connection(':memory:')\n"
    tree = tree_with(tmp_path / "tree", queries=code, database=opening)
    lane = WorkerProcess(spec_of(tree, tmp_path))
    try:
        about = lane.ask("about")
    finally:
        lane.close()
    assert about["operations"] == ["op"]
    assert (about["analysed"], about["indexes"]) == (False, {})
    assert not list(tree.rglob("__pycache__"))


def test_all_sides_have_one_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESALE_READERS", "9")
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    found = environment(HARNESS)
    assert "RESALE_READERS" not in found
    assert "PYTHONOPTIMIZE" not in found
    assert found["PYTHONHASHSEED"] == "0"


# Turns


class FakeClock:
    """Takes times from a list, one for each execution."""

    def __init__(self, times: list[int]) -> None:
        self.times = times

    def begin(self) -> None:
        """Nothing to begin."""

    def start(self) -> Reading:
        return Reading(0, 0)

    def since(self, start: Reading) -> int:
        return self.times.pop(0)


@pytest.mark.parametrize(
    ("times", "least", "left"),
    # Quick ones are tried five times, since the first are those of a cold cache; a slow one once.
    [([900, 700, 300, 310, 320, 1], 300, 1), ([50_000_000, 1], 50_000_000, 1)],
)
def test_what_an_operation_takes_is_told_by_its_quickest_execution(
    monkeypatch: pytest.MonkeyPatch, times: list[int], least: int, left: int
) -> None:
    side: Any = None
    turns = TimingWorker(side)
    clock = FakeClock(times)
    monkeypatch.setattr(turns, "_clock", clock)
    monkeypatch.setattr(turns, "_answer", lambda draw: "x")
    assert turns._least_ns() == least
    assert len(clock.times) == left


# Draws


def test_both_sides_are_asked_the_same_and_by_http_where_a_get_answers() -> None:
    first, again = (workload_item(STUDY.operation("product_detail"), 0.01, 3) for _ in range(2))
    assert first == again
    assert first is not None
    assert len(first.parameters) == len(first.requests) == TIMED_SETS
    assert first.requests[0]["path"].startswith("/products/")
    reset = workload_item(STUDY.operation("password_resets_for_user"), 0.01, 3)
    assert reset is not None
    assert reset.requests == ()


def test_operations_of_both_sides_are_listed() -> None:
    few = [one.name for one in operations_of_both(None, STUDY, ["checkout", "events_recent"])]
    assert few == ["events_recent", "checkout"]
    with pytest.raises(StudyError, match="nobody"):
        operations_of_both(None, STUDY, ["nobody"])


# Trees


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit of something that looks like a shop."""
    folder = tree_with(tmp_path / "repo", code="VALUE = 1\n")
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.com"]
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "one"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


def test_a_ref_is_laid_out_beside_the_changed_head(repository: Path, tmp_path: Path) -> None:
    (repository / "reference_app" / "code.py").write_text("VALUE = 2\n")
    head, base = (
        head_tree(repository, "reference_app"),
        base_tree(repository, "HEAD", tmp_path / "base", "reference_app"),
    )
    assert (head.dirty, base.dirty) == (True, False)
    assert head.commit == base.commit
    assert "with changes" in head.what
    assert (base.path / "reference_app" / "code.py").read_text() == "VALUE = 1\n"
    assert head.digest(["reference_app"]) != base.digest(["reference_app"])
    assert head.digest(SEEDED_BY) == base.digest(SEEDED_BY)
    listed_trees = subprocess.run(
        ["git", "worktree", "list"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert len(listed_trees.stdout.splitlines()) == 1


def test_refs_and_folders_that_are_not_there_are_refused(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no commit 'nowhere'"):
        base_tree(repository, "nowhere", tmp_path / "base", "reference_app")
    with pytest.raises(BenchError, match="no commit '--help'"):
        base_tree(repository, "--help", tmp_path / "base", "reference_app")
    bare = tree_with(tmp_path / "bare")
    with pytest.raises(BenchError, match="not a git repository"):
        base_tree(bare, "HEAD", tmp_path / "base", "reference_app")
    assert head_tree(bare, "reference_app").commit is None
    with pytest.raises(BenchError, match="holds no reference_app"):
        head_tree(tmp_path / "base", "reference_app")


def test_a_tree_that_cannot_be_built_says_what_it_said_last(tmp_path: Path) -> None:
    tree = tree_with(tmp_path / "tree")
    (tree / "bench").mkdir()
    (tree / "bench" / "__init__.py").touch()
    (tree / "bench" / "cli.py").write_text("raise SystemExit('the seeds are sour')")
    head = Checkout("head", Tree("it", tree, None, False), THIS_PYTHON, tmp_path / "x.db")
    data = Data("after", 0.001, 1)
    sentence = r"^The head .* cannot be seeded: the seeds are sour"
    with pytest.raises(BenchError, match=sentence) as told:
        build(head, head, data, GATE.copy_database, tmp_path, lambda _: None)
    assert exit_code_of(told.value) == 2
    # A base of another age has another command line, which is nobody's fault.
    (tree / "requirements.lock").write_text("another")
    base = replace(head, name="base", tree=replace(head.tree, path=tmp_path / "old"))
    shutil.copytree(tree, tmp_path / "old")
    (tmp_path / "old" / "bench" / "cli.py").write_text("raise SystemExit('No such command')")
    sentence = r"^The sides cannot be compared: the base .* cannot be seeded.*No such command"
    with pytest.raises(BenchError, match=sentence) as told:
        build(base, head, data, GATE.copy_database, tmp_path, lambda _: None)
    assert exit_code_of(told.value) == 4


# Saved runs


def saved_run(folder: Path, **operation: Any) -> Path:
    kept = {
        "vm_steps": 10, "fullscan_steps": 0, "sorts": 0, "autoindexes": 0, "rows": 1,
        "plan": ["SCAN t"],
    }  # fmt: skip
    folder.mkdir()
    arms = {"after": {**kept, **operation}}
    documents: dict[str, Any] = {
        "run": {
            "scale": 0.01, "seed": 1, "commit": "c+changes",
            "environment": {"sqlite": apsw.sqlite_lib_version(), "python": "3.11"},
        },
        "comparison": {
            "dataset": {"content_hash": "h"}, "operations": [{"name": "op", "arms": arms}],
        },
    }  # fmt: skip
    for name, content in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def test_a_saved_run_has_counters_and_no_answers(tmp_path: Path) -> None:
    run = baseline.read(saved_run(tmp_path / "run"), "after")
    (seen,) = run.seen["op"]
    assert (seen.vm_steps, seen.answer, seen.statements, seen.draw) == (10, None, None, 0)
    assert run.side("after").dirty
    assert run.like("op", [seen]) == (seen,)
    assert run.like("another", [seen]) == ()


def test_what_a_kept_run_knows_of_one_operation_says_nothing_of_another(tmp_path: Path) -> None:
    counters = {
        "vm_steps": 1, "fullscan_steps": 0, "sorts": 0, "autoindexes": 0, "rows": 1, "plan": [],
    }  # fmt: skip
    more = {"driver": "sql", "draw": 0, "statements": 1, "texts": {}, "steady": True}
    folder = saved_run(tmp_path / "run", gate=[{**counters, **more, "answer": "a"}])
    document = json.loads((folder / "comparison.json").read_text())
    write = {"after": {**counters, "gate": [{**counters, **more, "answer": None}]}}
    document["operations"].append({"name": "write", "arms": write})
    (folder / "comparison.json").write_text(json.dumps(document))
    run = baseline.read(folder, "after")
    (seen,) = run.seen["op"]
    assert run.like("op", [seen])[0].answer == "a"
    assert run.like("write", [seen])[0].answer is None


# What a database depends on


@pytest.mark.parametrize(
    ("command", "parts"),
    [("seed", SEEDED_BY), ("migrate", MIGRATED_BY)],
)
def test_all_code_that_makes_a_database_is_looked_at(
    command: str, parts: tuple[str, ...], tmp_path: Path, shop: Path
) -> None:
    given = {
        "seed": ["--db", str(tmp_path / "new.db"), "--scale", "0.001"],
        "migrate": ["--db", str(shop), "--arm", "recommended"],
    }[command]
    code = (
        "import runpy, sys\n"
        "try:\n    runpy.run_module('bench.cli', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "print(*(getattr(one, '__file__', '') or '' for one in list(sys.modules.values())), "
        "sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command, *given, "--json"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    covered = {
        file
        for part in parts
        for top in ROOT.glob(part)
        for file in ([top] if top.is_file() else top.rglob("*.py"))
    }
    used = {
        Path(line)
        for line in done.stdout.splitlines()
        if line.startswith(tuple(f"{ROOT}/{room}/" for room in ("bench", "seeds", "reference_app")))
    }
    # The command line imports every command, and runs one.
    others = {path for path in used if path.parent.name == "commands"}
    assert ROOT / "bench" / "resale" / "commands" / f"{command}.py" in used & covered
    assert sorted(used - covered - others) == []


def test_saved_runs_that_cannot_be_held_against_are_refused(tmp_path: Path) -> None:
    folder = saved_run(tmp_path / "run")
    (folder / "gate.json").write_text('{"schema_version": 1}')
    with pytest.raises(BenchError, match=r"written by another version: gate\.json has .* 1, not 2"):
        baseline.read(folder, "after")
    (folder / "gate.json").unlink()
    with pytest.raises(BenchError, match="no counters of the arm before"):
        baseline.read(folder, "before")
    run = json.loads((folder / "run.json").read_text())
    run["environment"]["sqlite"] = "3.1.0"
    (folder / "run.json").write_text(json.dumps(run))
    with pytest.raises(BenchError, match=r"SQLite 3\.1\.0"):
        baseline.read(folder, "after")
    (folder / "run.json").unlink()
    with pytest.raises(BenchError, match="not a whole run"):
        baseline.read(folder, "after")


# All of it


def test_a_migration_that_drops_an_index_is_caught(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real processes on a database and a copy that a migration changed."""
    # Rounds are taken here and not judged; one analysis ends long before the budget does.
    monkeypatch.setattr(timing, "MOST_ANALYSES", 1)
    before = shop.read_bytes()
    script = tmp_path / "drop.sql"
    script.write_text("DROP INDEX idx_orders_user;\n")
    document = run_gate(
        GateOptions(
            base=str(shop), head=ROOT, work=tmp_path / "work", migration=script, arm="before",
            operations=("order_history", "products_newest", "write_log"), budget_seconds=120.0,
        )
    )  # fmt: skip
    found = {one.name: one for one in document.operations}
    assert (document.verdict, document.exit_code) == ("regression", 1)
    lost, newest, write = (found[n] for n in ("order_history", "products_newest", "write_log"))
    assert lost.layer == "exact"
    assert "lacks the index idx_orders_user" in str(lost.cause)
    assert lost.exact is not None
    assert lost.exact.answers_equal
    for one in (newest, write):
        assert one.exact is not None
        assert one.exact.changes == ()
    assert newest.time is not None
    assert newest.time.rounds >= timing_plan.LEAST_ROUNDS
    assert shop.read_bytes() == before
    assert list((tmp_path / "work").glob("*")) == []


def test_what_goes_together_is_asked_for(shop: Path, tmp_path: Path) -> None:
    asked = GateOptions(base=str(shop), head=ROOT, work=tmp_path / "work")
    with pytest.raises(BenchError, match="--migration FILE"):
        run_gate(asked)
    with pytest.raises(BenchError, match="goes with a database"):
        run_gate(replace(asked, base="HEAD", migration=tmp_path / "x.sql"))
    script = tmp_path / "broken.sql"
    script.write_text("DROP INDEX nobody;\n")
    with pytest.raises(BenchError, match="no such index"):
        run_gate(replace(asked, migration=script))


def test_a_write_is_counted_as_the_study_counts_it(shop: Path, tmp_path: Path) -> None:
    """Else the gate would hold a head against a saved run by another measure."""
    asked = workload_item(STUDY.operation("write_log"), 0.001, 1)
    assert asked is not None
    values = asked.parameters[0]
    counts = CounterWorker(TreeAdapter(shop, ROOT, tmp_path / "head"))
    [seen] = counts.observe("write_log", "write", [values], [], [0], 60.0)
    connection = connect(shop)
    try:
        query = queries.load("write_log", parts(connection))
        with transaction(connection):
            counted, _ = count(connection, lambda: queries.write(connection, query, values))
    finally:
        connection.close()
    assert seen["vm_steps"] == counted.vm_steps
    assert seen["statements"] >= 1
