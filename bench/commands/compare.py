"""`resale-bench compare`: the arms of one run, or what changed between the runs of two sides."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bench.exit_codes import INVALID, REGRESSION
from bench.options import FOLDER


@click.command()
@click.argument("runs", nargs=-1, required=True, type=FOLDER)
@click.option(
    "--base",
    "bases",
    multiple=True,
    type=FOLDER,
    help="A run to hold RUNS against; three times for three.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(runs: tuple[Path, ...], bases: tuple[Path, ...], as_json: bool) -> int:
    """Show the arms of one run, or what changed from base runs to others.

    Of two runs without --base the first is the base. One run a side says nothing of times, which
    differ from run to run: counters and plans alone decide. Three a side or more, taken in turn,
    are judged by the spread between runs.

    Runs are comparable when dataset, SQLite and settings are the same; otherwise the exit code
    is 4. It is 1 when an operation got slower, and 3 when nothing can be told of any of them.

    Example: resale-bench compare --base a1 --base a2 --base a3 b1 b2 b3
    """
    from bench.results import store

    if not bases and len(runs) > 2:
        raise click.UsageError(
            "Name one run, or two to compare; of more say which are the base: "
            "--base A1 --base A2 B1 B2."
        )
    folders = (*bases, *runs)
    documents = [store.read_run(folder) for folder in folders]
    # What takes long to import comes after what may be refused.
    from bench.judge import compare_runs
    from bench.report import tables
    from bench.results import samples

    if len(documents) == 1:
        comparison = documents[0].comparison
        values = json.dumps(comparison.json_values())
        click.echo(values if as_json else tables.render_comparison_table(comparison))
        return 0
    first = len(bases) or 1
    several = min(first, len(documents) - first) > 1
    compared = [
        compare_runs.ComparedRun(
            whole.run,
            whole.comparison,
            samples.read_samples(folder / "samples.parquet") if several else {},
        )
        for folder, whole in zip(folders, documents, strict=True)
    ]
    change = compare_runs.between(compared[:first], compared[first:])
    click.echo(json.dumps(change.json_values()) if as_json else tables.render_change_table(change))
    if change.slower:
        return REGRESSION
    return INVALID if change.undecided else 0
