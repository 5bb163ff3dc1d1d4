"""Capacity for a terminal: what each arm holds at each size, and what that says of promises.

Room show: values in, text out. Nothing is printed or computed here.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.report import units

_STYLES = {"refuted": "bold red", "confirmed": "green", "inconclusive": "yellow"}
_LIMITS = {
    "p99": "latency",
    "generator": "the generator, not the server",
    "ceiling": "the highest rate that was to be tried",
    "floor": "not even the lowest rate holds",
}


def render_capacity_table(document: Mapping[str, Any], *, width: int = 120) -> str:
    """What capacity.json says: a row for each arm and size, and a sentence for each promise."""
    level = document["service_level"]
    table = Table(
        title=f"highest rate with p{units.significant(100 * level['quantile'])} within "
        f"{units.duration(level['within_ns'])} and errors below "
        f"{units.share(level['errors_below'])}",
        title_justify="left",
    )
    table.add_column("arm", no_wrap=True)
    for name in ("products", "events", "holds", "needs"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("limited by")
    for point in document["points"]:
        table.add_row(
            point["arm"],
            units.whole(point["products"]),
            units.whole(point["events"]),
            _holds(point),
            units.rate(point["needed_per_second"]),
            _LIMITS.get(point["limited_by"], point["limited_by"]),
        )
    buffer = io.StringIO()
    console = Console(file=buffer, width=width)
    console.print(table)
    for claim in document["claims"]:
        verdict = Text(claim["verdict"], style=_STYLES.get(claim["verdict"], ""))
        console.print(Text.assemble(f"{claim['quote']}: ", verdict, f". {claim['reason']}"))
    for violation in document["invariants"]["violations"]:
        console.print(Text(f"broken rule: {violation}", style="bold red"))
    return buffer.getvalue()


def _holds(point: Mapping[str, Any]) -> str:
    rate = point["holds_per_second"]
    if rate is not None:
        return f"{'at least ' if point['at_least'] else ''}{units.rate(rate)}"
    if not point["at_most"]:
        return units.DASH
    tried = [probe["rate_per_second"] for probe in point["probes"] if probe["because"]]
    return f"below {units.rate(min(tried))}"
