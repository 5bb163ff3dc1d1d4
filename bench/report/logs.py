"""Latencies of a load's merged logs as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.report import blocks, units
from bench.report.terminal import blocks_text

_KINDS = {"service": "service", "since_due": "since due"}
_QUANTILES = {
    "p50_ns": "p50", "p95_ns": "p95", "p99_ns": "p99", "p999_ns": "p99.9", "max_ns": "max",
}  # fmt: skip


def render_logs(summary: Mapping[str, Any]) -> str:
    """Every name's quantiles of both kinds, errors by kind, the generators, and whether it holds.

    `summary` is the document that bench.load.shards makes.
    """
    rows = []
    for row in summary["latencies"]:
        kind = _KINDS.get(row["kind"], row["kind"])
        times = [units.duration(row[key]) for key in _QUANTILES]
        rows.append(blocks.Row(row["name"], [kind, units.whole(row["count"]), *times]))
    kind_column = (blocks.Column("request"), blocks.Column("time", "name"))
    columns = kind_column + blocks.columns(figures=("answers", *_QUANTILES.values()))
    table = blocks.Table(columns, rows, "latency of good answers")
    lines = [blocks_text([table], width=130).rstrip("\n")]
    for name, kinds in summary["errors"].items():
        errors = ", ".join(f"{kind} {units.whole(number)}" for kind, number in kinds.items())
        lines.append(f"errors of {name}: {errors}")
    lines += [_generator(generator) for generator in summary["generators"]]
    if summary["elsewhere"]:
        lines.append(f"not merged, for it lies elsewhere: {', '.join(summary['elsewhere'])}")
    lines += [f"INVALID: {sentence}" for sentence in summary["invalid_because"]]
    return "\n".join(lines)


def _generator(generator: Mapping[str, Any]) -> str:
    owner = generator["owner"]
    return (
        f"generator {owner['host']}-{owner['pid']}: {units.whole(generator['due'])} requests in "
        f"{generator['seconds']:.1f} s, {generator['cpu_share']:.0%} of a core "
        f"({generator['busiest']:.0%} when busiest), {units.whole(generator['late'])} late, "
        f"{units.whole(generator['missed'])} not sent, held up for "
        f"{generator['held_share']:.1%} of the time, by "
        f"{units.duration(generator['lag_max_ns'])} at most"
    )
