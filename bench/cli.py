"""The command line: parses, calls one plain function, prints, and sets the exit code.

The only place that exits. Exit codes: 0 good, 1 a regression or a refuted
gate, 2 wrong use, 3 inconclusive or invalid measurement, 4 incomparable runs,
70 a fault of this program (with its traceback), 128 + n ended by signal n.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bench.commands import ALL
from bench.options import DATABASE, FOLDER, JSON, STUDY, WORK, data_of, fill_of, seed_of, study_of

GOOD, REGRESSION, WRONG_USE, INVALID, INCOMPARABLE = range(5)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="resale-bench")
def cli() -> None:
    """Prove, or refute, what a database migration promises.

    Example: resale-bench run --scale 0.01
    """


@cli.command()
@click.option("--scale", type=float, help="1 is 100,000 products, 10 million events.  [default: 1]")
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
@click.option("--load/--no-load", default=True, help="Load on both served arms, or not.")
@click.option(
    "--visit-seconds",
    type=float,
    default=10.0,
    show_default=True,
    help="How long each block of load counts, and what surrounds the migration of an open shop.",
)
@click.option("--live/--no-live", default=True, help="Migrate an open shop, or not.")
@WORK
@STUDY
def run(
    scale: float | None,
    seed: int | None,
    database: Path | None,
    results: Path,
    name: str | None,
    load: bool,
    live: bool,
    visit_seconds: float,
    work: Path,
    study: Path | None,
) -> int:
    """Seed, migrate, visit, measure, judge and report: the main job.

    Exit codes: 0 good, 1 visitors broke a rule of the shop, 2 wrong use, 3 the load was invalid;
    the run is kept and says so.

    Example: resale-bench run --scale 0.01 --name try
    """
    from bench import documents, job, progress, show, store

    scale, seed = data_of(database, scale, seed)
    options = job.Options(
        study=study_of(study),
        results=results,
        name=name or f"{datetime.now(UTC):%Y%m%d-%H%M%S}-scale-{scale:g}",
        scale=scale,
        seed=seed,
        work=work,
        database=database,
        command=shlex.join(["resale-bench", *sys.argv[1:]]),
        load=load,
        live=live,
        visit_seconds=visit_seconds,
    )
    folder = job.run(options, say=click.echo, progress=progress.line(sys.stderr))
    report = documents.report_of(options.study, store.read_run(folder))
    click.echo()
    click.echo(show.render_claims_table(report))
    click.echo(f"\nreport: {folder / 'report.html'}")
    return _visited(store.read_run(folder))


def _visited(documents: Mapping[str, Any]) -> int:
    """Say what was wrong with the load of a run, and the exit code of that."""
    visits = [documents["load"]] if "load" in documents else []
    visits += documents.get("live", {}).get("ways", [])
    broken = [rule for visit in visits for rule in visit["invariants"]["violations"]]
    invalid = [why for visit in visits for why in visit["invalid_because"]]
    for sentence in (*broken, *invalid):
        click.echo(sentence, err=True)
    return REGRESSION if broken else INVALID if invalid else GOOD


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
@JSON
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

    Every verified account opens with the password resale-demo-password, the staff's
    too: shopper.1@example.com is staff. Serve such a shop to nobody but yourself.

    Example: resale-bench seed --db shop.db --scale 0.01
    """
    from bench import progress
    from seeds import load

    given = {"workers": workers, "chunk_rows": chunk_rows}
    with progress.bars(hidden=as_json) as bar:
        report = load.seed(
            database,
            scale=scale,
            seed=seed_of(seed),
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
@STUDY
@click.option("--list", "only_list", is_flag=True, help="List what is pending and write nothing.")
@JSON
def migrate(database: Path, arm: str, study: Path | None, only_list: bool, as_json: bool) -> None:
    """Bring a database to the state of one arm.

    Example: resale-bench migrate --db shop.db --arm after
    """
    from bench.measure import migration

    chosen, fill = study_of(study).arm(arm), fill_of(database)
    if only_list:
        names = migration.pending(database, chosen, fill=fill)
        click.echo(json.dumps(names) if as_json else "\n".join(names) or "nothing is pending")
        return
    steps = migration.bring_to(database, chosen, fill=fill)
    empty = migration.empty_tables(database)
    if empty and fill is None:
        click.echo(
            f"{' and '.join(empty)} stay empty: "
            f"what the seeding left beside {database} is missing.",
            err=True,
        )
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
@click.option(
    "--variant",
    type=click.Choice(["guarded", "reported"]),
    help="How sell offers are answered: `guarded` once each, as the shop does; `reported` with the "
    "report's own UPDATE, which has no guard, for `resale-bench race` to catch.",
)
def serve(database: Path, host: str, port: int, variant: str | None) -> None:
    """Serve the shop over HTTP, and say how Locust visits it.

    Example: resale-bench serve --db shop.db
    """
    from bench import visits
    from reference_app.server import serve as serve_app
    from reference_app.settings import Settings

    def announce(address: str) -> None:
        click.echo(f"serving {database} at {address}")
        click.echo(f"visit it with: {visits.locust_command(database, address, study_of(None))}")

    chosen = {} if variant is None else {"sell_answers": variant}
    settings = Settings.model_validate({"database": database, **chosen})
    serve_app(settings, host=host, port=port, announce=announce)


@cli.command()
@click.option("--db", "database", type=DATABASE, help="A seeded database; it is left as it is.")
@click.option(
    "--operation", "operations", multiple=True, help="Only this operation; may be repeated."
)
@click.option("--out", type=DATABASE, help="Write pytest-benchmark's JSON here.")
@WORK
@STUDY
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
    from bench import job, progress
    from bench.show import tables

    chosen = study_of(study)
    if only_list:
        for entry in chosen.operations:
            click.echo(f"{entry.name:<28} {entry.kind:<6} {entry.asks}")
        return
    if database is None:
        raise click.UsageError("Name a seeded database with --db FILE.")
    for name in operations:
        chosen.operation(name)
    scale, seed = data_of(database, None, None)
    options = job.Options(
        study=chosen,
        results=Path("results"),
        name="micro",
        scale=scale,
        seed=seed,
        work=work,
        database=database,
        operations=operations,
    )
    shown = progress.line(sys.stderr)
    comparison = job.micro(options, out, say=click.echo, progress=shown)
    click.echo(tables.render_comparison_table(comparison))


@cli.command()
@click.argument("runs", nargs=-1, required=True, type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(runs: tuple[Path, ...], as_json: bool) -> None:
    """Show the arms of one run, or what changed between two runs.

    Two runs are comparable when dataset, SQLite and settings are the same;
    otherwise the exit code is 4. It is 1 when an operation got slower, and 3 when
    nothing can be told of any of them.

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
    if all(entry["verdict"] == "inconclusive" for entry in change["changes"]):
        raise click.exceptions.Exit(INVALID)


@cli.command()
@click.argument("run", type=FOLDER)
@click.option(
    "--out", type=FOLDER, help="Write report and plots here.  [default: the run's folder]"
)
@STUDY
def report(run: Path, out: Path | None, study: Path | None) -> None:
    """Draw the report of a finished run anew from its documents.

    Example: resale-bench report results/reference --out /tmp/report
    """
    from bench import documents, store

    whole = store.read_run(run)
    folder = out or run
    folder.mkdir(parents=True, exist_ok=True)
    documents.write_report(study_of(study), whole, folder)
    click.echo(f"report: {folder / 'report.html'}")


for _command in ALL:
    cli.add_command(_command)


def main() -> None:
    """Run the command line; the only place that exits."""
    from bench.ending import Signals, failed

    signals = Signals()
    signals.listen()
    try:
        code = cli.main(standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; nothing half-made was left", err=True)
        sys.exit(signals.exit_code)
    except BrokenPipeError:
        # The reader has gone; what Python would flush at its end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except click.ClickException as error:
        error.show()
        sys.exit(WRONG_USE)
    except Exception as error:
        sys.exit(failed(error))
    sys.exit(code if isinstance(code, int) else GOOD)


if __name__ == "__main__":
    main()
