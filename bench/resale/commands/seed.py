"""`resale-bench seed`: a new database with the baseline shop."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bench.options import DATABASE, JSON, seed_of


@click.command()
@click.option(
    "--db", "database", required=True, type=DATABASE, help="The file to make; it must not exist."
)
@click.option(
    "--scale", default=1.0, show_default=True, help="1 is 100,000 products, 10 million events."
)
@click.option(
    "--seed", default=None, type=int, help="Same seed, same content.  [default: 20251005]"
)
@click.option("--workers", default=None, type=int, help="Threads that generate ahead of the load.")
@click.option("--chunk-rows", default=None, type=int, help="Rows handed to the database at a time.")
@click.option(
    "--measure-limit", is_flag=True, help="Also time SQLite's own INSERT…SELECT of the same events."
)
@JSON
def seed(
    database: Path,
    scale: float,
    seed: int | None,
    workers: int | None,
    chunk_rows: int | None,
    measure_limit: bool,
    as_json: bool,
) -> None:
    """Fill a new database with the baseline shop.

    Every verified account opens with the password resale-demo-password, the staff's
    too: shopper.1@example.com is staff. Serve such a shop to nobody but yourself.

    Example: resale-bench seed --db shop.db --scale 0.01
    """
    from bench import progress
    from seeds import load

    given = {"workers": workers, "chunk_rows": chunk_rows}
    with progress.bars(hidden=as_json) as bar:
        report = load.seed(
            database,
            scale=scale,
            seed=seed_of(seed),
            measure_limit=measure_limit,
            progress=bar,
            **{key: value for key, value in given.items() if value is not None},
        )
    values = report.to_json()
    if as_json:
        click.echo(json.dumps(values))
        return
    click.echo(
        f"{database}: {values['products']:,} products, {values['events']:,} events "
        f"in {values['seconds']:.1f} s ({values['events_per_second']:,.0f} events/s), "
        f"content {values['content_hash'][:16]}"
    )
