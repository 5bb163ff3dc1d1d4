"""The databases of two trees of the shop: each seeded and migrated by its own command line.

What both sides would do alike is done once. Times are not taken here.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.exit_codes import INCOMPARABLE, WRONG_USE
from bench.gate.processes import environment
from bench.gate.study_gate import Checkout, Data, Say
from bench.gate.timing import BASE
from bench.spawn import kill, spawn

SEEDED_BY = (
    "seeds",
    "reference_app/migrations/0001_baseline.sql",
    "reference_app/__init__.py",
    "reference_app/database.py",
    "reference_app/database_files.py",
    "reference_app/migrate.py",
    "reference_app/sqltext.py",
    "reference_app/untouched.py",
    "bench/*.py",
    "bench/commands/__init__.py",
    "bench/resale/__init__.py",
    "bench/resale/commands/__init__.py",
    "bench/resale/commands/seed.py",
    "bench/engines",
    "bench/measure/__init__.py",
    "bench/measure/scratch.py",
    "bench/results/__init__.py",
    "bench/results/model.py",
    "bench/study",
    "requirements.lock",
)
"""What the seeded database depends on; of the migrations the baseline alone. More than it takes:
a database that is built twice costs seconds, one that the wrong code built tells lies."""
MIGRATED_BY = (
    *SEEDED_BY,
    "reference_app/migrations",
    "reference_app/file_lock.py",
    "reference_app/queries/__init__.py",
    "bench/resale/study.toml",
    "bench/resale/commands/migrate.py",
    "bench/resale/facts.py",
    "bench/resale/migrating.py",
    "bench/resale/queries.py",
    "bench/measure",
    "bench/results/migration.py",
)
"""What an arm's database depends on."""
_LAST_LINES = 4


@dataclass(frozen=True, slots=True)
class _Step:
    """One command of a side's own command line; `what` completes "cannot be"."""

    side: Checkout
    arguments: tuple[str, ...]
    what: str


def build(
    base: Checkout,
    head: Checkout,
    data: Data,
    copy: Callable[[Path, Path], None],
    scratch: Path,
    say: Say,
) -> tuple[Path, Path]:
    """Seed and migrate both sides; the files, which are one where nothing tells them apart.

    Raises:
        BenchError: a side cannot be seeded, or brought to the arm.
    """
    same_python = base.python == head.python
    same_seeding = same_python and base.tree.digest(SEEDED_BY) == head.tree.digest(SEEDED_BY)
    if same_seeding and base.tree.digest(MIGRATED_BY) == head.tree.digest(MIGRATED_BY):
        say("seeding and migrations are equal on both sides: one database for both")
        _run(scratch, _seeding(head, data))
        _run(scratch, _migrating(head, data.arm))
        return head.database, head.database
    if same_seeding:
        say("seeding is equal on both sides: one seeded database, migrated by each")
        _run(scratch, _seeding(base, data))
        copy(base.database, head.database)
    else:
        say("each side seeds its database")
        _run(scratch, _seeding(base, data), _seeding(head, data))
    _run(scratch, _migrating(base, data.arm), _migrating(head, data.arm))
    return base.database, head.database


def _seeding(side: Checkout, data: Data) -> _Step:
    size = ("--scale", str(data.scale), "--seed", str(data.seed))
    return _Step(side, ("seed", "--db", str(side.database), *size, "--json"), "seeded")


def _migrating(side: Checkout, arm: str) -> _Step:
    arguments = ("migrate", "--db", str(side.database), "--arm", arm, "--json")
    return _Step(side, arguments, f"brought to the arm {arm}")


def _run(scratch: Path, *steps: _Step) -> None:
    """Run steps side by side, each by its tree's own command line; all end with this."""
    with ExitStack() as stack:
        running = []
        for step in steps:
            output = stack.enter_context((scratch / f"{step.side.name}.output").open("w+b"))
            process = spawn(
                [str(step.side.python), "-m", "bench.cli", *step.arguments],
                cwd=step.side.tree.path,
                env=environment(step.side.tree.path),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            stack.callback(kill, process)
            running.append((step, process, output))
        for step, process, output in running:
            if process.wait():
                output.seek(0)
                raise _failed(step, output.read().decode(errors="replace"))


def _failed(step: _Step, output: str) -> BenchError:
    last = " | ".join(output.strip().splitlines()[-_LAST_LINES:]) or "it said nothing"
    side = f"the {step.side.name} ({step.side.tree.what}) cannot be {step.what}"
    if step.side.name == BASE:
        return BenchError(
            f"The sides cannot be compared: {side} as the head is, it says: {last}; name a later "
            "commit as --base.",
            INCOMPARABLE,
        )
    return BenchError(f"T{side[1:]}: {last}", WRONG_USE)
