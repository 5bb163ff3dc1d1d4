"""`resale-bench evidence`: which index earns a gain, what statistics do, what it costs."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

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
    names_of,
    options,
    say_beside,
    study_of,
    timed_folder,
)

if TYPE_CHECKING:
    from bench.analysis.standalone import Options
    from bench.study import Study


def _sizes(context: click.Context, option: click.Parameter, text: str | None) -> tuple[float, ...]:
    """The numbers of a text, apart by commas."""
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of numbers like 0.001,0.01,0.1.") from None


_OPTIONS = options(
    click.option(
        "--run", type=FOLDER, help="A finished run: measure its data, and write into its folder."
    ),
    SOURCE,
    SCALE,
    SEED,
    click.option(
        "--parts",
        help="What to measure, apart by commas: ablation, statistics, cost, growth, recommended, "
        "which takes a run.  [default: all]",
    ),
    click.option(
        "--scales", callback=_sizes, help="Sizes at which growth is measured.  [default: up to 0.1]"
    ),
    click.option(
        "--times/--no-times",
        default=True,
        help="Time the growth too, or count SQLite's steps only, which is cheap enough for a gate.",
    ),
    click.option(
        "--traffic",
        type=DATABASE,
        help="A TOML file with [traffic.requests_per_month], a number for each operation, for the "
        "monthly bill.  [default: as the study and its data tell]",
    ),
    click.option(
        "--out", type=FOLDER, help="The folder to make.  [default: results/evidence-TIME]"
    ),
    WORK,
    STUDY,
    JSON,
)


class _Values(TypedDict):
    """The values of _OPTIONS."""

    run: Path | None
    database: Path | None
    scale: float | None
    seed: int | None
    parts: str | None
    scales: tuple[float, ...]
    times: bool
    traffic: Path | None
    out: Path | None
    work: Path
    study: Path | None


@click.command()
@_OPTIONS
def evidence(as_json: bool, **values: Unpack[_Values]) -> int:
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
    from bench.report.arms import Arms
    from bench.report.contents import evidence_text

    chosen = _standalone_options(study_of(values["study"]), values)
    measured = standalone.gather_evidence(
        chosen, say=say_beside(as_json=as_json), progress=progress.line(sys.stderr)
    )
    if as_json:
        documents = {name: part.json_values() for name, part in measured.by_name().items()}
        click.echo(json.dumps(documents))
        return 0
    titles = {operation.name: operation.title for operation in chosen.study.operations}
    written = measured.by_name()
    click.echo(evidence_text(measured, Arms.of(chosen.study), titles))
    click.echo(f"written: {', '.join(str(chosen.out / f'{name}.json') for name in written)}")
    return 0


def _standalone_options(study: Study, values: _Values) -> Options:
    """What is to be measured: of a finished run with its data, or of data by itself.

    Raises:
        click.UsageError: a run is given, and what is its own.
    """
    from bench.analysis import standalone
    from bench.analysis.job import parts_of
    from bench.study import load_traffic

    run, scale, seed, traffic = values["run"], values["scale"], values["seed"], values["traffic"]
    if run is None:
        scale, seed = data_of(study, values["database"], scale, seed)
    elif scale is not None or seed is not None or values["out"] is not None:
        raise click.UsageError(
            "A run has its own scale, seed and folder; leave out --scale, --seed and --out."
        )
    else:
        scale, seed = standalone.size_of_run(run)
    names = [operation.name for operation in study.operations]
    parts = values["parts"]
    return standalone.Options(
        study=study,
        parts=parts_of(study, of_run=run is not None) if parts is None else names_of(parts),
        work=values["work"],
        scale=scale,
        seed=seed,
        out=values["out"] or run or timed_folder("evidence"),
        run=run,
        database=values["database"],
        scales=values["scales"],
        traffic=None if traffic is None else load_traffic(traffic, names).requests_per_month,
        times=values["times"],
        command=shlex.join(["resale-bench", *sys.argv[1:]]),
    )
