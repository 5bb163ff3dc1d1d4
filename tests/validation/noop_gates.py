"""Gate migrations that change nothing: ratios have to be centred on 1, and nothing may be called.

    python -m tests.validation.noop_gates --times 50

Each gate copies its database anew, so that every ratio is of files of its own. Databases and
queries are those of the cases 42 (scans) and 03 (a join and an ordered list). Some 20 s a gate.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from bench.gate.job import run_gate
from bench.gate.options import GateOptions
from bench.judge import stats
from tests.validation.gate_trials import trial_of
from tests.validation.trial_log import Trial, until

CASES = Path(__file__).parents[1] / "cases"
sys.path.insert(0, str(CASES))

import databases  # type: ignore[import-not-found]  # noqa: E402

STUDIES: dict[str, tuple[Callable[[Path], None], str]] = {
    "scans": (databases.shop_with_status, "42-noop"),
    "join": (databases.images, "03-covering-index-flips-join"),
}


def gate(name: str, number: int) -> Trial:
    """Gate one database against itself with a migration that only selects."""
    make, case = STUDIES[name]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        make(folder / "my.db")
        (folder / "migration.sql").write_text("SELECT 1;\n")
        gated = run_gate(
            GateOptions(
                base=str(folder / "my.db"),
                head=folder,
                work=folder / "work",
                migration=folder / "migration.sql",
                queries=CASES / case / "queries.sql",
                seed=number,
            )
        )
    trial = trial_of(gated, {"study": name}, gated.seconds.measure)
    improved = [one.name for one in gated.with_verdict("improved")]
    return replace(trial, measured={**trial.measured, "improved": improved})


def told(name: str, trials: list[Trial]) -> list[str]:
    """Lines: verdicts, and for each operation the median of head / base with its 95 % interval."""
    verdicts = sorted({trial.verdict for trial in trials})
    counts = ", ".join(f"{sum(t.verdict == v for t in trials)} {v}" for v in verdicts)
    improved = sum(len(trial.measured["improved"]) for trial in trials)
    lines = [f"{name}: {len(trials)} gates, {counts}; {improved} operations called improved"]
    for operation in sorted({one for trial in trials for one in trial.measured["ratios"]}):
        logs = [
            math.log(trial.measured["ratios"][operation])
            for trial in trials
            if operation in trial.measured["ratios"]
        ]
        middle, ends = math.exp(stats.median(logs)), ""
        if len(logs) >= stats.LEAST_ROUNDS:
            interval = stats.median_interval(logs)
            ends = f" ({math.exp(interval.low):.4f} to {math.exp(interval.high):.4f})"
        lines.append(
            f"  {operation:<16} {middle:.4f}{ends}, each {math.exp(min(logs)):.3f} to "
            f"{math.exp(max(logs)):.3f}"
        )
    return lines


@click.command()
@click.option("--times", type=click.IntRange(1), default=50, help="Gates of each database.")
@click.option("--log", type=click.Path(path_type=Path), default=Path("results"), help="Folder.")
def main(times: int, log: Path) -> None:
    """Run what the log lacks, and print the ratios."""
    for name in STUDIES:
        file = log / f"noop-{name}.jsonl"
        trials = until(file, {"study": name}, times, partial(gate, name), click.echo)
        click.echo("\n".join(told(name, trials)))


if __name__ == "__main__":
    main()
