"""`resale-bench live`: the migration while the shop is open, and how long the shop stops."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bench.options import (
    FOLDER,
    JSON,
    SCALE,
    SEED,
    SOURCE,
    SPACING,
    STUDY,
    TAGS,
    WORK,
    data_of,
    figures_or_text,
    load_exit,
    served_study_of,
    timed_folder,
)


@click.command()
@SOURCE
@SCALE
@SEED
@click.option("--rate", default=10.0, show_default=True, help="Visitors' requests a second.")
@click.option(
    "--probe",
    default=10.0,
    show_default=True,
    help="Batches of events a second beside them, evenly, to see writes stand still.",
)
@click.option("--before", default=10.0, show_default=True, help="Seconds before the migration.")
@click.option("--after", default=10.0, show_default=True, help="Seconds after its end.")
@click.option(
    "--ways",
    default="reported,kind",
    show_default=True,
    help="How it is run: `reported`, as it was; `kind`, in the kindest known order and settings.",
)
@SPACING
@TAGS
@click.option("--out", type=FOLDER, help="The folder to make.  [default: results/live-TIME]")
@WORK
@STUDY
@JSON
def live(
    database: Path | None,
    scale: float | None,
    seed: int | None,
    rate: float,
    probe: float,
    before: float,
    after: float,
    ways: str,
    spacing: str,
    families: tuple[str, ...],
    out: Path | None,
    work: Path,
    study: Path | None,
    as_json: bool,
) -> int:
    """Run the study's migration while the shop is open, and tell how long the shop stops.

    A server on a copy of the database is visited at a constant rate; after --before seconds the
    migration runs statement by statement on the same file, over a connection of its own, and
    arrivals go on until --after seconds after its end. OUT gets live.json and each request's
    raw times as Parquet.

    Exit codes: 0 measured, 1 a rule of the shop or a fact of the migration does not hold,
    2 wrong use, 3 invalid, because the generator fell behind or something ended in the middle.

    Example: resale-bench live --scale 0.01 --before 3 --after 3
    """
    from bench import progress
    from bench.load import online_migration_job
    from bench.load.online_migration_options import Options, ways_of
    from bench.load.workspace import Workspace
    from bench.report.blocks import Text
    from bench.report.sections.online_migration import live_blocks
    from bench.report.terminal import blocks_text
    from bench.results.live import OnlineMigration

    chosen = served_study_of(study)
    scale, seed = data_of(chosen, database, scale, seed)
    options = Options(
        rate_per_second=rate,
        probes_per_second=probe,
        before_s=before,
        after_s=after,
        ways=ways_of([name.strip() for name in ways.split(",")]),
        spacing="even" if spacing == "even" else "poisson",
        families=families,
        seed=seed,
    )
    out = out or timed_folder("live")
    place = Workspace(out=out, work=work, scale=scale, seed=seed, database=database)

    def say(text: str) -> None:
        click.echo(text, err=as_json)

    def render(found: OnlineMigration) -> str:
        titles = {operation.name: operation.title for operation in chosen.operations}
        blocks = (*live_blocks(found, titles), Text(found.answer, "answer"))
        return blocks_text(blocks, width=140).rstrip("\n")

    document = online_migration_job.measure(
        options, place, chosen, say=say, progress=progress.line(sys.stderr)
    )
    figures_or_text(document, out / "live.json", render, as_json=as_json)
    return load_exit(valid=document.valid, held=document.held)
