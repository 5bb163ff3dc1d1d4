"""Latencies of a load's merged logs as text for a terminal.

Room show: values in, text out. Nothing is printed or computed here.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.report import units

_KINDS = {"service": "service", "since_due": "since due"}
_QUANTILES = {
    "p50_ns": "p50",
    "p95_ns": "p95",
    "p99_ns": "p99",
    "p999_ns": "p99.9",
    "max_ns": "max",
}


def render_logs(summary: Mapping[str, Any], *, width: int = 130) -> str:
    """Every name's quantiles of both kinds, errors by kind, the generators, and whether it holds.

    `summary` is the document that bench.load.shards makes.
    """
    table = Table(title="latency of good answers", title_justify="left")
    table.add_column("request", no_wrap=True)
    table.add_column("time", no_wrap=True)
    for title in ("answers", *_QUANTILES.values()):
        table.add_column(title, justify="right", no_wrap=True)
    for row in summary["latencies"]:
        times = [units.duration(row[key]) for key in _QUANTILES]
        kind = _KINDS.get(row["kind"], row["kind"])
        table.add_row(row["name"], kind, units.whole(row["count"]), *times)
    lines = [_text(table, width).rstrip("\n")]
    for name, kinds in summary["errors"].items():
        said = ", ".join(f"{kind} {units.whole(number)}" for kind, number in kinds.items())
        lines.append(f"errors of {name}: {said}")
    lines += [_generator(one) for one in summary["generators"]]
    if summary["elsewhere"]:
        lines.append(f"not merged, for it lies elsewhere: {', '.join(summary['elsewhere'])}")
    lines += [f"INVALID: {sentence}" for sentence in summary["invalid_because"]]
    return "\n".join(lines)


def _generator(one: Mapping[str, Any]) -> str:
    owner = one["owner"]
    return (
        f"generator {owner['host']}-{owner['pid']}: {units.whole(one['due'])} requests in "
        f"{one['seconds']:.1f} s, {one['cpu_share']:.0%} of a core ({one['busiest']:.0%} when "
        f"busiest), {units.whole(one['late'])} late, {units.whole(one['missed'])} not sent, "
        f"held up for {one['held_share']:.1%} of the time, by {units.duration(one['lag_max_ns'])} "
        "at most"
    )


def _text(table: Table, width: int) -> str:
    buffer = io.StringIO()
    Console(file=buffer, width=width, color_system=None).print(table)
    return buffer.getvalue()
