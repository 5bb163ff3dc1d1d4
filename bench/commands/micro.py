"""`resale-bench micro`: only the paired micro-benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bench.options import DATABASE, STUDY, WORK, data_of, study_of


@click.command()
@click.option("--db", "database", type=DATABASE, help="A seeded database; it is left as it is.")
@click.option(
    "--operation", "operations", multiple=True, help="Only this operation; may be repeated."
)
@click.option("--out", type=DATABASE, help="Write pytest-benchmark's JSON here.")
@WORK
@STUDY
@click.option("--list", "only_list", is_flag=True, help="List the operations and stop.")
def micro(
    database: Path | None,
    operations: tuple[str, ...],
    out: Path | None,
    work: Path,
    study: Path | None,
    only_list: bool,
) -> None:
    """Run the paired micro-benchmarks on a database and print the comparison.

    Example: resale-bench micro --db my.db --operation NAME --out micro.json
    """
    from bench import job, progress
    from bench.report import tables

    chosen = study_of(study)
    if only_list:
        for entry in chosen.operations:
            click.echo(f"{entry.name:<28} {entry.kind:<6} {entry.asks}")
        return
    if database is None:
        raise click.UsageError("Name a seeded database with --db FILE.")
    for name in operations:
        chosen.operation(name)
    scale, seed = data_of(chosen, database, None, None)
    options = job.Options(
        study=chosen,
        results=Path("results"),
        name="micro",
        scale=scale,
        seed=seed,
        work=work,
        database=database,
        operations=operations,
    )
    shown = progress.line(sys.stderr)
    comparison = job.micro(options, out, say=click.echo, progress=shown)
    click.echo(tables.render_comparison_table(comparison))
