"""`resale-bench live`: the migration while the shop is open, and how long the shop stops."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bench.options import DATABASE, FOLDER, JSON, STUDY, WORK, data_of, study_of

_BROKEN, _INVALID = 1, 3


@click.command()
@click.option(
    "--db", "database", type=DATABASE, help="Use this seeded database; it stays as it is."
)
@click.option("--scale", type=float, help="1 is 100,000 products, 10 million events.  [default: 1]")
@click.option("--seed", type=int, help="Seed of data, arrivals and draws.  [default: 20251005]")
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
@click.option(
    "--spacing",
    default="poisson",
    show_default=True,
    type=click.Choice(["poisson", "even"]),
    help="How visitors' arrivals lie in time.",
)
@click.option(
    "--tags", "families", multiple=True, help="Only visits of this claim family; may be repeated."
)
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
    from bench.load import live_job
    from bench.load.live_offer import Options, ways_of

    scale, seed = data_of(database, scale, seed)
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
    out = out or Path("results", f"live-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    place = live_job.Place(out=out, work=work, scale=scale, seed=seed, database=database)

    def say(text: str) -> None:
        click.echo(text, err=as_json)

    document = live_job.measure(
        options, place, study_of(study), say=say, progress=progress.line(sys.stderr)
    )
    if as_json:
        click.echo(json.dumps(document))
    else:
        _show(document)
        click.echo(f"written: {out / 'live.json'}")
    if not document["held"]:
        return _BROKEN
    return 0 if document["valid"] else _INVALID


def _show(document: dict[str, Any]) -> None:
    from bench.show.live_terminal import render_live

    click.echo(render_live(document))
