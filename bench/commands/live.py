"""`resale-bench live`: an online migration, and how long the service stops."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

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
    names_of,
    options,
    say_beside,
    served_study_of,
    timed_folder,
)

if TYPE_CHECKING:
    from bench.load.arrivals import Spacing

_PROFILE = options(
    click.option(
        "--rate",
        "rate_per_second",
        default=10.0,
        show_default=True,
        help="Users' requests a second.",
    ),
    click.option(
        "--probe",
        "probes_per_second",
        default=10.0,
        show_default=True,
        help="Writes of one operation a second besides, evenly, to see writes stop.",
    ),
    click.option(
        "--before",
        "before_s",
        default=10.0,
        show_default=True,
        help="Seconds before the migration.",
    ),
    click.option(
        "--after", "after_s", default=10.0, show_default=True, help="Seconds after its end."
    ),
)


class _Profile(TypedDict):
    rate_per_second: float
    probes_per_second: float
    before_s: float
    after_s: float
    spacing: Spacing
    families: tuple[str, ...]


_STRATEGIES = click.option(
    "--strategies",
    "--ways",
    default="reported,low_impact",
    show_default=True,
    help="How it is run: `reported`, as it was; `low_impact`, in the order and with the settings "
    "that stop writes least.",
)
_OUT = click.option("--out", type=FOLDER, help="The folder to make.  [default: results/live-TIME]")


@click.command()
@options(SOURCE, SCALE, SEED, _PROFILE, _STRATEGIES, SPACING, TAGS, _OUT, WORK, STUDY, JSON)
def live(
    database: Path | None,
    scale: float | None,
    seed: int | None,
    strategies: str,
    out: Path | None,
    work: Path,
    study: Path | None,
    as_json: bool,
    **profile: Unpack[_Profile],
) -> int:
    """Run the study's migration while its service is in use, and tell how long the service stops.

    A server on a copy of the database gets requests at a constant rate; after --before seconds
    the migration runs statement by statement on the same file, over a connection of its own, and
    arrivals go on until --after seconds after its end. OUT gets live.json and each request's
    raw times as Parquet.

    Exit codes: 0 measured, 1 a rule of the study or a fact of the migration does not hold,
    2 wrong use, 3 invalid, because the generator fell behind or something ended in the middle.

    Example: resale-bench live --scale 0.01 --before 3 --after 3
    """
    from bench import progress
    from bench.load import online_migration
    from bench.load.online_migration_options import Options, strategies_of
    from bench.load.workspace import Workspace
    from bench.report.blocks import Text
    from bench.report.sections.online_migration import live_blocks
    from bench.report.terminal import blocks_text
    from bench.results.live import OnlineMigration

    chosen = served_study_of(study)
    scale, seed = data_of(chosen, database, scale, seed)
    wanted = strategies_of(names_of(strategies))
    out = out or timed_folder("live")

    def render(document: OnlineMigration) -> str:
        titles = {operation.name: operation.title for operation in chosen.operations}
        blocks = (*live_blocks(document, titles), Text(document.answer, "answer"))
        return blocks_text(blocks, width=140).rstrip("\n")

    document = online_migration.measure(
        Options(strategies=wanted, seed=seed, **profile),
        Workspace(chosen, out, work, scale, seed, database),
        say=say_beside(as_json=as_json),
        progress=progress.line(sys.stderr),
    )
    figures_or_text(document, out / "live.json", render, as_json=as_json)
    return load_exit(valid=document.valid, held=document.held)
