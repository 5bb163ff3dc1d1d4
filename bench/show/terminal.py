"""The claims table for a terminal.

Room show: values in, a rich table or its text out. Nothing is printed here.
"""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.show.report import Report
from bench.show.wording import claim_rows

_STYLES = {"good": "green", "bad": "bold red", "weak": "yellow", "open": "dim", "plain": ""}


def claims_table(report: Report) -> Table:
    """One row for each claim: quote, promised, measured, interval, verdict."""
    table = Table(title=report.headline.sentence, title_justify="left", title_style="bold")
    table.add_column("claim", ratio=1, overflow="fold")
    for name in ("promised", "measured", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    rows = claim_rows(report)
    marked = any(claim.required for claim in rows)
    if marked:
        table.add_column("required", no_wrap=True)
    for claim in rows:
        required = ("yes" if claim.required else "",) if marked else ()
        # Text, not markup: a quote may hold square brackets.
        table.add_row(
            Text(claim.quote),
            Text(claim.promised),
            Text(claim.measured),
            Text(claim.interval),
            Text(f"{claim.verdict.shape} {claim.verdict.word}", style=_STYLES[claim.verdict.tone]),
            *required,
        )
    return table


def render_claims_table(report: Report, *, width: int = 110, colour: bool = False) -> str:
    """The claims table as text, `width` columns wide, with ANSI colours if wanted."""
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, force_terminal=colour, color_system="standard" if colour else None
    )
    console.print(claims_table(report))
    return buffer.getvalue()
