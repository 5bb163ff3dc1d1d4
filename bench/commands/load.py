"""`resale-bench load`: the same requests to two arms, in turns, at the same constant rate."""

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
    arms_of,
    data_of,
    figures_or_text,
    load_exit,
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
        default=12.0,
        show_default=True,
        help="Requests that are due a second.",
    ),
    click.option("--seconds", default=10.0, show_default=True, help="That count, of each block."),
    click.option(
        "--warm-up",
        "warm_up_seconds",
        default=2.0,
        show_default=True,
        help="Seconds before them that do not count.",
    ),
    click.option(
        "--groups",
        default=3,
        show_default=True,
        type=click.IntRange(1, 1000),
        help="Of four blocks: base, arm, arm, base.",
    ),
    SPACING,
    TAGS,
)


class _Profile(TypedDict):
    rate_per_second: float
    seconds: float
    warm_up_seconds: float
    groups: int
    spacing: Spacing
    families: tuple[str, ...]


_ARMS = click.option(
    "--arms",
    help="Two arms, the base first; the same one twice compares it with itself.  [default: the "
    "study's base and judged arm]",
)
_OUT = click.option("--out", type=FOLDER, help="The folder to make.  [default: results/load-TIME]")


@click.command()
@options(_ARMS, SOURCE, SCALE, SEED, _PROFILE, _OUT, WORK, STUDY, JSON)
def load(
    arms: str | None,
    database: Path | None,
    scale: float | None,
    seed: int | None,
    out: Path | None,
    work: Path,
    study: Path | None,
    as_json: bool,
    **profile: Unpack[_Profile],
) -> int:
    """Compare two arms under load: open arrivals, the same schedule to each, in ABBA order.

    Every arrival is due at its own time, whatever became of those before; times count from then.
    Each block is served from the same state of its arm's database by a server of its own. OUT
    gets load.json, each request's raw times as Parquet and HdrHistogram logs. The default rate
    is about what the base arm of the built-in study can just hold at full size on one core.

    Exit codes: 0 measured, 1 a rule of the study was broken, 2 wrong use, 3 invalid, because the
    generator fell behind or something ended in the middle.

    Example: resale-bench load --scale 0.01 --arms before,after --rate 50
    """
    from bench import progress
    from bench.load import job
    from bench.load.ab_test import LoadProfile
    from bench.load.workspace import Workspace
    from bench.report.arms import Arms
    from bench.report.blocks import Text
    from bench.report.sections.load import load_answer, load_blocks
    from bench.report.terminal import blocks_text
    from bench.results.load import Load

    chosen = served_study_of(study)
    scale, seed = data_of(chosen, database, scale, seed)
    out = out or timed_folder("load")

    def render(document: Load) -> str:
        titles = {operation.name: operation.title for operation in chosen.operations}
        blocks = load_blocks(document, Arms.of(chosen), titles)
        return blocks_text((*blocks, Text(load_answer(document), "answer")), width=150).rstrip("\n")

    document = job.compare(
        job.LoadOptions(chosen, arms_of(chosen, arms), LoadProfile(seed=seed, **profile)),
        Workspace(chosen, out, work, scale, seed, database),
        say=say_beside(as_json=as_json),
        progress=progress.line(sys.stderr),
    )
    figures_or_text(document, out / "load.json", render, as_json=as_json)
    return load_exit(valid=document.valid, held=document.invariants.held)
