"""`resale-bench migrate`: a database brought to the state of one arm."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bench.options import DATABASE, JSON, STUDY, study_of


@click.command()
@click.option(
    "--db", "database", required=True, type=DATABASE, help="A seeded database; it is changed."
)
@click.option("--arm", required=True, help="The arm to bring it to, for example after.")
@STUDY
@click.option("--list", "only_list", is_flag=True, help="List what is pending and write nothing.")
@JSON
def migrate(database: Path, arm: str, study: Path | None, only_list: bool, as_json: bool) -> None:
    """Bring a database to the state of one arm.

    Example: resale-bench migrate --db shop.db --arm after
    """
    from bench.resale import migrating
    from seeds import ledger

    chosen = study_of(study).arm(arm)
    fill = ledger.fill_after_tables if ledger.can_fill(database) else None
    if only_list:
        names = migrating.pending(database, chosen, fill=fill)
        click.echo(json.dumps(names) if as_json else "\n".join(names) or "nothing is pending")
        return
    steps = migrating.bring_to(database, chosen, fill=fill)
    empty = migrating.empty_tables(database)
    if empty and fill is None:
        click.echo(
            f"{' and '.join(empty)} stay empty: "
            f"what the seeding left beside {database} is missing.",
            err=True,
        )
    if as_json:
        click.echo(json.dumps([step.to_json() for step in steps]))
        return
    for step in steps:
        click.echo(
            f"{step.name:<44} {step.duration_ns / 1e9:8.2f} s {step.size_bytes / 1e6:10.1f} MB"
        )
    click.echo(f"{database} is in the state of the arm {arm}")
