"""Tables of operations for a terminal: the arms of one run, and what changed between two.

Room show: values in, text out. Nothing is printed or computed here.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.show import units

_STYLES = {"slower": "bold red", "faster": "green", "inconclusive": "yellow", "same": ""}


def render_comparison_table(comparison: Mapping[str, Any], *, width: int = 120) -> str:
    """Every operation of comparison.json: time on each arm, speedup with interval, verdict."""
    arms = list(dict.fromkeys(arm for entry in comparison["operations"] for arm in entry["arms"]))
    table = Table(title="median time of one operation", title_justify="left")
    table.add_column("operation", overflow="fold")
    for arm in arms:
        table.add_column(arm, justify="right", no_wrap=True)
    table.add_column(f"{comparison['judged']} against {comparison['base']}", justify="right")
    table.add_column("verdict", no_wrap=True)
    for entry in comparison["operations"]:
        times = [units.duration(entry["arms"].get(arm, {}).get("median_ns")) for arm in arms]
        pair = _pair(entry, comparison["base"], comparison["judged"])
        table.add_row(entry["name"], *times, _speedup(pair), _verdict(pair))
    reasons = [
        f"{entry['name']} could not be judged: {pair['cause']}\n"
        for entry in comparison["operations"]
        for pair in [_pair(entry, comparison["base"], comparison["judged"])]
        if pair is not None and pair["speedup"] is None
    ]
    return _text(table, width) + "".join(reasons)


def render_change_table(change: Mapping[str, Any], *, width: int = 120) -> str:
    """What `bench.judge.across.between` found: each arm's speedup in both runs."""
    table = Table(title=f"{change['base']} → {change['head']}", title_justify="left")
    for name in ("operation", "base", "arm"):
        table.add_column(name, overflow="fold")
    for run in (change["base"], change["head"]):
        table.add_column(f"speedup in {run}", justify="right")
    table.add_column("VM steps", justify="right")
    table.add_column("plan")
    table.add_column("verdict", no_wrap=True)
    for entry in change["changes"]:
        steps = [counters["vm_steps"] for counters in entry["counters"]]
        table.add_row(
            entry["operation"],
            entry["base"],
            entry["arm"],
            *(units.times(value) for value in entry["speedup"]),
            " → ".join(units.count(value) for value in steps),
            "changed" if entry["plan_changed"] else "same",
            _verdict(entry),
        )
    lines = [_text(table, width)]
    for what in ("missing", "new"):
        if change[what]:
            lines.append(f"{what}: {', '.join(change[what])}\n")
    return "".join(lines)


def _pair(entry: Mapping[str, Any], base: str, arm: str) -> Mapping[str, Any] | None:
    for pair in entry["comparisons"]:
        if (pair["base"], pair["arm"]) == (base, arm):
            return dict(pair)
    return None


def _speedup(pair: Mapping[str, Any] | None) -> str:
    if pair is None or pair["speedup"] is None:
        return units.DASH
    low, high = pair["ci95"]
    return f"{units.times(pair['speedup'])} [{units.significant(low)} to {units.significant(high)}]"


def _verdict(pair: Mapping[str, Any] | None) -> Text:
    if pair is None:
        return Text("shown only", style="dim")
    return Text(pair["verdict"], style=_STYLES[pair["verdict"]])


def _text(table: Table, width: int) -> str:
    buffer = io.StringIO()
    Console(file=buffer, width=width).print(table)
    return buffer.getvalue()
