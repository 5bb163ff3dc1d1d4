"""`resale-bench compare`: the arms of one run, or what changed between two."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bench.codes import INVALID, REGRESSION
from bench.options import FOLDER


@click.command()
@click.argument("runs", nargs=-1, required=True, type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(runs: tuple[Path, ...], as_json: bool) -> int:
    """Show the arms of one run, or what changed between two runs.

    Two runs are comparable when dataset, SQLite and settings are the same;
    otherwise the exit code is 4. It is 1 when an operation got slower, and 3 when
    nothing can be told of any of them.

    Example: resale-bench compare results/reference results/today
    """
    from bench import store
    from bench.judge import across
    from bench.show import tables

    if len(runs) > 2:
        raise click.UsageError("Name one run, or two to compare.")
    documents = [store.read_run(folder) for folder in runs]
    if len(documents) == 1:
        found = documents[0]["comparison"]
        click.echo(json.dumps(found) if as_json else tables.render_comparison_table(found))
        return 0
    change = across.between(documents[0], documents[1])
    click.echo(json.dumps(change) if as_json else tables.render_change_table(change))
    if change["slower"]:
        return REGRESSION
    undecided = all(entry["verdict"] == "inconclusive" for entry in change["changes"])
    return INVALID if undecided else 0
