"""`resale-bench audit`: whether a shop's database keeps its rules, the sums of its ledger first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from bench.options import DATABASE, JSON


@click.command()
@click.option(
    "--db", "database", required=True, type=DATABASE, help="The shop's database; it is only read."
)
@JSON
def audit(database: Path, as_json: bool) -> int:
    """Prove that every stock is the sum of its ledger, and the other rules of the shop.

    Works beside a running server. Exit codes: 0 every rule holds, 1 one is broken, 2 there is
    no ledger.

    Example: resale-bench audit --db shop.db
    """
    from bench.engines.sqlite.files import reading
    from reference_app.stock import audit as stock_audit

    with reading(database) as connection:
        audited = stock_audit.audited(connection, database)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "ok": audited.ok,
                    "products": audited.products,
                    "moves": audited.moves,
                    "broken": {
                        finding.name: list(finding.broken_by)
                        for finding in audited.findings
                        if finding.broken_by
                    },
                }
            )
        )
        return 0 if audited.ok else 1
    for finding in audited.findings:
        click.echo(f"{'BROKEN' if finding.broken_by else 'holds':<8}{finding.rule}")
        for row in finding.broken_by:
            click.echo(f"{'':<8}- {_row_text(row)}")
    click.echo(f"{database}: {audited.products:,} products, {audited.moves:,} moves of stock")
    return 0 if audited.ok else 1


def _row_text(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())
