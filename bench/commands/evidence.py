"""`resale-bench evidence`: which index earns a gain, what statistics do, what it costs."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import click

from bench.options import (
    DATABASE,
    FOLDER,
    JSON,
    SCALE,
    SEED,
    SOURCE,
    STUDY,
    WORK,
    data_of,
    study_of,
    timed_folder,
)


def _sizes(context: click.Context, option: click.Parameter, text: str | None) -> tuple[float, ...]:
    """The numbers of a text, apart by commas."""
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of numbers like 0.001,0.01,0.1.") from None


@click.command()
@click.option(
    "--run", type=FOLDER, help="A finished run: measure its data, and write into its folder."
)
@SOURCE
@SCALE
@SEED
@click.option(
    "--parts",
    help="What to measure, apart by commas: ablation, statistics, cost, growth, recommended, "
    "which takes a run.  [default: all]",
)
@click.option(
    "--scales", callback=_sizes, help="Sizes at which growth is measured.  [default: up to 0.1]"
)
@click.option(
    "--times/--no-times",
    default=True,
    help="Time the growth too, or count SQLite's steps only, which is cheap enough for a gate.",
)
@click.option(
    "--traffic",
    type=DATABASE,
    help="A TOML file with [traffic.requests_per_month], a number for each operation, for the "
    "monthly bill.  [default: as the study and its data tell]",
)
@click.option("--out", type=FOLDER, help="The folder to make.  [default: results/evidence-TIME]")
@WORK
@STUDY
@JSON
def evidence(
    run: Path | None,
    database: Path | None,
    scale: float | None,
    seed: int | None,
    parts: str | None,
    scales: tuple[float, ...],
    times: bool,
    traffic: Path | None,
    out: Path | None,
    work: Path,
    study: Path | None,
    as_json: bool,
) -> int:
    """Measure why the migration comes out as it does.

    Which of its indexes pays, does nothing or harms (each left out in turn, and each alone);
    what the planner's statistics do to every operation; what the indexes cost; how each
    operation grows with the data; and the migration that follows from all that.

    With --run the documents go into that run's folder, and its report is drawn anew; data and
    SQLite have to be the run's. Otherwise OUT is made and gets them.

    Exit codes: 0 measured, 2 wrong use, 3 a measurement cannot be judged, 4 the run was made
    of other data or with another SQLite.

    Example: resale-bench evidence --run results/reference --parts ablation,statistics
    """
    from bench import progress
    from bench.analysis import standalone
    from bench.analysis.job import parts_of
    from bench.report.arms import Arms
    from bench.report.contents import evidence_text
    from bench.results import store
    from bench.study import load_traffic

    chosen = study_of(study)
    if run is not None:
        if scale is not None or seed is not None or out is not None:
            raise click.UsageError(
                "A run has its own scale, seed and folder; leave out --scale, --seed and --out."
            )
        scale, seed = standalone.size_of_run(run)
    else:
        scale, seed = data_of(chosen, database, scale, seed)

    def say(text: str) -> None:
        click.echo(text, err=as_json)

    out = out or run or timed_folder("evidence")
    every = parts_of(chosen, of_run=run is not None)
    titles = {operation.name: operation.title for operation in chosen.operations}
    options = standalone.Options(
        study=chosen,
        parts=every if parts is None else tuple(name.strip() for name in parts.split(",")),
        work=work,
        scale=scale,
        seed=seed,
        out=out,
        run=run,
        database=database,
        scales=scales,
        traffic=None if traffic is None else load_traffic(traffic, titles).requests_per_month,
        times=times,
        command=shlex.join(["resale-bench", *sys.argv[1:]]),
    )
    found = standalone.gather_evidence(options, say=say, progress=progress.line(sys.stderr))
    if as_json:
        click.echo(json.dumps({name: store.plain(document) for name, document in found.items()}))
        return 0
    click.echo(evidence_text(found, Arms.of(chosen), titles))
    click.echo(f"written: {', '.join(str(out / f'{name}.json') for name in found)}")
    return 0
