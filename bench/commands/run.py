"""`resale-bench run`: the main job."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.exit_codes import INVALID, REGRESSION
from bench.options import DATABASE, FOLDER, SCALE, STUDY, WORK, data_of, study_of

if TYPE_CHECKING:
    from bench.results.claims import Claims
    from bench.results.documents import RunDocuments


@click.command()
@SCALE
@click.option("--seed", type=int, help="Seed of data and draws.  [default: 20251005]")
@click.option(
    "--db", "database", type=DATABASE, help="Use this seeded database and leave it as it is."
)
@click.option(
    "--results",
    default=Path("results"),
    type=FOLDER,
    show_default=True,
    help="Where runs are kept.",
)
@click.option("--name", help="The run's name.  [default: the time and the scale]")
@click.option(
    "--load/--no-load",
    default=None,
    help="Load on both served arms, or not.  [default: where the study has a service]",
)
@click.option(
    "--visit-seconds",
    type=float,
    default=10.0,
    show_default=True,
    help="How long each block of load counts, and what surrounds the online migration.",
)
@click.option(
    "--live/--no-live",
    default=None,
    help="Migrate while the service runs, or not.  [default: where the study has a service]",
)
@click.option(
    "--evidence/--no-evidence",
    default=False,
    help="Find out too which index earns what, and at what cost; or not.  [default: not]",
)
@WORK
@STUDY
def run(
    scale: float | None,
    seed: int | None,
    database: Path | None,
    results: Path,
    name: str | None,
    load: bool | None,
    live: bool | None,
    visit_seconds: float,
    evidence: bool,
    work: Path,
    study: Path | None,
) -> int:
    """Seed, migrate, visit, measure, judge and report: the main job.

    Exit codes: 0 good, 1 operations fail or answer otherwise after the migration, or the load
    broke a rule of the study, 2 wrong use, 3 the load was invalid; the run is kept and says so.

    Example: resale-bench run --scale 0.01 --name try
    """
    from bench import job, progress
    from bench.results import store
    from bench.study.hooks import hooks_of

    chosen = study_of(study)
    scale, seed = data_of(chosen, database, scale, seed)
    serves = hooks_of(chosen).service is not None
    if (load or live) and not serves:
        raise click.UsageError(
            f"The study {chosen.name} has no service to put load on; leave out --load and --live."
        )
    size = f"scale-{scale:g}" if hooks_of(chosen).generator is not None else chosen.name
    options = job.Options(
        study=chosen,
        results=results,
        name=name or f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{size}",
        scale=scale,
        seed=seed,
        work=work,
        database=database,
        command=shlex.join(["resale-bench", *sys.argv[1:]]),
        load=serves if load is None else load,
        live=serves if live is None else live,
        visit_seconds=visit_seconds,
        evidence=evidence,
    )
    folder = job.run(options, say=click.echo, progress=progress.line(sys.stderr))
    whole = store.read_run(folder)
    _show(whole, folder)
    return _load_exit_code(whole) or _harmed(whole.claims)


def _show(documents: RunDocuments, folder: Path) -> None:
    from bench.report import tables
    from bench.report.sections.claims import claims_text

    click.echo()
    click.echo(claims_text(documents.claims))
    click.echo(tables.render_counters_table(documents.comparison), nl=False)
    click.echo(f"\nreport: {folder / 'report.html'}")


def _harmed(claims: Claims) -> int:
    """The exit code of operations that fail or answer otherwise."""
    headline = claims.headline
    return REGRESSION if headline and (headline.answers_differ or headline.fails) else 0


def _load_exit_code(documents: RunDocuments) -> int:
    """Say what was wrong with the load of a run, and the exit code of that."""
    load, live = documents.load, documents.live
    parts = [*(() if load is None else [load]), *(() if live is None else live.ways)]
    broken = [rule for part in parts for rule in part.invariants.violations]
    invalid = [why for part in parts for why in part.invalid_because]
    for sentence in (*broken, *invalid):
        click.echo(sentence, err=True)
    return REGRESSION if broken else INVALID if invalid else 0
