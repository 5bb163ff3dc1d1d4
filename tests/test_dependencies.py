"""Which package may import what, held by reading every module's syntax tree.

PACKAGES says what a package may import of ours; ONLY says who may import a library, or a part of
ours that most must not know.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("bench", "seeds", "reference_app")
ERRORS = ("bench.errors", "bench.exit_codes")
LOCUST = ("bench.load.locust", "bench.resale.locust", "bench.shop")

# What a package may import of ours beside itself and the errors; others may import anything that
# ONLY does not keep from them.
PACKAGES: dict[str, tuple[str, ...]] = {
    "reference_app": (),
    "seeds": (
        "reference_app.database",
        "reference_app.migrate",
        "bench.engines.sqlite.files",
        "bench.measure.scratch",
    ),
    "bench.results": (),
    "bench.results.store": ("bench.results", "bench.measure.scratch"),
    "bench.study.gate_limits": (),
    "bench.study.models": ("bench.study.gate_limits",),
    "bench.judge": ("bench.results", "bench.study", "bench.engines.records"),
    "bench.engines": ("bench.measure.scratch", "bench.study.models", "bench.study.service"),
    "bench.engines.records": (),
    "bench.report": ("bench.judge", "bench.results", "bench.study"),
    "bench.shop": ("bench.resale",),
}
ONLY: dict[str, tuple[str, ...]] = {
    "locust": LOCUST,
    "gevent": LOCUST,
    "bench.cli": (),
    "bench.commands": ("bench.cli",),
    "bench.shop": (),
    "bench.resale": ("bench.shop", "bench.cli"),
    "click": ("bench.cli", "bench.commands", "bench.options", "bench.resale.commands"),
    "matplotlib": ("bench.report.plots",),
    "jinja2": ("bench.report.html",),
    "pydantic": ("bench.results", "bench.study", "reference_app"),
    "fastapi": ("reference_app",),
    "uvicorn": ("reference_app",),
    "httpx": ("bench.load.servers", "bench.resale.race"),
    "faker": ("seeds",),
    "apsw": ("bench.engines.sqlite", "reference_app", "seeds"),
    "bench.engines.sqlite": ("bench.gate", "bench.load", "bench.resale", "seeds"),
    "reference_app": ("bench.resale", "seeds"),
    "seeds": ("bench.resale",),
}
# What the judging and showing packages may use of the standard library and others.
PURE = {
    "__future__", "collections", "dataclasses", "functools", "itertools", "math", "numpy", "re",
    "scipy", "statistics", "types", "typing",
}  # fmt: skip
NOT_SHOWN = {
    "apsw", "datetime", "numpy", "os", "psutil", "random", "scipy", "socket", "sqlite3",
    "statistics", "subprocess", "time", "urllib",
}  # fmt: skip
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
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every imported name, dotted, wherever in the module it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "modules are imported by their whole name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def may(name: str, allowed: Iterable[str]) -> bool:
    return any(within(name, package) for package in allowed)


def violations(module: str, tree: ast.AST) -> list[str]:
    """Imports of this module that the rules forbid."""
    package = max((name for name in PACKAGES if within(module, name)), key=len, default=None)
    found = []
    for name in imports(tree):
        ours = name.split(".")[0] in OURS
        if package and ours and not may(name, (package, *ERRORS, *PACKAGES[package])):
            found.append(f"{module} imports {name}")
        for kept, owners in ONLY.items():
            if within(name, kept) and not may(module, (kept, *owners)):
                found.append(f"{module} imports {name}, which is kept: {kept}")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_it_may(module: str) -> None:
    assert violations(module, TREES[module]) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bench.judge.stats", "from bench.measure import arms"),
        ("bench.judge.stats", "def f():\n    from reference_app import queries"),
        ("bench.report.plots", "import bench.measure"),
        ("bench.shop", "import reference_app.database"),
        ("bench.resale.http_requests", "import locust"),
        ("bench.measure.reads", "from seeds import load"),
        ("bench.measure.reads", "from bench.resale import hooks"),
        ("bench.measure.disk", "import apsw"),
        ("bench.study.folder", "from bench.engines.sqlite import files"),
        ("bench.engines.sqlite.inventory", "from bench.judge import format"),
        ("bench.job", "from gevent import monkey"),
        ("reference_app.app", "import seeds.plan"),
        ("reference_app.app", "from bench import study"),
        ("seeds.load", "from reference_app import queries"),
        ("bench.job", "from bench.commands import run"),
        ("bench.results.load", "from bench.judge import load"),
    ],
)
def test_a_wrong_import_is_seen(module: str, source: str) -> None:
    assert violations(module, ast.parse(source))


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, "bench.judge")])
def test_judging_is_pure(module: str) -> None:
    names = list(imports(TREES[module]))
    assert {name.split(".")[0] for name in names} - PURE - {"bench"} == set()
    assert "bench.study.load_study" not in names
    called = {
        ast.unparse(node.func) for node in ast.walk(TREES[module]) if isinstance(node, ast.Call)
    }
    assert not {name for name in called if name.startswith(("np.random.", "numpy.random."))}
    assert not called & {"open", "print", "input", "exec", "eval"}


SHOWING = [name for name in MODULES if within(name, "bench.report")]


@pytest.mark.parametrize("module", SHOWING)
def test_showing_reads_no_clock_and_computes_no_statistics(module: str) -> None:
    names = {name.split(".")[0] for name in imports(TREES[module])}
    assert not names & NOT_SHOWN


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
    assert exits(TREES[module]) == []


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
    assert set(calls_at_import(TREES[module])) & OPENING == set()


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
    names = [
        name for name in MODULES if not name.endswith("__main__") and not may(name, ONLY["locust"])
    ]
    found = subprocess.run(
        [sys.executable, "-c", WATCH, str(ROOT), *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (found.returncode, found.stdout.strip(), found.stderr) == (0, "", "")
