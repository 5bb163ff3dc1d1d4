"""The load comparison for a terminal: both lanes, ratio and verdict by operation; what it rests on.

Room show: values in, text out. Nothing is printed or computed here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.report import units

_QUANTILES = ("p50", "p95", "p99")
_STYLES = {"slower": "bold red", "faster": "green", "inconclusive": "yellow"}


def render_load_table(document: Mapping[str, Any], *, width: int = 150) -> str:
    """What load.json says: each operation and all together, then what that rests on."""
    base, arm = document["base"], document["arm"]
    plan = document["plan"]
    table = Table(
        title=f"time since due at {plan['rate_per_second']:g} requests a second, "
        f"{base} → {arm}, and the ratio with its interval",
        title_justify="left",
    )
    table.add_column("operation", no_wrap=True)
    table.add_column("requests", justify="right", no_wrap=True)
    for quantile in _QUANTILES:
        table.add_column(quantile, justify="right", no_wrap=True)
    table.add_column("errors", justify="right")
    table.add_column("verdict", no_wrap=True)
    judged = document["judged"]
    for entry in (*judged["operations"], judged["overall"]):
        _add(table, entry, base, arm)
    buffer = io.StringIO()
    Console(file=buffer, width=width).print(table)
    return buffer.getvalue() + "\n".join((*_reasons(judged), *_notes(document)))


def _add(table: Table, entry: Mapping[str, Any], base: str, arm: str) -> None:
    lanes = [entry["lanes"].get(lane) for lane in (base, arm)]
    pairs = {pair["quantile"]: pair for pair in entry["comparisons"]}
    cells = []
    for quantile in _QUANTILES:
        times = [_time(lane, quantile) for lane in lanes]
        ratio = _ratio(pairs.get(quantile))
        both = " → ".join(times) if set(times) != {units.DASH} else units.DASH
        cells.append(both if ratio == units.DASH else f"{both}\n{ratio}")
    verdict = entry["verdict"] or units.DASH
    table.add_row(
        entry["name"],
        " → ".join(units.DASH if lane is None else f"{lane['slots']:,}" for lane in lanes),
        *cells,
        " → ".join(_errors(lane) for lane in lanes),
        Text(verdict, style=_STYLES.get(verdict, "")),
    )


def _time(lane: Mapping[str, Any] | None, quantile: str) -> str:
    return units.DASH if lane is None else units.duration(lane["since_due"][f"{quantile}_ns"])


def _errors(lane: Mapping[str, Any] | None) -> str:
    if lane is None:
        return units.DASH
    return ", ".join(f"{count:,} {kind}" for kind, count in lane["errors"].items()) or "0"


def _ratio(pair: Mapping[str, Any] | None) -> str:
    if pair is None or pair["speedup"] is None:
        return units.DASH
    if pair["ci95"] is None:
        return units.times(pair["speedup"])
    low, high = pair["ci95"]
    return f"{units.times(pair['speedup'])} [{units.significant(low)} to {units.significant(high)}]"


def _reasons(judged: Mapping[str, Any]) -> Iterator[str]:
    """Why what moved did, and why nothing can be told of the whole."""
    for entry in (*judged["operations"], judged["overall"]):
        if entry["cause"]:
            yield f"{entry['name']}: {entry['cause']}"
    overall = judged["overall"]
    if overall["reason"]:
        yield f"{overall['name']}: {overall['reason']}"


def _notes(document: Mapping[str, Any]) -> Iterator[str]:
    generator = document["generator"]
    cost = generator["own_cost"]
    yield (
        f"generator: {units.share(generator['cpu_share_max'])} of its core at most, "
        f"{generator['late']:,} late, {generator['missed']:,} not sent; its own cost against an "
        f"endpoint that does nothing: p50 {units.duration(cost['p50_ns'])}, "
        f"p99 {units.duration(cost['p99_ns'])}"
    )
    rules = document["invariants"]
    if rules["held"]:
        yield f"rules of the shop: all held ({rules['checked']:,} checks)"
    for sentence in rules["violations"]:
        yield f"RULE BROKEN: {sentence}"
    for sentence in document["invalid_because"]:
        yield f"INVALID: {sentence}"
