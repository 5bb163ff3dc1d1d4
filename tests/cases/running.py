"""Runs a case as a user would, by the command line, and tells how it differs from what is right."""

from __future__ import annotations

import ctypes
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import chdir, closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from expected import Case

from bench import cli

INCONCLUSIVE = 3
# The least that decides most times; the suite asks for counters, plans and answers first.
QUICK_S = 2.0
HERE = Path(__file__).parent
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1


@dataclass(frozen=True)
class Outcome:
    """What came out; `faults` are sentences, none where it is right."""

    exit_code: int
    verdicts: dict[str, str]
    text: str
    faults: tuple[str, ...]


def run_case(
    case: Case, folder: Path, databases: Path, *, undecided_times: bool = False
) -> Outcome:
    """Make the case's database in a new folder and gate it.

    Databases are made once in `databases` and copied. With `undecided_times` an operation whose
    time alone is undecided counts as right, and no more than QUICK_S is spent on times.
    """
    made = databases / case.make.__name__
    if not made.exists():
        made.mkdir()
        case.make(made / "my.db")
    shutil.copytree(made, folder)
    for name in ("migration.sql", "queries.sql"):
        shutil.copy(HERE / case.name / name, folder)
    before = {name: (folder / name).read_bytes() for name in case.unchanged}
    seconds = min(case.seconds, QUICK_S) if undecided_times else case.seconds
    results = folder.parent / f"{folder.name}-out"
    words = [
        "gate", "--base", "my.db", "--migration", "migration.sql", "--queries", "queries.sql",
        "--budget-seconds", str(seconds), "--out", str(results), "--work", str(results / "work"),
    ]  # fmt: skip
    with _around(case, folder):
        # A process is not kept out by its own locks, nor root by modes.
        run = _in_this_process if case.around is None else _in_a_process_without_override
        code, said = run(words, folder)
    found = results / "gate.json"
    document = json.loads(found.read_text()) if found.is_file() else {"operations": []}
    verdicts = {one["name"]: one["verdict"] for one in document["operations"]}
    undecided = {
        one["name"]
        for one in document["operations"]
        if undecided_times and (one["verdict"], one["layer"]) == ("inconclusive", "time")
    }
    written = (results / "gate.md").read_text() if found.is_file() else ""
    text = f"{said}\n{written}"
    changed = [name for name in before if (folder / name).read_bytes() != before[name]]
    faults = (
        *_faults(case, code, verdicts, text, undecided),
        *(f"{name} changed" for name in changed),
    )
    return Outcome(code, verdicts, text, faults)


def _in_this_process(words: Sequence[str], folder: Path) -> tuple[int, str]:
    """The exit code of a command line, and all that it says."""
    said = io.StringIO()
    arguments = sys.argv
    sys.argv = ["resale-bench", *words]
    try:
        with chdir(folder), redirect_stdout(said), redirect_stderr(said):
            cli.main()
    except SystemExit as ended:
        return int(ended.code or 0), said.getvalue()
    finally:
        sys.argv = arguments
    raise AssertionError("the command line ends by an exit")


def _in_a_process_without_override(words: Sequence[str], folder: Path) -> tuple[int, str]:
    """The same of a process for which modes of folders hold, were it root's."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.cli", *words],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        preexec_fn=_give_up_override,
    )  # fmt: skip
    return done.returncode, done.stdout


def _faults(
    case: Case, code: int, verdicts: dict[str, str], text: str, undecided: set[str]
) -> Iterator[str]:
    if code != case.exit_code and not (undecided and code == INCONCLUSIVE):
        yield f"exit code {code}, not {case.exit_code}"
    for name, right in case.verdicts.items():
        if name in undecided:
            continue
        if not re.fullmatch(right, verdicts.get(name, "none")):
            yield f"{name} is {verdicts.get(name, 'not judged')}, not {right}"
    for pattern in case.says:
        if not re.search(pattern, text, re.I):
            yield f"nothing is said of {pattern!r}"
    for pattern in (*case.never, "Traceback"):
        if re.search(pattern, text, re.I):
            yield f"{pattern!r} is said"


@contextmanager
def _around(case: Case, folder: Path) -> Iterator[None]:
    if case.around == "locked":
        with closing(sqlite3.connect(folder / "my.db", isolation_level=None)) as writer:
            writer.execute("BEGIN EXCLUSIVE")
            yield
    elif case.around == "read-only":
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(0o755)
    else:
        yield


def _give_up_override() -> None:
    """Let modes of folders hold for root as well, from the next program on."""
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0):
        raise OSError("root's right to write anywhere cannot be given up here")
