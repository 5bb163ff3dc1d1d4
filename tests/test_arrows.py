"""The arrows between the rooms, held by reading every module's syntax tree.

A room may import only what its row allows; a module that stands in no row fails,
so that a new room must be given its row here.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("bench", "seeds", "reference_app")
EVERYTHING = OURS
# Any room may end with a sentence and an exit code.
ERRORS = ("bench.errors", "bench.codes")

# The longest matching prefix rules. Each room may always import itself.
ROOMS: dict[str, tuple[str, ...]] = {
    "seeds": (
        "reference_app.database",
        "reference_app.leftovers",
        "reference_app.migrate",
        "reference_app.untouched",
    ),
    "reference_app": (),
    "bench": (),
    "bench.study": (),
    "bench.progress": (),
    "bench.output": ("reference_app.leftovers",),
    "bench.codes": (),
    "bench.spawn": (),
    "bench.tethered": (),
    "bench.results": (),
    "bench.judge": ("bench.results", "bench.study"),
    "bench.report": ("bench.judge", "bench.results", "bench.show", "bench.study"),
    "bench.show": ("bench.judge", "bench.report", "bench.results"),
    "bench.visitors": ("seeds.plan",),
    "bench.visitors.served": ("bench.visitors", "seeds.calendar", "seeds.past", "seeds.plan"),
    # What Locust's processes record and play: the room of the load's data knows no Locust.
    "bench.visitors.announcement": ("bench.load.arrivals", "bench.visitors.mix"),
    "bench.visitors.leader": (
        "bench.load.arrivals",
        "bench.load.hdrlog",
        "bench.load.shards",
        "bench.load.tally",
        "bench.visitors",
    ),
    "bench.visitors.listening": ("bench.load.shards", "bench.visitors"),
    "bench.visitors.open_arrivals": (
        "bench.load.arrivals",
        "bench.load.tape",
        "bench.visitors",
        "seeds.plan",
    ),
    "bench.visitors.options": ("bench.load.arrivals", "bench.visitors", "seeds.plan"),
    "bench.visitors.process": ("bench.load.tally", "bench.visitors"),
    "bench.visitors.recorder": ("bench.load.records", "bench.load.tally", "bench.visitors"),
    "bench.visitors.shard": ("bench.load.hdrlog", "bench.load.records", "bench.load.tally"),
    "bench.load": ("bench.spawn", "bench.visitors.calls", "seeds.plan"),
    "bench.load.rewind": ("reference_app.database", "reference_app.stock.audit"),
    "bench.load.servers": (
        "bench.load",
        "bench.load.server_process",
        "bench.visitors.mix",
        "reference_app.database",
        "reference_app.stock.audit",
    ),
    "bench.load.duel": (
        "bench.load",
        "bench.measure.page_cache",
        "bench.visitors.calls",
        "seeds.plan",
    ),
    "bench.load.own_cost": ("bench.load", "bench.visitors.calls", "reference_app.leftovers"),
    "bench.load.blocks": (
        "bench.judge.load",
        "bench.load",
        "bench.results.load",
        "bench.visitors.calls",
    ),
    "bench.load.documents": (
        "bench.judge.load",
        "bench.judge.load_blocks",
        "bench.load",
        "bench.results.load",
        "bench.study",
    ),
    "bench.load.steps": (
        "bench.load.ways",
        "reference_app.database",
        "reference_app.migrate",
    ),
    "bench.load.live_offer": (
        "bench.load",
        "bench.study",
        "bench.visitors.mix",
        "reference_app.database",
        "reference_app.untouched",
        "seeds.plan",
    ),
    "bench.load.live_checks": (
        "bench.study",
        "reference_app.database",
        "reference_app.stock.audit",
    ),
    "bench.load.live": (
        "bench.load",
        "bench.measure.disk",
        "bench.study",
        "bench.visitors",
        "reference_app.database",
        "reference_app.untouched",
        "seeds.plan",
    ),
    "bench.load.live_document": (
        "bench.judge.live",
        "bench.judge.live_stalls",
        "bench.load",
        "bench.results",
    ),
    "bench.load.live_job": EVERYTHING,
    # Strings the load comparison together, as bench.job does the main job.
    "bench.load.job": EVERYTHING,
    "bench.load.probing": (
        "bench.judge.capacity",
        "bench.load",
        "bench.results.capacity",
        "bench.visitors",
        "seeds.plan",
    ),
    "bench.load.capacity": EVERYTHING,
    "bench.shop": ("bench.visitors",),
    # A script: it runs in a process of its own.
    "bench.measure.cold_reading": (),
    "bench.measure.page_cache": ("bench.spawn",),
    "bench.measure": (
        "bench.results",
        "bench.study",
        "reference_app.database",
        "reference_app.file_lock",
        "reference_app.migrate",
        "reference_app.queries",
        "reference_app.untouched",
        "seeds.plan",
    ),
    "bench.micro": (
        "bench.measure",
        "bench.results",
        "bench.study",
        "reference_app.database",
        "reference_app.migrate",
        "reference_app.queries",
        "seeds.plan",
    ),
    # Seeds and builds an arm for pytest-benchmark.
    "bench.micro.conftest": EVERYTHING,
    # The probes know a deployment by its API only, so that they can be pointed at any.
    "bench.race": ("bench.results.race",),
    "bench.load.server_process": (
        "bench.spawn",
        "reference_app.database",
        "reference_app.leftovers",
        "reference_app.untouched",
    ),
    "bench.load.shop_process": ("reference_app.server", "reference_app.settings"),
    "bench.store": (
        "reference_app.leftovers",
        "bench.measure",
        "bench.micro",
        "bench.results",
        "bench.study",
    ),
    "bench.documents": (
        "bench.judge",
        "bench.measure",
        "bench.micro",
        "bench.report.arms",
        "bench.results",
        "bench.show",
        "bench.study",
        "seeds.manifest",
    ),
    # Measuring rooms fill the records that the judging room defines.
    "bench.evidence": (
        "bench.judge.ablation_effects",
        "bench.judge.evidence",
        "bench.judge.matrix",
        "bench.judge.recommended",
        "bench.judge.records",
        "bench.measure",
        "bench.micro",
        "bench.results",
        "bench.study",
        "reference_app.database",
        "reference_app.migrate",
        "reference_app.queries",
        "seeds.plan",
    ),
    # Strings the evidence together, as bench.job does the main job.
    "bench.evidence.job": EVERYTHING,
    "bench.evidence.alone": EVERYTHING,
    "bench.evidence.cost": (
        "bench.evidence",
        "bench.judge.cost_records",
        "bench.measure",
        "bench.micro",
        "bench.results",
        "bench.study",
        "bench.visitors.mix",
        "reference_app.queries",
    ),
    "bench.evidence.growth": (
        "bench.evidence",
        "bench.judge.growth",
        "bench.results",
        "reference_app.leftovers",
        "bench.measure",
        "bench.micro",
        "bench.study",
        "reference_app.database",
        "reference_app.queries",
        "seeds",
    ),
    "bench.gate": (
        "bench.judge",
        "bench.results",
        "reference_app.leftovers",
        "bench.measure",
        "bench.output",
        "bench.spawn",
        "bench.store",
        "bench.study",
        "bench.visitors.calls",
        "reference_app.database",
        "reference_app.sqltext",
        "reference_app.untouched",
        "seeds.manifest",
        "seeds.plan",
    ),
    # These run in the processes of the sides, whose `reference_app` is that of a side's tree.
    "bench.gate.side": (
        "bench.gate.side_answers",
        "bench.gate.side_counts",
        "bench.gate.side_file",
        "bench.gate.side_tree",
        "bench.gate.side_turns",
        "bench.measure.values",
        "reference_app",
    ),
    "bench.gate.side_asgi": (),
    "bench.gate.side_clock": (),
    "bench.gate.side_ordering": (),
    "bench.gate.side_answers": (
        "bench.gate.side_asgi",
        "bench.gate.side_doors",
        "bench.gate.side_ordering",
        "bench.gate.side_trace",
    ),
    "bench.gate.side_trace": (),
    "bench.gate.side_doors": ("bench.measure.counters",),
    "bench.gate.side_file": (
        "bench.gate.side_doors",
        "bench.measure.counters",
        "bench.measure.guard",
        "bench.measure.values",
    ),
    "bench.gate.side_tree": (
        "bench.gate.side_doors",
        "bench.measure.counters",
        "reference_app",
    ),
    "bench.gate.side_counts": (
        "bench.gate.side_asgi",
        "bench.gate.side_doors",
        "bench.gate.side_trace",
        "bench.measure.counters",
    ),
    "bench.gate.side_turns": (
        "bench.gate.side_asgi",
        "bench.gate.side_clock",
        "bench.gate.side_doors",
        "bench.gate.side_trace",
        "bench.measure.counters",
    ),
    "bench.gate.clones": ("bench.gate.options",),
    # Strings the gate together, as bench.job does the main job.
    "bench.gate.job": EVERYTHING,
    "bench.visits": ("bench.study", "reference_app.database", "seeds.manifest"),
    "bench.errors": ("bench.codes",),
    "bench.ending": ("bench.errors",),
    "bench.options": (
        "bench.codes",
        "bench.results",
        "bench.store",
        "bench.study",
        "seeds.ledger",
        "seeds.manifest",
        "seeds.plan",
    ),
    "bench.job": EVERYTHING,
    "bench.commands": EVERYTHING,
    "bench.cli": EVERYTHING,
}
# Importing Locust patches the standard library: nobody but Locust imports these.
LOCUSTS = (
    "bench.shop",
    "bench.visitors.asking",
    "bench.visitors.leader",
    "bench.visitors.listening",
    "bench.visitors.open_arrivals",
    "bench.visitors.options",
    "bench.visitors.people",
    "bench.visitors.process",
    "bench.visitors.recorder",
)
# What only the named modules may import.
RESERVED = {
    "locust": LOCUSTS,
    "gevent": LOCUSTS,
    "click": ("bench.cli", "bench.commands", "bench.options"),
    "matplotlib": ("bench.show",),
    "jinja2": ("bench.report.page",),
    "pydantic": ("bench.results", "reference_app"),
    "fastapi": ("reference_app",),
    "uvicorn": ("reference_app",),
    "httpx": ("bench.load.servers", "bench.race"),
    "faker": ("seeds",),
}
PURE = {
    "__future__",
    "collections",
    "dataclasses",
    "functools",
    "itertools",
    "math",
    "numpy",
    "re",
    "scipy",
    "statistics",
    "types",
    "typing",
}
NOT_IN_SHOW = {
    "apsw",
    "datetime",
    "numpy",
    "os",
    "psutil",
    "random",
    "scipy",
    "socket",
    "sqlite3",
    "statistics",
    "subprocess",
    "time",
    "urllib",
}
OPENING = {
    "open",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "connect",
    "Connection",
    "socket",
    "create_connection",
    "Popen",
    "urlopen",
}


def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    found = {}
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(tree: ast.AST, module: str, known: dict[str, Path]) -> Iterator[str]:
    """Every imported name, dotted and absolute, wherever in the module it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                is_package = known.get(module, Path()).name == "__init__.py"
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, *filter(None, [base])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def room_of(module: str) -> str | None:
    if module in OURS:
        return module
    found = [room for room in ROOMS if within(module, room) and room != "bench"]
    return max(found, key=len, default=None)


def violations(module: str, source: str, known: dict[str, Path]) -> list[str]:
    """Imports of this module that its room does not allow."""
    room = room_of(module)
    if room is None:
        return [f"{module} stands in no room; give it a row in ROOMS"]
    found = []
    for name in imports(ast.parse(source), module, known):
        ours = name.split(".")[0] in OURS
        if ours and not any(within(name, allowed) for allowed in (room, *ERRORS, *ROOMS[room])):
            found.append(f"{module} imports {name}")
        for library, owners in RESERVED.items():
            if within(name, library) and not any(within(module, owner) for owner in owners):
                found.append(f"{module} imports {name}")
    return found


def test_there_are_modules_in_every_package() -> None:
    assert {name.split(".")[0] for name in MODULES} == set(OURS)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_room_allows(module: str) -> None:
    assert violations(module, MODULES[module].read_text(encoding="utf-8"), MODULES) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bench.judge.stats", "from bench.measure import arms"),
        ("bench.judge.stats", "def f():\n    from reference_app import queries"),
        ("bench.show.report", "import bench.study"),
        ("bench.shop", "import reference_app.database"),
        ("bench.visitors.people", "from seeds.load import seed"),
        ("bench.visitors.calls", "import locust"),
        ("bench.micro.paired", "from seeds import load"),
        ("bench.measure.arms", "from bench import store"),
        ("bench.measure.arms", "import locust"),
        ("bench.job", "from gevent import monkey"),
        ("reference_app.app", "import seeds.plan"),
        ("reference_app.app", "from bench import study"),
        ("seeds.load", "from reference_app import queries"),
        ("seeds.load", "from bench.study import Study"),
        ("bench.race.probes", "from reference_app import answers"),
        ("bench.race.checks", "from bench.judge import stats"),
        ("bench.load.server_process", "import reference_app.app"),
        ("bench.unheard_of", ""),
        ("bench.judge.stats", "from ..measure import arms"),
    ],
)
def test_a_wrong_arrow_is_seen(module: str, source: str) -> None:
    assert len(violations(module, source, {})) == 1


def test_a_relative_import_inside_a_room_is_none() -> None:
    assert violations("bench.judge.claims", "from .records import Verdict", MODULES) == []
    assert violations("bench.judge", "from . import stats", MODULES) == []


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, "bench.judge")])
def test_the_judging_room_is_pure(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    names = list(imports(tree, module, MODULES))
    foreign = {name.split(".")[0] for name in names} - PURE - {"bench"}
    assert foreign == set()
    assert "bench.study.load_study" not in names
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not {name for name in called if name.startswith(("np.random.", "numpy.random."))}
    assert not called & {"open", "print", "input", "exec", "eval"}


SHOWING = [name for name in MODULES if within(name, "bench.show") or within(name, "bench.report")]


@pytest.mark.parametrize("module", SHOWING)
def test_the_showing_room_reads_no_clock_and_computes_no_statistics(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    names = {name.split(".")[0] for name in imports(tree, module, MODULES)}
    assert not names & NOT_IN_SHOW


def is_command(node: ast.AST) -> bool:
    """Whether this is the part of a module that runs only as `python -m`."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def exits(tree: ast.Module) -> list[str]:
    """Calls that end the process, but for a module's own `if __name__ == "__main__":`."""
    exempt = {id(node) for guard in tree.body if is_command(guard) for node in ast.walk(guard)}
    found = []
    for node in ast.walk(tree):
        if id(node) in exempt:
            continue
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("exit", "quit", "SystemExit") or called.endswith((".exit", "._exit")):
                found.append(called)
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = ast.unparse(node.exc)
            if raised == "SystemExit":
                found.append(raised)
    return found


@pytest.mark.parametrize("module", [name for name in MODULES if name != "bench.cli"])
def test_only_the_command_line_exits(module: str) -> None:
    assert exits(ast.parse(MODULES[module].read_text(encoding="utf-8"))) == []


def test_an_exit_is_seen() -> None:
    for line in ("sys.exit(1)", "raise SystemExit(2)", "raise SystemExit", "ctx.exit()", "exit()"):
        assert exits(ast.parse(f"def f():\n    {line}"))
    assert exits(ast.parse("if __name__ == '__main__':\n    sys.exit(main())")) == []


def calls_at_import(tree: ast.AST) -> Iterator[str]:
    """Names called while a module is imported: outside functions, decorators and defaults in."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            defaults = [*arguments.defaults, *filter(None, arguments.kw_defaults)]
            for part in [*node.decorator_list, *defaults]:
                yield from calls_at_import(ast.Expression(part))
        elif isinstance(node, ast.Lambda) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        ):
            continue
        else:
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func).split(".")[-1]
            yield from calls_at_import(node)


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_opened_at_import(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    assert set(calls_at_import(tree)) & OPENING == set()


def test_an_opening_at_import_is_seen() -> None:
    for line in (
        "TEXT = Path('x').read_text()",
        "class A:\n    FILE = open('x')",
        "@cache(connect('x'))\ndef f(): pass",
        "def f(file=open('x')): pass",
        "if True:\n    connection = apsw.Connection('x')",
    ):
        assert set(calls_at_import(ast.parse(line))) & OPENING
    assert not set(calls_at_import(ast.parse("def f():\n    open('x')"))) & OPENING


WATCH = """
import importlib, sys
from pathlib import Path
root, *names = sys.argv[1:]
opened = []
def watch(event, arguments):
    if event.startswith(("socket.bind", "socket.connect", "sqlite3.connect")):
        opened.append(event)
    elif event == "open" and isinstance(arguments[0], str):
        path = Path(arguments[0])
        if path.is_relative_to(root) and path.suffix not in (".py", ".pyc"):
            if not path.is_relative_to(Path(sys.prefix)) and ".pyc." not in path.name:
                opened.append(str(path))
sys.addaudithook(watch)
for name in names:
    importlib.import_module(name)
print("\\n".join(opened))
sys.exit(len(opened))
"""


def test_importing_every_module_opens_none_of_our_files_and_no_socket() -> None:
    names = [name for name in MODULES if not name.endswith("__main__") and name not in LOCUSTS]
    found = subprocess.run(
        [sys.executable, "-c", WATCH, str(ROOT), *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (found.returncode, found.stdout.strip(), found.stderr) == (0, "", "")
