"""`resale-bench report`: the report of a finished run, drawn anew."""

from __future__ import annotations

from pathlib import Path

import click

from bench.options import FOLDER, STUDY, study_of


@click.command()
@click.argument("run", type=FOLDER)
@click.option(
    "--out", type=FOLDER, help="Write report and plots here.  [default: the run's folder]"
)
@STUDY
def report(run: Path, out: Path | None, study: Path | None) -> None:
    """Draw the report of a finished run anew from its documents.

    Example: resale-bench report results/reference --out /tmp/report
    """
    from bench.results import store

    whole = store.read_run(run)
    # What takes long to import comes after what may be refused.
    from bench import documents
    from bench.judge.compare_runs import require_study

    chosen = study_of(study)
    require_study(chosen.name, whole.run)
    folder = out or run
    folder.mkdir(parents=True, exist_ok=True)
    documents.write_report(chosen, whole, folder)
    click.echo(f"report: {folder / 'report.html'}")
