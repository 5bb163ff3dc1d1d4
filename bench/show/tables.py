"""Tables of operations for a terminal: the arms of one run, and what changed between two.

Room show: values in, text out. Nothing is printed or computed here.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.show import units

_STYLES = {"slower": "bold red", "faster": "green", "inconclusive": "yellow", "same": ""}


def render_comparison_table(comparison: Mapping[str, Any], *, width: int = 150) -> str:
    """Every operation of comparison.json: time on each arm, speedup with interval, verdict."""
    arms = list(dict.fromkeys(arm for entry in comparison["operations"] for arm in entry["arms"]))
    table = Table(title="median time of one operation", title_justify="left")
    table.add_column("operation", no_wrap=True)
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


def render_change_table(change: Mapping[str, Any], *, width: int = 150) -> str:
    """What `bench.judge.across.between` found: each arm's speedup in both runs."""
    table = Table(title=f"{change['base']} → {change['head']}", title_justify="left")
    for name in ("operation", "base", "arm"):
        table.add_column(name, no_wrap=True)
    for which in ("speedup in the first", "in the second"):
        table.add_column(which, justify="right", no_wrap=True)
    table.add_column("VM steps", justify="right", no_wrap=True)
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
    return "".join([*lines, _summary(change)])


def _summary(change: Mapping[str, Any]) -> str:
    verdicts = Counter(entry["verdict"] for entry in change["changes"])
    told = ", ".join(f"{verdicts[name]} {name}" for name in _STYLES if verdicts[name])
    lines = [f"{len(change['changes'])} comparisons: {told}.\n"]
    if change["slower"]:
        lines.append(f"slower: {', '.join(dict.fromkeys(change['slower']))}\n")
    if verdicts["inconclusive"]:
        lines.append(
            "Inconclusive: the two intervals allow for a change beyond the minimum effect and "
            "for none; runs at full size have narrower ones.\n"
        )
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
