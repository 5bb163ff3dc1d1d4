"""Would a stranger get our times? The sqlite3 command line against the harness, on one file.

`python -m tests.validation.sqlite_shell --db shop.db` runs every read operation that takes
more than 5 ms in turns through the shell's own timer and through the harness's
connection, and prints both medians and their ratio. Exit code 1 says that some
ratio lies beyond 1.5, 2 that there is no sqlite3 command to ask.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import apsw
import numpy as np

from bench.errors import BenchError
from bench.measure.paired import without_gc
from bench.resale.hooks import HOOKS
from bench.spawn import run
from bench.study import Study, load_study
from bench.study.hooks import BoundOperation, Parameters, Value
from reference_app.database import DatabaseError, connect, parts
from seeds import plan
from seeds.manifest import ManifestMissing, read_manifest

LEAST_NS = 5_000_000
FACTOR = 1.5
TURNS = 5
SHORT_NS, SHORT_REPEATS = 200_000_000, 11
_REAL = re.compile(r"^Run Time: real (\d+\.\d+)", re.MULTILINE)


class NoShell(Exception):
    """There is no sqlite3 command on this machine."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Medians of one operation in nanoseconds, and how many times the shell's is ours."""

    operation: str
    ours_ns: int
    shell_ns: int

    @property
    def ratio(self) -> float:
        """The shell's time / ours."""
        return self.shell_ns / self.ours_ns

    @property
    def agrees(self) -> bool:
        """Whether neither is more than 1.5 times the other."""
        return 1 / FACTOR <= self.ratio <= FACTOR


def quoted(value: Value) -> str:
    """A value as SQL text."""
    if value is None:
        return "NULL"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return "'" + value.replace("'", "''") + "'"


def script(bound: BoundOperation, parameters: Parameters, repeats: int) -> str:
    """What is typed into the shell: parameters, a timer, the statements some times over."""
    lines = [".timer off", ".parameter init"]
    lines += [
        f"INSERT INTO temp.sqlite_parameters VALUES (':{name}', {quoted(value)});"
        for name, value in parameters.items()
    ]
    # The first, untimed answer finds the pages; only the later are timed.
    answers = [f"{sql.rstrip().rstrip(';')};" for sql in bound.statements]
    return "\n".join([*lines, *answers, ".timer on", *answers * repeats]) + "\n"


def shell_ns(database: Path, bound: BoundOperation, parameters: Parameters, repeats: int) -> int:
    """The median of the shell's own times for the operation, in nanoseconds.

    Raises:
        NoShell: the command is missing, or printed no time.
    """
    command = shutil.which("sqlite3")
    if command is None:
        raise NoShell("There is no sqlite3 command here; install SQLite's command line first.")
    done = run([command, "-batch", str(database)], text_in=script(bound, parameters, repeats))
    done.check_returncode()
    seconds = [float(found) for found in _REAL.findall(done.stdout)]
    width = len(bound.statements)
    if len(seconds) != width * repeats:
        raise NoShell(
            f"The sqlite3 command printed {len(seconds)} times; use version 3.37 or newer."
        )
    executions = [sum(seconds[at : at + width]) for at in range(0, len(seconds), width)]
    return round(median(executions) * 1e9)


def our_ns(
    connection: apsw.Connection, bound: BoundOperation, parameters: Parameters, repeats: int
) -> int:
    """The median of the harness's times for the same, in nanoseconds."""
    taken: list[int] = []
    bound.read(connection, parameters)
    with without_gc():
        for _ in range(repeats):
            begun = time.perf_counter_ns()
            bound.read(connection, parameters)
            taken.append(time.perf_counter_ns() - begun)
    return round(median(taken))


def agreements(database: Path, study: Study, *, turns: int = TURNS) -> list[Agreement]:
    """Both times of every read operation that takes more than 5 ms, in alternating turns."""
    drawn, rng = read_manifest(database).plan(), np.random.default_rng(1)
    found: list[Agreement] = []
    connection = connect(database, query_only=True)
    try:
        have = parts(connection)
        for operation in study.operations:
            if operation.kind != "read" or not set(operation.needs) <= have:
                continue
            bound = HOOKS.bind(operation.name, have)
            parameters = plan.sample_parameters(drawn, operation.name, rng)
            typical_ns = our_ns(connection, bound, parameters, 1)
            if typical_ns < LEAST_NS:
                continue
            # The shell's timer counts milliseconds: short answers are given more often.
            repeats = SHORT_REPEATS if typical_ns < SHORT_NS else 1
            pairs = [
                (
                    our_ns(connection, bound, parameters, repeats),
                    shell_ns(database, bound, parameters, repeats),
                )
                for _ in range(turns)
            ]
            ours, shell = zip(*pairs, strict=True)
            found.append(Agreement(operation.name, round(median(ours)), round(median(shell))))
    finally:
        connection.close()
    return found


def main(arguments: Sequence[str]) -> int:
    """Parse, compare, print; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.validation.sqlite_shell", description=__doc__
    )
    parser.add_argument("--db", type=Path, required=True, help="a seeded database, of any arm")
    parser.add_argument("--turns", type=int, default=TURNS, help="turns of each operation")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    try:
        found = agreements(options.db, load_study(), turns=options.turns)
    except (NoShell, BenchError, DatabaseError, ManifestMissing) as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([{**asdict(entry), "ratio": entry.ratio} for entry in found]))
    else:
        print(f"{'operation':<28}{'ours':>12}{'sqlite3':>12}{'ratio':>8}")
        for entry in found:
            times = f"{entry.ours_ns / 1e6:>9.1f} ms{entry.shell_ns / 1e6:>9.1f} ms"
            beyond = "" if entry.agrees else f"  beyond {FACTOR}"
            print(f"{entry.operation:<28}{times}{entry.ratio:>8.2f}{beyond}")
    return 0 if all(entry.agrees for entry in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
