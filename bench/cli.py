"""The command line: parses, calls one plain function, prints, and sets the exit code.

The only place that exits. Exit codes: 0 good, 1 a regression or a refuted
gate, 2 wrong use, 3 inconclusive or invalid measurement, 4 incomparable runs.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import click

GOOD, REGRESSION, WRONG_USE, INVALID, INCOMPARABLE = range(5)

DATABASE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="resale-bench")
def cli() -> None:
    """Prove, or refute, what a database migration promises.

    Example: resale-bench run --scale 0.01
    """


@cli.command()
@click.option(
    "--scale", default=1.0, show_default=True, help="1 is 100,000 products, 10 million events."
)
@click.option("--seed", default=None, type=int, help="Seed of data and draws.  [default: 20251005]")
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
    "--work",
    default=Path("data"),
    type=FOLDER,
    show_default=True,
    help="Where databases are built; emptied afterwards.",
)
@click.option("--study", type=DATABASE, help="A study file.  [default: the built-in resale study]")
def run(
    scale: float,
    seed: int | None,
    database: Path | None,
    results: Path,
    name: str | None,
    work: Path,
    study: Path | None,
) -> None:
    """Seed, migrate, measure, judge and report: the main job.

    Example: resale-bench run --scale 0.01 --name try
    """
    from bench import job, show, store

    options = job.Options(
        study=_study(study),
        results=results,
        name=name or f"{datetime.now(UTC):%Y%m%d-%H%M%S}-scale-{scale:g}",
        scale=_scale_of(database, scale),
        seed=_seed(seed),
        work=work,
        database=database,
        command=shlex.join(["resale-bench", *sys.argv[1:]]),
    )
    folder = job.run(options, say=click.echo, progress=_progress)
    documents = store.read_run(folder)
    click.echo()
    click.echo(show.render_claims_table(job.report_of(options.study, documents)))
    click.echo(f"\nreport: {folder / 'report.html'}")


@cli.command()
@click.option(
    "--db", "database", required=True, type=DATABASE, help="The file to make; it must not exist."
)
@click.option(
    "--scale", default=1.0, show_default=True, help="1 is 100,000 products, 10 million events."
)
@click.option(
    "--seed", default=None, type=int, help="Same seed, same content.  [default: 20251005]"
)
@click.option("--workers", default=None, type=int, help="Threads that generate ahead of the load.")
@click.option("--chunk-rows", default=None, type=int, help="Rows handed to the database at a time.")
@click.option(
    "--measure-limit", is_flag=True, help="Also time SQLite's own INSERT…SELECT of the same events."
)
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def seed(
    database: Path,
    scale: float,
    seed: int | None,
    workers: int | None,
    chunk_rows: int | None,
    measure_limit: bool,
    as_json: bool,
) -> None:
    """Fill a new database with the baseline shop.

    Example: resale-bench seed --db shop.db --scale 0.01
    """
    from bench import progress
    from seeds import load

    given = {"workers": workers, "chunk_rows": chunk_rows}
    with progress.bars(hidden=as_json) as bar:
        report = load.seed(
            database,
            scale=scale,
            seed=_seed(seed),
            measure_limit=measure_limit,
            progress=bar,
            **{key: value for key, value in given.items() if value is not None},
        )
    figures = report.to_json()
    if as_json:
        click.echo(json.dumps(figures))
        return
    click.echo(
        f"{database}: {figures['products']:,} products, {figures['events']:,} events "
        f"in {figures['seconds']:.1f} s ({figures['events_per_second']:,.0f} events/s), "
        f"content {figures['content_hash'][:16]}"
    )


@cli.command()
@click.option(
    "--db", "database", required=True, type=DATABASE, help="A seeded database; it is changed."
)
@click.option("--arm", required=True, help="The arm to bring it to, for example after.")
@click.option("--study", type=DATABASE, help="A study file.  [default: the built-in resale study]")
@click.option("--list", "only_list", is_flag=True, help="List what is pending and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def migrate(database: Path, arm: str, study: Path | None, only_list: bool, as_json: bool) -> None:
    """Bring a database to the state of one arm.

    Example: resale-bench migrate --db shop.db --arm after
    """
    from bench.measure import migration

    chosen = _study(study).arm(arm)
    if only_list:
        names = migration.pending(database, chosen)
        click.echo(json.dumps(names) if as_json else "\n".join(names) or "nothing is pending")
        return
    steps = migration.bring_to(database, chosen)
    if as_json:
        click.echo(json.dumps([step.to_json() for step in steps]))
        return
    for step in steps:
        click.echo(
            f"{step.name:<44} {step.duration_ns / 1e9:8.2f} s {step.size_bytes / 1e6:10.1f} MB"
        )
    click.echo(f"{database} is in the state of the arm {arm}")


@cli.command()
@click.option(
    "--db", "database", required=True, type=DATABASE, help="A seeded database, of any arm."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, help="The port to listen on.")
def serve(database: Path, host: str, port: int) -> None:
    """Serve the shop over HTTP.

    Example: resale-bench serve --db shop.db, then
    locust -f bench/shop.py --host http://127.0.0.1:8000
    """
    from reference_app.server import serve as serve_app
    from reference_app.settings import Settings

    serve_app(
        Settings(database=database),
        host=host,
        port=port,
        announce=lambda address: click.echo(f"serving {database} at {address}"),
    )


@cli.command()
@click.option("--db", "database", type=DATABASE, help="A seeded database; it is left as it is.")
@click.option(
    "--operation", "operations", multiple=True, help="Only this operation; may be repeated."
)
@click.option("--out", type=DATABASE, help="Write pytest-benchmark's JSON here.")
@click.option(
    "--work",
    default=Path("data"),
    type=FOLDER,
    show_default=True,
    help="Where the arms are built; emptied afterwards.",
)
@click.option("--study", type=DATABASE, help="A study file.  [default: the built-in resale study]")
@click.option("--list", "only_list", is_flag=True, help="List the operations and stop.")
def micro(
    database: Path | None,
    operations: tuple[str, ...],
    out: Path | None,
    work: Path,
    study: Path | None,
    only_list: bool,
) -> None:
    """Run the paired micro-benchmarks on a database and print the comparison.

    Example: resale-bench micro --db shop.db --operation events_recent --out micro.json
    """
    from bench import job
    from bench.show import tables

    chosen = _study(study)
    if only_list:
        for entry in chosen.operations:
            click.echo(f"{entry.name:<28} {entry.kind:<6} {entry.asks}")
        return
    if database is None:
        raise click.UsageError("Name a seeded database with --db FILE.")
    for name in operations:
        chosen.operation(name)
    options = job.Options(
        study=chosen,
        results=Path("results"),
        name="micro",
        scale=_scale_of(database, 1.0),
        seed=_seed(None),
        work=work,
        database=database,
        operations=operations,
    )
    comparison = job.micro(options, out, say=click.echo, progress=_progress)
    click.echo(tables.render_comparison_table(comparison))


@cli.command()
@click.argument("runs", nargs=-1, required=True, type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(runs: tuple[Path, ...], as_json: bool) -> None:
    """Show the arms of one run, or what changed between two runs.

    Two runs are comparable when dataset, SQLite and settings are the same;
    otherwise the exit code is 4. It is 1 when an operation got slower.

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
        return
    change = across.between(documents[0], documents[1])
    click.echo(json.dumps(change) if as_json else tables.render_change_table(change))
    if change["slower"]:
        raise click.exceptions.Exit(REGRESSION)


@cli.command()
@click.argument("run", type=FOLDER)
@click.option(
    "--out", type=FOLDER, help="Write report and plots here.  [default: the run's folder]"
)
@click.option("--study", type=DATABASE, help="A study file.  [default: the built-in resale study]")
def report(run: Path, out: Path | None, study: Path | None) -> None:
    """Draw the report of a finished run anew from its documents.

    Example: resale-bench report results/reference --out /tmp/report
    """
    from bench import job, store

    documents = store.read_run(run)
    folder = out or run
    folder.mkdir(parents=True, exist_ok=True)
    job.write_report(_study(study), documents, folder)
    click.echo(f"report: {folder / 'report.html'}")


def _study(path: Path | None) -> Any:
    from bench.study import BUILT_IN, load_study

    return load_study(path or BUILT_IN)


def _seed(given: int | None) -> int:
    from seeds.plan import DEFAULT_SEED

    return DEFAULT_SEED if given is None else given


def _scale_of(database: Path | None, scale: float) -> float:
    if database is None:
        return scale
    from seeds.manifest import read_manifest

    return read_manifest(database).scale


def _progress(text: str) -> None:
    """One changing line on a terminal; nothing where output is kept."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[2K  {text}", nl=False, err=True)


def _ended(signum: int, frame: FrameType | None) -> None:
    # As an exception, so that everything half-made is removed on the way out.
    raise SystemExit(128 + signum)


def main() -> None:
    """Run the command line; the only place that exits."""
    signal.signal(signal.SIGTERM, _ended)
    try:
        code = cli.main(standalone_mode=False)
    except click.Abort:
        click.echo("interrupted; nothing half-made was left", err=True)
        sys.exit(130)
    except KeyboardInterrupt:
        click.echo("interrupted; nothing half-made was left", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader has gone; what Python would flush at its end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except click.ClickException as error:
        error.show()
        sys.exit(WRONG_USE)
    except Exception as error:
        # Only now: the names of all errors come with all rooms.
        from bench.errors import exit_code_of

        wrong = exit_code_of(error)
        if wrong is None:
            raise
        click.echo(f"resale-bench: {error}", err=True)
        sys.exit(wrong)
    sys.exit(code if isinstance(code, int) else GOOD)


if __name__ == "__main__":
    main()
