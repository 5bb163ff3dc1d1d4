"""Run all cases, or those whose names begin with the arguments, and print expected and got."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from expected import CASES
from running import run_case


def main(beginnings: list[str]) -> int:
    """Print a line for each case, and how it differs; 1 where one does."""
    with tempfile.TemporaryDirectory(prefix="databases-") as databases:
        return _run_all(beginnings, Path(databases))


def _run_all(beginnings: list[str], databases: Path) -> int:
    wrong = 0
    for case in CASES:
        if beginnings and not case.name.startswith(tuple(beginnings)):
            continue
        with tempfile.TemporaryDirectory(prefix="case-") as name:
            outcome = run_case(case, Path(name) / "case", databases)
        state = "WRONG" if outcome.faults else "right"
        wrong += bool(outcome.faults)
        wanted = ", ".join(f"{name} {verdict}" for name, verdict in case.verdicts.items())
        got = ", ".join(f"{name} {verdict}" for name, verdict in outcome.verdicts.items())
        print(f"{state:8}{case.name}")
        print(f"        expected {case.exit_code}  {wanted}")
        print(f"        got      {outcome.exit_code}  {got}", flush=True)
        for fault in outcome.faults:
            print(f"        - {fault}", flush=True)
        if beginnings and outcome.faults:
            print(outcome.text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
