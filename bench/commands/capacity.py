"""`resale-bench capacity`: the highest rate that each arm holds, at growing sizes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from bench.exit_codes import INVALID, REGRESSION
from bench.options import (
    FOLDER,
    JSON,
    SEED,
    SOURCE,
    STUDY,
    WORK,
    arms_of,
    data_of,
    figures_or_text,
    options,
    say_beside,
    seed_of,
    served_study_of,
    timed_folder,
)

if TYPE_CHECKING:
    from bench.load.capacity import CapacityOptions

DEFAULT_SCALES = (0.01, 0.1, 1.0)


def _numbers(
    context: click.Context, option: click.Parameter, text: str | None
) -> tuple[float, ...] | None:
    """The numbers of a text, apart by commas."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of numbers like 0.01,0.1.") from None


_LEVEL = options(
    click.option(
        "--within-ms",
        default=250.0,
        show_default=True,
        help="The time that the quantile must keep.",
    ),
    click.option(
        "--quantile", default=0.99, show_default=True, help="The share of answers within that time."
    ),
    click.option(
        "--errors", default=0.001, show_default=True, help="The share that errors must stay below."
    ),
)
_SEARCH = options(
    click.option(
        "--seconds", default=8.0, show_default=True, help="Of each probe; low rates take up to 40."
    ),
    click.option(
        "--ceiling", default=3000.0, show_default=True, help="The highest rate to try, a second."
    ),
)


class _Search(TypedDict):
    seconds: float
    ceiling: float


_ARMS = click.option(
    "--arms", help="Arms to search, apart by commas.  [default: the study's base and judged arm]"
)
_SCALES = click.option(
    "--scales",
    callback=_numbers,
    help="Sizes of the data, 1 is the study's full size.  [default: 0.01,0.1,1]",
)
_OUT = click.option(
    "--out", type=FOLDER, help="The folder to make.  [default: results/capacity-TIME]"
)


@click.command()
@options(_ARMS, _SCALES, SOURCE, SEED, _LEVEL, _SEARCH, _OUT, WORK, STUDY, JSON)
def capacity(
    arms: str | None,
    scales: tuple[float, ...] | None,
    database: Path | None,
    seed: int | None,
    within_ms: float,
    quantile: float,
    errors: float,
    out: Path | None,
    work: Path,
    study: Path | None,
    as_json: bool,
    **search: Unpack[_Search],
) -> int:
    """Search the highest rate of requests that each arm holds, at growing sizes of the data.

    A rate holds if 99 % of all requests are answered within 250 ms of the moment at which they
    were due, errors are below 0.1 %, and nothing piles up. Arrivals are open and Poisson: no
    user waits for another. Each probe begins from the same state of the database. The
    answer has held twice, and the next rate that did not is at most 10 % above it. OUT gets
    capacity.json, and each request's raw times as Parquet.

    Exit codes: 0 searched, 1 a rule of the study was broken, 2 wrong use, 3 the generator
    could not offer what some point needs, or something ended in the middle.

    Example: resale-bench capacity --scales 0.01 --ceiling 1000
    """
    from bench.load.capacity import CapacityOptions
    from bench.results.capacity import ServiceLevel

    chosen = served_study_of(study)
    if database is not None:
        if scales is not None:
            raise click.UsageError("A database has its own size; leave out --scales, or --db.")
        _, seed = data_of(chosen, database, None, seed)
    given = CapacityOptions(
        study=chosen,
        arms=arms_of(chosen, arms),
        scales=DEFAULT_SCALES if scales is None else scales,
        seed=seed_of(seed),
        level=ServiceLevel(
            quantile=quantile, within_ns=round(within_ms * 1e6), errors_below=errors
        ),
        database=database,
        **search,
    )
    return _searched(given, (out or timed_folder("capacity")).absolute(), work, as_json=as_json)


def _searched(options: CapacityOptions, out: Path, work: Path, *, as_json: bool) -> int:
    """Search, store and print; the exit code."""
    from bench import progress
    from bench.load.capacity import check, run_capacity
    from bench.report.arms import Arms
    from bench.report.sections.capacity import capacity_blocks
    from bench.report.terminal import blocks_text
    from bench.results import store
    from bench.results.capacity import Capacity

    def render(document: Capacity) -> str:
        blocks = capacity_blocks(document, Arms.of(options.study), {})
        return blocks_text(blocks, width=120).rstrip("\n")

    check(options)
    with store.new_run(out.parent, out.name) as folder:
        keep = folder / "capacity"
        keep.mkdir()
        document = run_capacity(
            replace(options, keep=keep),
            work,
            say=say_beside(as_json=as_json),
            progress=progress.line(sys.stderr),
        )
        store.write_json(folder / "capacity.json", document)
    figures_or_text(document, out / "capacity.json", render, as_json=as_json)
    if not document.invariants.held:
        return REGRESSION
    unknown = any(point.holds_per_second is None and not point.at_most for point in document.points)
    return INVALID if unknown else 0
