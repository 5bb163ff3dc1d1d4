"""What the probes found, as text for a terminal and as JSON. Values in, text out."""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.race.records import Outcome, Report

_VERDICTS = {0: "all rules hold", 1: "a rule broke", 3: "not everything could be probed"}


def to_json(report: Report) -> dict[str, Any]:
    """The report as a document."""
    return {
        "schema_version": 1,
        "url": report.url,
        "verdict": _VERDICTS[report.exit_code],
        "probes": [asdict(outcome) for outcome in report.outcomes],
        "left": list(report.left),
    }


def to_text(report: Report, *, width: int = 100) -> str:
    """A table of the probes, then what broke, what could not be probed, and what was left."""
    table = Table(title=f"races at {report.url}", title_justify="left")
    table.add_column("probe", no_wrap=True)
    for name in ("rounds", "clients", "not probed", "violations", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for outcome in report.outcomes:
        table.add_row(
            outcome.probe,
            f"{outcome.rounds:,}",
            f"{outcome.clients:,}",
            f"{outcome.not_probed:,}",
            f"{sum(broken.rounds for broken in outcome.broken):,}",
            f"{outcome.duration_s:.1f}",
        )
    stream = io.StringIO()
    Console(file=stream, width=width).print(table)
    lines = [stream.getvalue()]
    for outcome in report.outcomes:
        lines += [f"{line}\n" for line in _notes(outcome)]
    if report.left:
        more = f", and {len(report.left) - 1} more" if len(report.left) > 1 else ""
        lines.append(f"left behind: {report.left[0]}{more}\n")
    return "".join([*lines, f"{_VERDICTS[report.exit_code]}\n"])


def _notes(outcome: Outcome) -> list[str]:
    notes = [
        f"{outcome.probe}: broken in {broken.rounds} of {outcome.rounds} rounds: {broken.rule}. "
        f"First: {broken.example}"
        for broken in outcome.broken
    ]
    if outcome.reason is not None:
        notes.append(f"{outcome.probe}: {outcome.not_probed} not probed, {outcome.reason}")
    if not outcome.ledger:
        notes.append(f"{outcome.probe}: this shop keeps no ledger, so its sums were not compared")
    return notes
