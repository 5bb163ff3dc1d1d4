"""The application against its own OpenAPI document, by a stranger: schemathesis, every check.

Each run sends requests by the thousand, valid and invalid ones, to a server on loopback: no
answer may be a 5xx, of a status or a form that the document does not tell, or data for
somebody who has no right to it. RESALE_CONTRACT_EXAMPLES asks for more of them, and for
every phase of the test as a customer and as a guest too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ASKED = os.environ.get("RESALE_CONTRACT_EXAMPLES")
EXAMPLES = int(ASKED or 4)
ALL_PHASES = "examples,coverage,fuzzing,stateful"
# What the command may take; the default number of examples needs a tenth of it.
LONGEST_S = 3600

SERVE = """
import sys
from pathlib import Path
from reference_app.clock import FixedClock
from reference_app.server import serve
from reference_app.settings import Settings

serve(
    Settings(
        database=Path(sys.argv[1]),
        log_level="error",
        tries_by_address="1000000/minute",
        tries_by_account="1000000/minute",
        letters_by_address="1000000/minute",
        letters_by_account="1000000/minute",
        reservations_by_address=1_000_000,
        reservations_by_holder=1_000_000,
        submissions_by_address="1000000/minute",
        submission_bytes_by_address="999999999/minute",
        faults_by_address="1000000/minute",
    ),
    port=0,
    announce=lambda address: print(address, flush=True),
)
"""


@contextmanager
def served(path: Path) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
        # What failed was logged, whatever was answered.
        assert '"level":"error"' not in said, said


@pytest.mark.parametrize(
    ("token", "phases", "least"),
    [("staff", ALL_PHASES, 2000), ("ann", "fuzzing", 200), (None, "fuzzing", 200)],
)
def test_every_answer_is_documented_and_none_is_a_fault(
    token: str | None, phases: str, least: int, shop_after: Path, tmp_path: Path
) -> None:
    who = ["--header", f"Authorization: Bearer {token}"] if token is not None else []
    with served(shop_after) as address:
        # One worker: Hypothesis parses sources in each, and Python 3.11's parser takes one thread
        # for another ("AST constructor recursion depth mismatch", python/cpython#106905).
        run = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json", *who,
                "--checks", "all", "--max-examples", str(EXAMPLES), "--seed", "20251005",
                "--continue-on-failure", "--no-color", "--warnings", "off",
                "--generation-database", "none", "--workers", "1",
                "--phases", ALL_PHASES if ASKED else phases,
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=LONGEST_S,
        )  # fmt: skip
    assert run.returncode == 0, run.stdout[-30_000:] + run.stderr
    cases = re.search(r"(\d+) generated", run.stdout)
    assert cases is not None, run.stdout
    assert int(cases[1]) >= least
